-- {prefix} is the table prefix. Times are microseconds since the Unix epoch, UTC; spans of time are microseconds.
-- What is released in this file is never edited: its checksum is kept in every database.

-- What each node said of itself last. A row is written every few seconds and means nothing for keys: it is
-- for those who ask how far the nodes are.
CREATE TABLE {prefix}nodes (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL CHECK (name <> ''),
    started_at INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    staleness_bound INTEGER NOT NULL CHECK (staleness_bound >= 0),
    report_interval INTEGER NOT NULL CHECK (report_interval >= 0),
    -- The mark of the event at the position: 0 before the first.
    mark INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
