-- {prefix} is the table prefix. Times are microseconds since the Unix epoch, UTC.
-- What is released in this file is never edited: its checksum is kept in every database.

CREATE TABLE {prefix}migrations (
    version INTEGER PRIMARY KEY,
    checksum BLOB NOT NULL CHECK (length(checksum) = 32),
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE {prefix}keys (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization TEXT NOT NULL CHECK (organization <> ''),
    name TEXT NOT NULL CHECK (name <> ''),
    environment TEXT NOT NULL CHECK (environment IN ('live', 'test')),
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL CHECK (created_by <> ''),
    expires_at INTEGER,
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    revoked_at INTEGER,
    revoked_by TEXT,
    revoked_reason TEXT,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Lists, newest first; and lists of what is not revoked, however much is.
CREATE INDEX {prefix}keys_by_organization ON {prefix}keys (organization, id);
CREATE INDEX {prefix}keys_unrevoked ON {prefix}keys (organization, id) WHERE revoked_at IS NULL;
-- Counts of live keys, which must not slow down as revoked and expired ones pile up.
CREATE INDEX {prefix}keys_slots ON {prefix}keys (organization, expires_at) WHERE revoked_at IS NULL;

CREATE TABLE {prefix}secrets (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    key BLOB NOT NULL REFERENCES {prefix}keys (id),
    generation INTEGER NOT NULL CHECK (generation > 0),
    hint TEXT NOT NULL CHECK (length(hint) BETWEEN 1 AND 30),
    created_at INTEGER NOT NULL,
    retires_at INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {prefix}secrets_by_key ON {prefix}secrets (key, generation);

-- The log, and the change feed: SQLite's one write lock makes positions commit in their order.
CREATE TABLE {prefix}events (
    position INTEGER PRIMARY KEY AUTOINCREMENT CHECK (position > 0),
    at INTEGER NOT NULL,
    organization TEXT NOT NULL CHECK (organization <> ''),
    action TEXT NOT NULL CHECK (action <> ''),
    actor TEXT NOT NULL CHECK (actor <> ''),
    key BLOB REFERENCES {prefix}keys (id),
    request_id TEXT,
    details TEXT NOT NULL,
    -- Random. After a restored backup the same position belongs to another event, and its mark is another.
    mark INTEGER NOT NULL DEFAULT (random())
) STRICT;

CREATE INDEX {prefix}events_by_organization ON {prefix}events (organization);
CREATE INDEX {prefix}events_by_actor ON {prefix}events (organization, actor);
CREATE INDEX {prefix}events_by_action ON {prefix}events (organization, action);
CREATE INDEX {prefix}events_by_key ON {prefix}events (key) WHERE key IS NOT NULL;

CREATE TABLE {prefix}idempotency (
    organization TEXT NOT NULL,
    token TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    key BLOB NOT NULL REFERENCES {prefix}keys (id),
    remembered_until INTEGER NOT NULL,
    PRIMARY KEY (organization, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX {prefix}idempotency_by_end ON {prefix}idempotency (organization, remembered_until);

-- From here on: what no SQL may do, keyfob's own included.
-- INSERT OR REPLACE deletes without firing a delete trigger, hence the ones before inserts.

CREATE TRIGGER {prefix}keys_keep_identity
BEFORE UPDATE OF id, organization, environment, created_at, created_by ON {prefix}keys
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the identity of a key does not change');
END;

CREATE TRIGGER {prefix}keys_stay_revoked
BEFORE UPDATE OF disabled, revoked_at, revoked_by, revoked_reason ON {prefix}keys
WHEN OLD.revoked_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a revoked key stays revoked');
END;

CREATE TRIGGER {prefix}keys_are_not_deleted
BEFORE DELETE ON {prefix}keys
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a key is revoked, not deleted');
END;

CREATE TRIGGER {prefix}keys_are_not_replaced
BEFORE INSERT ON {prefix}keys
WHEN EXISTS (SELECT 1 FROM {prefix}keys WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a key with this id exists');
END;

CREATE TRIGGER {prefix}secrets_keep_identity
BEFORE UPDATE OF hash, key, generation, hint, created_at ON {prefix}secrets
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the identity of a secret does not change');
END;

CREATE TRIGGER {prefix}secrets_are_not_deleted
BEFORE DELETE ON {prefix}secrets
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a secret retires, and is not deleted');
END;

CREATE TRIGGER {prefix}secrets_are_not_replaced
BEFORE INSERT ON {prefix}secrets
WHEN EXISTS (SELECT 1 FROM {prefix}secrets WHERE hash = NEW.hash)
    OR EXISTS (SELECT 1 FROM {prefix}secrets WHERE key = NEW.key AND generation = NEW.generation)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: this secret exists');
END;

CREATE TRIGGER {prefix}events_are_not_updated
BEFORE UPDATE ON {prefix}events
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the log is append-only');
END;

CREATE TRIGGER {prefix}events_are_not_deleted
BEFORE DELETE ON {prefix}events
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the log is append-only');
END;

CREATE TRIGGER {prefix}events_are_not_replaced
BEFORE INSERT ON {prefix}events
WHEN EXISTS (SELECT 1 FROM {prefix}events WHERE position = NEW.position)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the log is append-only');
END;

CREATE TRIGGER {prefix}events_are_appended
AFTER INSERT ON {prefix}events
WHEN NEW.position < (SELECT max(position) FROM {prefix}events)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the log is append-only');
END;
