-- {prefix} is the table prefix. Times are microseconds since the Unix epoch, UTC.
-- What is released in this file is never edited: its checksum is kept in every database.
-- It makes two tables anew, so it runs with `PRAGMA foreign_keys = OFF`, which only counts outside of a
-- transaction (https://sqlite.org/lang_altertable.html#otheralter).

-- Keys have a number. SQLite repeats whole rows in the inner pages of a tree without row ids, so that of
-- ten million keys those alone took 50 MB, which no lookup found in its cache. By number, they take 4 MB.
CREATE TABLE {prefix}numbered_keys (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    id BLOB NOT NULL CHECK (length(id) = 16),
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
    epoch INTEGER NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL)
) STRICT;

INSERT INTO {prefix}numbered_keys
    (id, organization, name, environment, scopes, created_at, created_by, expires_at, disabled,
    revoked_at, revoked_by, revoked_reason, epoch)
SELECT id, organization, name, environment, scopes, created_at, created_by, expires_at, disabled,
    revoked_at, revoked_by, revoked_reason, epoch
FROM {prefix}keys ORDER BY id;

CREATE UNIQUE INDEX {prefix}keys_by_id ON {prefix}numbered_keys (id);

-- Secrets lie by key, as lists read them. `key` is its number.
CREATE TABLE {prefix}numbered_secrets (
    key INTEGER NOT NULL REFERENCES {prefix}keys (number),
    generation INTEGER NOT NULL CHECK (generation > 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    hint TEXT NOT NULL CHECK (length(hint) BETWEEN 1 AND 30),
    created_at INTEGER NOT NULL,
    retires_at INTEGER,
    PRIMARY KEY (key, generation)
) STRICT, WITHOUT ROWID;

INSERT INTO {prefix}numbered_secrets (key, generation, hash, hint, created_at, retires_at)
SELECT k.number, s.generation, s.hash, s.hint, s.created_at, s.retires_at
FROM {prefix}secrets s CROSS JOIN {prefix}numbered_keys k ON k.id = s.key
ORDER BY k.number, s.generation;

DROP INDEX {prefix}secrets_by_key;
DROP TABLE {prefix}secrets;
DROP TABLE {prefix}keys;
ALTER TABLE {prefix}numbered_keys RENAME TO {prefix}keys;
ALTER TABLE {prefix}numbered_secrets RENAME TO {prefix}secrets;

-- A lookup reads this and the key, and nothing else of the secret. That a hash is there once is held by
-- `secrets_are_not_replaced`: to say so here as well would take another index, without its end.
CREATE INDEX {prefix}secrets_by_hash ON {prefix}secrets (hash, retires_at);

-- The indices and triggers of the two tables, as they were.
CREATE INDEX {prefix}keys_by_epoch ON {prefix}keys (organization, epoch, id);
CREATE INDEX {prefix}keys_unrevoked_by_epoch ON {prefix}keys (organization, epoch, id)
WHERE revoked_at IS NULL;
CREATE INDEX {prefix}keys_slots_by_epoch ON {prefix}keys (organization, epoch, expires_at)
WHERE revoked_at IS NULL;
CREATE INDEX {prefix}secrets_by_end ON {prefix}secrets (key, retires_at);

-- Without a list of columns: `rowid` is another name of the number.
CREATE TRIGGER {prefix}keys_keep_number
BEFORE UPDATE ON {prefix}keys
WHEN NEW.number <> OLD.number
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the identity of a key does not change');
END;

CREATE TRIGGER {prefix}keys_keep_identity
BEFORE UPDATE OF id, organization, environment, created_at, created_by ON {prefix}keys
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the identity of a key does not change');
END;

CREATE TRIGGER {prefix}keys_keep_epoch
BEFORE UPDATE OF epoch ON {prefix}keys
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the identity of a key does not change');
END;

CREATE TRIGGER {prefix}keys_stay_revoked
BEFORE UPDATE OF disabled, revoked_at, revoked_by, revoked_reason ON {prefix}keys
WHEN OLD.revoked_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a revoked key stays revoked');
END;

CREATE TRIGGER {prefix}keys_stay_as_revoked
BEFORE UPDATE OF name, scopes, expires_at ON {prefix}keys
WHEN OLD.revoked_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a revoked key stays as it was');
END;

CREATE TRIGGER {prefix}keys_are_not_deleted
BEFORE DELETE ON {prefix}keys
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a key is revoked, not deleted');
END;

CREATE TRIGGER {prefix}keys_are_not_replaced
BEFORE INSERT ON {prefix}keys
WHEN EXISTS (SELECT 1 FROM {prefix}keys WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM {prefix}keys WHERE number = NEW.number)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a key with this id exists');
END;

CREATE TRIGGER {prefix}keys_are_of_their_time
BEFORE INSERT ON {prefix}keys
WHEN NEW.epoch <> coalesce(
    (SELECT epoch FROM {prefix}organizations WHERE organization = NEW.organization), 0)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the organization of this epoch was deleted');
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

CREATE TRIGGER {prefix}secrets_stay_retired
BEFORE UPDATE OF retires_at ON {prefix}secrets
WHEN OLD.retires_at IS NOT NULL
    AND (NEW.retires_at IS NULL OR NEW.retires_at > OLD.retires_at)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the end of a secret is not put off');
END;

CREATE TRIGGER {prefix}secrets_follow_each_other
BEFORE INSERT ON {prefix}secrets
WHEN NEW.retires_at IS NULL
    AND EXISTS (SELECT 1 FROM {prefix}secrets WHERE key = NEW.key AND retires_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a key has one secret without an end');
END;

CREATE TRIGGER {prefix}secrets_of_revoked_keys
BEFORE INSERT ON {prefix}secrets
WHEN EXISTS (SELECT 1 FROM {prefix}keys WHERE number = NEW.key AND revoked_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a revoked key gets no new secret');
END;
