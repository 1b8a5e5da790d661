-- The law of conservation, and what goes with it, over the faces of each batch: a row is a breach.
-- Asked for one batch before it closes, and for all by `suian status --verify`.

SELECT 'a sheet has two faces, a file has one' AS law, b.number AS batch, '' AS page_id
FROM batch b
WHERE (SELECT count(*) FROM face f WHERE f.batch = b.number)
   <> (SELECT count(*) FROM sheet s WHERE s.batch = b.number)
      * (CASE b.electronic WHEN 1 THEN 1 ELSE 2 END)
UNION ALL
SELECT 'a closed batch has no open face', f.batch, f.page_id
FROM face f JOIN batch b ON b.number = f.batch
WHERE f.fate IS NULL AND b.closed_at IS NOT NULL
UNION ALL
SELECT 'a closed batch has its account in the journal', b.number, ''
FROM batch b LEFT JOIN entry e ON e.sequence = b.closed_sequence
WHERE b.closed_at IS NOT NULL AND e.kind IS NOT 'batch_closed'
UNION ALL
SELECT 'a fate has its record in the journal', f.batch, f.page_id
FROM face f LEFT JOIN entry e ON e.sequence = f.sequence
WHERE f.fate IS NOT NULL AND (e.kind IS NOT 'page' OR e.page_id IS NOT f.page_id)
UNION ALL
SELECT 'without a later fact a face is what it was captured as', f.batch, f.page_id
FROM face f
WHERE f.standing <> coalesce(f.fate, 'open')
  AND NOT EXISTS (SELECT 1 FROM amendment a WHERE a.page_id = f.page_id)
UNION ALL
SELECT 'a page has bytes', f.batch, f.page_id
FROM face f
WHERE f.standing = 'page' AND NOT EXISTS (
    SELECT 1 FROM blob b WHERE b.page_id = f.page_id AND b.role IN ('page', 'original'))
UNION ALL
SELECT 'a refused face leaves no image', f.batch, f.page_id
FROM face f JOIN blob b ON b.page_id = f.page_id
WHERE +f.fate = 'refused' -- by its batch, not by the index of fates
