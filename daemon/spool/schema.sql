-- The account of every face. One writer; the whole schema is made in one transaction.
-- A change here goes with a file in migrations/ that brings an older spool to the same tables.

CREATE TABLE meta (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    epoch      TEXT NOT NULL CHECK (length(epoch) = 36),
    created_at REAL NOT NULL,
    algorithm  TEXT NOT NULL DEFAULT 'sha256' CHECK (algorithm IN ('sha256', 'sm3')),
    -- Behind this entry all bytes that are sent are here; up to it some have been let go.
    released_sequence INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One emptying of the hopper, or one electronic file.
CREATE TABLE batch (
    number          INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 999999),
    virtual         INTEGER NOT NULL CHECK (virtual IN (0, 1)),
    electronic      INTEGER NOT NULL CHECK (electronic IN (0, 1)),
    opened_at       REAL NOT NULL,
    scope           TEXT NOT NULL DEFAULT '',
    closed_at       REAL,
    closed_sequence INTEGER REFERENCES entry (sequence),
    CHECK ((closed_at IS NULL) = (closed_sequence IS NULL))
) STRICT;
CREATE INDEX batch_open ON batch (number) WHERE closed_at IS NULL;

-- A sheet that was asked for. Written before the paper moves.
CREATE TABLE sheet (
    batch        INTEGER NOT NULL REFERENCES batch (number),
    number       INTEGER NOT NULL CHECK (number BETWEEN 1 AND 9999),
    requested_at REAL NOT NULL,
    PRIMARY KEY (batch, number)
) STRICT, WITHOUT ROWID;

-- One row a face; open while it has no fate. The position columns follow its amendments.
CREATE TABLE face (
    page_id        TEXT PRIMARY KEY,
    batch          INTEGER NOT NULL,
    sheet          INTEGER NOT NULL,
    side           TEXT NOT NULL CHECK (side IN ('F', 'B', 'E')),
    fate           TEXT CHECK (fate IN ('page', 'blank', 'separator', 'superseded', 'quarantined',
                                        'refused', 'lost')),
    sequence       INTEGER UNIQUE REFERENCES entry (sequence),
    reason         TEXT NOT NULL DEFAULT '',
    captured_at    REAL NOT NULL DEFAULT 0,
    marked_blank   INTEGER NOT NULL DEFAULT 0 CHECK (marked_blank IN (0, 1)),
    separator      TEXT NOT NULL DEFAULT '',
    -- What it counts as now: see standing.py.
    standing       TEXT NOT NULL DEFAULT 'open',
    -- 1 while a person has to decide about it: none of its bytes may go.
    undecided      INTEGER NOT NULL DEFAULT 0 CHECK (undecided IN (0, 1)),
    -- The newest entry behind which its bytes are sent.
    sent_behind    INTEGER NOT NULL DEFAULT 0,
    case_number    TEXT NOT NULL DEFAULT '',
    case_key       TEXT NOT NULL DEFAULT '',
    stage          TEXT NOT NULL DEFAULT '',
    volume         TEXT NOT NULL DEFAULT '',
    material       TEXT NOT NULL DEFAULT '',
    party          TEXT NOT NULL DEFAULT '',
    instance       INTEGER NOT NULL DEFAULT 0,
    page           INTEGER NOT NULL DEFAULT 0,
    insert_after   INTEGER,
    declared_pages INTEGER NOT NULL DEFAULT 0,
    UNIQUE (batch, sheet, side),
    FOREIGN KEY (batch, sheet) REFERENCES sheet (batch, number),
    CHECK ((fate IS NULL) = (sequence IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX face_fate ON face (fate);
CREATE INDEX face_undecided ON face (sequence) WHERE undecided = 1;
CREATE INDEX face_case ON face (case_key, sequence) WHERE case_key <> '';
CREATE INDEX face_separator ON face (separator, sequence) WHERE separator <> '';

CREATE TRIGGER face_keeps_its_fate
BEFORE UPDATE OF fate, sequence ON face WHEN OLD.fate IS NOT NULL
BEGIN
    SELECT raise(ABORT, 'a face keeps its fate');
END;

-- The journal: the committed bytes and their chain.
CREATE TABLE entry (
    sequence        INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind IN ('page', 'amendment', 'batch_closed')),
    page_id         TEXT REFERENCES face (page_id),
    record          BLOB NOT NULL,
    record_hash     BLOB NOT NULL CHECK (length(record_hash) = 32),
    entry_hash      BLOB NOT NULL CHECK (length(entry_hash) = 32),
    prev_entry_hash BLOB NOT NULL CHECK (length(prev_entry_hash) = 32),
    secondary       INTEGER NOT NULL CHECK (secondary IN (0, 1)),
    CHECK ((kind = 'batch_closed') = (page_id IS NULL))
) STRICT;

CREATE TRIGGER entry_follows_the_last
BEFORE INSERT ON entry WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entry)
BEGIN
    SELECT raise(ABORT, 'the journal has no gaps');
END;

CREATE TRIGGER entry_is_never_edited BEFORE UPDATE ON entry
BEGIN
    SELECT raise(ABORT, 'an entry is never edited');
END;

CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry
BEGIN
    SELECT raise(ABORT, 'an entry is never removed');
END;

-- Later facts about a page, beside the record of each, for readers here.
CREATE TABLE amendment (
    sequence    INTEGER PRIMARY KEY REFERENCES entry (sequence),
    page_id     TEXT NOT NULL REFERENCES face (page_id),
    change      TEXT NOT NULL,
    said        TEXT NOT NULL, -- its values, as JSON
    actor       TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    recorded_at REAL NOT NULL
) STRICT;
CREATE INDEX amendment_page ON amendment (page_id, sequence);
CREATE UNIQUE INDEX amendment_request ON amendment (request_id) WHERE request_id <> '';

-- A file `<page id>-<role>`. deleted_at is committed before the file is unlinked.
CREATE TABLE blob (
    page_id    TEXT NOT NULL REFERENCES face (page_id),
    role       TEXT NOT NULL CHECK (role IN ('page', 'raw', 'original', 'evidence', 'text')),
    media_type TEXT NOT NULL,
    sha256     BLOB NOT NULL CHECK (length(sha256) = 32),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    deleted_at REAL,
    PRIMARY KEY (page_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_present ON blob (page_id, role) WHERE deleted_at IS NULL AND role <> 'evidence';

-- Who pulls, how far, and since when the running client runs (ns).
CREATE TABLE consumer (
    name         TEXT PRIMARY KEY,
    required     INTEGER NOT NULL CHECK (required IN (0, 1)),
    acknowledged INTEGER NOT NULL DEFAULT 0,
    instance     INTEGER NOT NULL DEFAULT 0,
    last_seen_at REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- When everything up to `sequence` had been acknowledged by every required consumer.
CREATE TABLE released (
    sequence INTEGER PRIMARY KEY,
    at       REAL NOT NULL
) STRICT;
