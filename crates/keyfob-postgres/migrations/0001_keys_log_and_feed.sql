-- {schema} is the schema. Times are microseconds since the Unix epoch, UTC; hours are hours since it; spans of
-- time are microseconds. What is released in this file is never edited: its checksum is kept in every database.
--
-- Texts sort by their bytes (COLLATE "C"): what an index holds must not change with a library of the system.

CREATE TABLE {schema}.migrations (
    version bigint PRIMARY KEY,
    checksum bytea NOT NULL CHECK (octet_length(checksum) = 32),
    applied_at bigint NOT NULL
);

-- One row. Whoever changes keys, organizations or the log locks it first (SELECT ... FOR UPDATE) and holds it until
-- the commit. So what is counted or looked up under it stays true, and positions commit in their order. To lock a row
-- makes no new version of it: however many writes there are, and however long a transaction beside them, it is one.
CREATE TABLE {schema}.head (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    -- The feed holds nothing up to here any more.
    pruned_through bigint NOT NULL DEFAULT 0 CHECK (pruned_through >= 0)
);

INSERT INTO {schema}.head DEFAULT VALUES;

CREATE TABLE {schema}.keys (
    id uuid PRIMARY KEY,
    organization text COLLATE "C" NOT NULL CHECK (organization <> ''),
    -- The epoch in which the key was made: see the table of organizations.
    epoch bigint NOT NULL CHECK (epoch >= 0),
    name text NOT NULL CHECK (name <> ''),
    environment text NOT NULL CHECK (environment IN ('live', 'test')),
    scopes text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL CHECK (created_by <> ''),
    expires_at bigint,
    disabled boolean NOT NULL DEFAULT false,
    revoked_at bigint,
    revoked_by text,
    revoked_reason text,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL)
);

-- Lists, newest first; and lists of what is not revoked, however much is.
CREATE INDEX keys_by_epoch ON {schema}.keys (organization, epoch, id);
CREATE INDEX keys_unrevoked ON {schema}.keys (organization, epoch, id) WHERE revoked_at IS NULL;
-- Counts of live keys, which must not slow down as revoked and expired ones pile up.
CREATE INDEX keys_slots ON {schema}.keys (organization, epoch, expires_at) WHERE revoked_at IS NULL;

CREATE TABLE {schema}.secrets (
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    -- Of a key that exists: a trigger holds that. A reference would lock each key's row besides, which is a write.
    key uuid NOT NULL,
    generation bigint NOT NULL CHECK (generation BETWEEN 1 AND 4294967295),
    hint text NOT NULL CHECK (octet_length(hint) BETWEEN 1 AND 30),
    created_at bigint NOT NULL,
    retires_at bigint,
    -- A lookup reads all that it needs of a secret from the index.
    PRIMARY KEY (hash) INCLUDE (key, generation, retires_at)
);

CREATE UNIQUE INDEX secrets_by_key ON {schema}.secrets (key, generation);
-- What the feed tells of a key: the secrets that have not retired long ago, however many have.
CREATE INDEX secrets_by_end ON {schema}.secrets (key, retires_at) WHERE retires_at IS NOT NULL;
-- A key has one secret without an end.
CREATE UNIQUE INDEX secrets_in_use ON {schema}.secrets (key) WHERE retires_at IS NULL;

-- The log. Its last position is the end of the feed. The tag tells a history that was rewritten, by a failover that
-- lost commits or by a restored backup: the position is there again, and its tag is another.
CREATE TABLE {schema}.events (
    position bigint PRIMARY KEY CHECK (position > 0),
    tag uuid NOT NULL DEFAULT gen_random_uuid(),
    at bigint NOT NULL,
    organization text COLLATE "C" NOT NULL CHECK (organization <> ''),
    action text COLLATE "C" NOT NULL CHECK (action <> ''),
    actor text NOT NULL CHECK (actor <> ''),
    -- Without a reference, which would lock the key's row once more for each event. Keys are never deleted.
    key uuid,
    request_id text,
    details text NOT NULL
);

CREATE INDEX events_by_organization ON {schema}.events (organization, position);
CREATE INDEX events_by_key ON {schema}.events (key, position) WHERE key IS NOT NULL;

-- The change feed: the events that followers act upon, with what they need to forget, for as long as it is kept.
CREATE TABLE {schema}.feed (
    position bigint PRIMARY KEY,
    -- When it was written, by the clock of the database: by that one it is pruned.
    written_at bigint NOT NULL,
    -- Without a key, all of the organization's.
    key uuid,
    organization text COLLATE "C" NOT NULL,
    -- One after the other.
    hashes bytea NOT NULL CHECK (octet_length(hashes) % 32 = 0)
);

-- Organizations that were deleted. Their epoch is the position of the last deletion in the log: what was
-- logged up to there, and what bears an older epoch, is of an organization that is gone. An organization
-- that was never deleted has no row here, and its epoch is 0.
CREATE TABLE {schema}.organizations (
    organization text COLLATE "C" PRIMARY KEY CHECK (organization <> ''),
    epoch bigint NOT NULL CHECK (epoch > 0) REFERENCES {schema}.events (position)
);

CREATE TABLE {schema}.idempotency (
    organization text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    key uuid NOT NULL REFERENCES {schema}.keys (id),
    remembered_until bigint NOT NULL,
    PRIMARY KEY (organization, token)
);

CREATE INDEX idempotency_by_end ON {schema}.idempotency (organization, remembered_until);

-- The hour comes first. A flush then writes to one place, the end, and not to a page for each
-- organization; pruning cuts off the beginning; and a read seeks once for each hour that it asks for.
-- Counts change in place, where a page has room for the next version of its rows: hence the fill factor.
CREATE TABLE {schema}.usage (
    hour bigint NOT NULL,
    organization text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    key uuid NOT NULL,
    secret bigint NOT NULL,
    outcome text COLLATE "C" NOT NULL CHECK (outcome <> ''),
    count bigint NOT NULL CHECK (count >= 0),
    PRIMARY KEY (hour, organization, epoch, key, secret, outcome)
) WITH (fillfactor = 70);

-- When each secret was last accepted. It is written at every flush, so it stands apart, in rows that are small.
CREATE TABLE {schema}.last_uses (
    key uuid NOT NULL,
    secret bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (key, secret)
) WITH (fillfactor = 50);

-- The batches that usage was added up from, for as long as one of them may be sent again.
CREATE TABLE {schema}.usage_batches (
    id uuid PRIMARY KEY,
    at bigint NOT NULL
);

CREATE INDEX usage_batches_by_time ON {schema}.usage_batches (at);

-- What each node said of itself last. A row is written every few seconds and means nothing for keys: it is
-- for those who ask how far the nodes are.
CREATE TABLE {schema}.nodes (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    started_at bigint NOT NULL,
    reported_at bigint NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    -- The tag of the event at the position: null before the first.
    tag uuid,
    staleness_bound bigint NOT NULL CHECK (staleness_bound >= 0),
    report_interval bigint NOT NULL CHECK (report_interval >= 0)
) WITH (fillfactor = 50);

-- From here on: what no SQL may do, keyfob's own included.

CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'keyfob: %', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END
$$;

-- What is new is looked at once for a statement, whatever the number of its rows.
CREATE FUNCTION {schema}.check_new_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM new_keys n WHERE n.epoch <> coalesce(
        (SELECT o.epoch FROM {schema}.organizations o WHERE o.organization = n.organization), 0))
    THEN
        RAISE EXCEPTION 'keyfob: the organization of this epoch was deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION {schema}.check_new_secrets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM new_secrets n
        WHERE (SELECT k.revoked_at IS NULL FROM {schema}.keys k WHERE k.id = n.key) IS NOT TRUE)
    THEN
        RAISE EXCEPTION 'keyfob: a secret is of a key that exists and is not revoked'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION {schema}.check_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gone g WHERE g.position > (SELECT h.pruned_through FROM {schema}.head h)) THEN
        RAISE EXCEPTION 'keyfob: what the feed has not given up stays in it'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER keys_keep_identity BEFORE UPDATE ON {schema}.keys FOR EACH ROW
WHEN ((OLD.id, OLD.organization, OLD.epoch, OLD.environment, OLD.created_at, OLD.created_by)
    IS DISTINCT FROM (NEW.id, NEW.organization, NEW.epoch, NEW.environment, NEW.created_at, NEW.created_by))
EXECUTE FUNCTION {schema}.refuse('the identity of a key does not change');

CREATE TRIGGER keys_stay_revoked BEFORE UPDATE ON {schema}.keys FOR EACH ROW
WHEN (OLD.revoked_at IS NOT NULL)
EXECUTE FUNCTION {schema}.refuse('a revoked key stays revoked, and as it was');

CREATE TRIGGER keys_are_not_deleted BEFORE DELETE OR TRUNCATE ON {schema}.keys FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.refuse('a key is revoked, not deleted');

CREATE TRIGGER keys_are_of_their_time AFTER INSERT ON {schema}.keys
REFERENCING NEW TABLE AS new_keys FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.check_new_keys();

CREATE TRIGGER secrets_keep_identity BEFORE UPDATE ON {schema}.secrets FOR EACH ROW
WHEN ((OLD.hash, OLD.key, OLD.generation, OLD.hint, OLD.created_at)
    IS DISTINCT FROM (NEW.hash, NEW.key, NEW.generation, NEW.hint, NEW.created_at))
EXECUTE FUNCTION {schema}.refuse('the identity of a secret does not change');

CREATE TRIGGER secrets_stay_retired BEFORE UPDATE ON {schema}.secrets FOR EACH ROW
WHEN (OLD.retires_at IS NOT NULL AND (NEW.retires_at IS NULL OR NEW.retires_at > OLD.retires_at))
EXECUTE FUNCTION {schema}.refuse('the end of a secret is not put off');

CREATE TRIGGER secrets_are_not_deleted BEFORE DELETE OR TRUNCATE ON {schema}.secrets FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.refuse('a secret retires, and is not deleted');

CREATE TRIGGER secrets_are_of_live_keys AFTER INSERT ON {schema}.secrets
REFERENCING NEW TABLE AS new_secrets FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.check_new_secrets();

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.events FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.refuse('the log is append-only');

CREATE TRIGGER feed_is_not_rewritten BEFORE UPDATE OR TRUNCATE ON {schema}.feed FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.refuse('the feed is not rewritten');

CREATE TRIGGER feed_is_pruned_as_said AFTER DELETE ON {schema}.feed
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.check_pruned();

CREATE TRIGGER organizations_stay_deleted BEFORE UPDATE ON {schema}.organizations FOR EACH ROW
WHEN (NEW.organization <> OLD.organization OR NEW.epoch < OLD.epoch)
EXECUTE FUNCTION {schema}.refuse('a deleted organization stays deleted');

CREATE TRIGGER organizations_are_not_forgotten BEFORE DELETE OR TRUNCATE ON {schema}.organizations
FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.refuse('a deleted organization stays deleted');

CREATE TRIGGER head_does_not_go_back BEFORE UPDATE ON {schema}.head FOR EACH ROW
WHEN (NEW.pruned_through < OLD.pruned_through)
EXECUTE FUNCTION {schema}.refuse('what was pruned stays pruned');

CREATE TRIGGER head_is_not_deleted BEFORE DELETE OR TRUNCATE ON {schema}.head FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.refuse('without its one row nothing can be written');
