-- Whether the journal and the tables beside it say the same: a row is a breach. Reads all of it.

SELECT 'the journal has no gaps' AS law, NULL AS batch, '' AS page_id
WHERE (SELECT count(*) FROM entry) <> (SELECT coalesce(max(sequence), 0) FROM entry)
UNION ALL
SELECT 'a record in the journal has its face', f.batch, e.page_id
FROM entry e LEFT JOIN face f ON f.page_id = e.page_id
WHERE e.kind = 'page' AND f.sequence IS NOT e.sequence
UNION ALL
SELECT 'an amendment in the journal has its row', NULL, e.page_id
FROM entry e LEFT JOIN amendment a ON a.sequence = e.sequence
WHERE e.kind = 'amendment' AND a.page_id IS NOT e.page_id
UNION ALL
SELECT 'an account in the journal has its batch', NULL, 'entry ' || e.sequence
FROM entry e LEFT JOIN batch b ON b.closed_sequence = e.sequence
WHERE e.kind = 'batch_closed' AND b.number IS NULL
UNION ALL
SELECT 'a cursor stands on an entry', NULL, c.name
FROM consumer c
WHERE c.acknowledged > (SELECT coalesce(max(sequence), 0) FROM entry)
