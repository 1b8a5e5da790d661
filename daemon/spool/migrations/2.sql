-- From version 1: what a face counts as, undecided faces, the chain's algorithm, released bytes.

ALTER TABLE meta ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'sha256'
    CHECK (algorithm IN ('sha256', 'sm3'));
ALTER TABLE meta ADD COLUMN released_sequence INTEGER NOT NULL DEFAULT 0;

ALTER TABLE entry RENAME COLUMN record_sha256 TO record_hash;

ALTER TABLE face RENAME COLUMN held TO undecided;
ALTER TABLE face ADD COLUMN standing TEXT NOT NULL DEFAULT 'open';
ALTER TABLE face ADD COLUMN sent_behind INTEGER NOT NULL DEFAULT 0;
CREATE INDEX face_undecided ON face (sequence) WHERE undecided = 1;
-- Of the amendments only quarantine and raw_dropped were written by version 1.
UPDATE face
SET standing = CASE
        WHEN EXISTS (SELECT 1 FROM amendment a
                     WHERE a.page_id = face.page_id AND a.change = 'quarantine')
        THEN 'quarantined' ELSE fate END,
    undecided = max(undecided, fate IN ('lost', 'superseded')),
    sent_behind = sequence
WHERE fate IS NOT NULL;
UPDATE meta SET released_sequence = (
    SELECT coalesce(max(f.sequence), 0)
    FROM blob b JOIN face f ON f.page_id = b.page_id
    WHERE b.deleted_at IS NOT NULL AND b.role IN ('page', 'original'));
