-- {prefix} is the table prefix. Times are microseconds since the Unix epoch, UTC; hours are hours since it.
-- What is released in this file is never edited: its checksum is kept in every database.

-- Organizations that were deleted. Their epoch is the position of the last deletion in the log: what was
-- logged up to there, and what bears an older epoch, is of an organization that is gone. An organization
-- that was never deleted has no row here, and its epoch is 0.
CREATE TABLE {prefix}organizations (
    organization TEXT NOT NULL PRIMARY KEY CHECK (organization <> ''),
    epoch INTEGER NOT NULL CHECK (epoch > 0) REFERENCES {prefix}events (position)
) STRICT, WITHOUT ROWID;

-- The epoch in which the key was made.
ALTER TABLE {prefix}keys ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0 CHECK (epoch >= 0);

-- The indices of keys, each with the epoch: however many keys were deleted, no list walks past them.
DROP INDEX {prefix}keys_by_organization;
DROP INDEX {prefix}keys_unrevoked;
DROP INDEX {prefix}keys_slots;
CREATE INDEX {prefix}keys_by_epoch ON {prefix}keys (organization, epoch, id);
CREATE INDEX {prefix}keys_unrevoked_by_epoch ON {prefix}keys (organization, epoch, id)
WHERE revoked_at IS NULL;
CREATE INDEX {prefix}keys_slots_by_epoch ON {prefix}keys (organization, epoch, expires_at)
WHERE revoked_at IS NULL;

-- What the feed tells of a key: the secrets that have not retired long ago, however many have.
CREATE INDEX {prefix}secrets_by_end ON {prefix}secrets (key, retires_at);

-- The hour comes first. A flush then writes to one place, the end, and not to a page for each
-- organization; pruning cuts off the beginning; and a read seeks once for each hour that it asks for.
CREATE TABLE {prefix}usage (
    hour INTEGER NOT NULL,
    organization TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    key BLOB NOT NULL REFERENCES {prefix}keys (id),
    secret INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome <> ''),
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (hour, organization, epoch, key, secret, outcome)
) STRICT, WITHOUT ROWID;

-- When each secret was last accepted. It is written at every flush, so it stands apart, in rows that are
-- small and lie by key: secrets lie by hash, each on a page of its own. Their `last_used_at` stays null.
CREATE TABLE {prefix}last_uses (
    key BLOB NOT NULL REFERENCES {prefix}keys (id),
    secret INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (key, secret)
) STRICT, WITHOUT ROWID;

-- The batches that usage was added up from, for as long as one of them may be sent again.
CREATE TABLE {prefix}usage_batches (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX {prefix}usage_batches_by_time ON {prefix}usage_batches (at);

-- From here on: what no SQL may do, keyfob's own included.

CREATE TRIGGER {prefix}organizations_stay_deleted
BEFORE UPDATE ON {prefix}organizations
WHEN NEW.organization <> OLD.organization OR NEW.epoch < OLD.epoch
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a deleted organization stays deleted');
END;

CREATE TRIGGER {prefix}organizations_are_not_forgotten
BEFORE DELETE ON {prefix}organizations
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a deleted organization stays deleted');
END;

CREATE TRIGGER {prefix}organizations_are_not_replaced
BEFORE INSERT ON {prefix}organizations
WHEN EXISTS (
    SELECT 1 FROM {prefix}organizations
    WHERE organization = NEW.organization AND epoch > NEW.epoch
)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a deleted organization stays deleted');
END;

CREATE TRIGGER {prefix}keys_keep_epoch
BEFORE UPDATE OF epoch ON {prefix}keys
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the identity of a key does not change');
END;

CREATE TRIGGER {prefix}keys_are_of_their_time
BEFORE INSERT ON {prefix}keys
WHEN NEW.epoch <> coalesce(
    (SELECT epoch FROM {prefix}organizations WHERE organization = NEW.organization), 0)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: the organization of this epoch was deleted');
END;

CREATE TRIGGER {prefix}keys_stay_as_revoked
BEFORE UPDATE OF name, scopes, expires_at ON {prefix}keys
WHEN OLD.revoked_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a revoked key stays as it was');
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
WHEN EXISTS (SELECT 1 FROM {prefix}keys WHERE id = NEW.key AND revoked_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'keyfob: a revoked key gets no new secret');
END;
