-- {schema} is the schema. What is released in this file is never edited: its checksum is kept in every database.
--
-- What is asked most often is a function: a session keeps its plan, behind a pooler too, where nothing can be
-- prepared, and to plan such a statement takes longer than to run it, several times as long for a lookup. A plan must
-- be as good when the tables have grown as it was when it was made, so it goes by the indices, however small they are,
-- and from index to row one by one; and it is one for any values. To compile it (JIT) would take a thousand times as
-- long.

-- The keys that these hashes are of, each row with the end of the feed in the same snapshot. Where no key is found, it
-- is one row that has nothing else. The statement that calls it has its text in the place of the call, so who prepares
-- that statement keeps its plan.
CREATE FUNCTION {schema}.found(asked bytea[])
RETURNS TABLE (feed_end bigint, hash bytea, id uuid, organization text, environment text, scopes text,
    disabled boolean, revoked_at bigint, expires_at bigint, retires_at bigint, generation bigint,
    is_of_deleted_organization boolean)
LANGUAGE sql STABLE AS $$
    SELECT e.position, s.hash, k.id, k.organization, k.environment, k.scopes, k.disabled, k.revoked_at,
        k.expires_at, s.retires_at, s.generation, k.epoch <> coalesce(
            (SELECT o.epoch FROM {schema}.organizations o WHERE o.organization = k.organization), 0)
    FROM (SELECT coalesce(max(position), 0) AS position FROM {schema}.events) e
    LEFT JOIN ({schema}.secrets s JOIN {schema}.keys k ON k.id = s.key) ON s.hash = ANY (found.asked)
$$;

-- The same for who prepares nothing.
CREATE FUNCTION {schema}.find(asked bytea[])
RETURNS TABLE (feed_end bigint, hash bytea, id uuid, organization text, environment text, scopes text,
    disabled boolean, revoked_at bigint, expires_at bigint, retires_at bigint, generation bigint,
    is_of_deleted_organization boolean)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
    RETURN QUERY SELECT * FROM {schema}.found(asked);
END
$$;

-- Where the feed begins and ends, what stands at a position, and what comes behind it, oldest first: in one snapshot, so
-- that nothing that is told to be the end has something before it that was not told. Where nothing comes behind it, it
-- is one row that tells the rest.
CREATE FUNCTION {schema}.changes(after bigint, at_most bigint)
RETURNS TABLE (pruned_through bigint, end_position bigint, end_tag uuid, tag_there uuid,
    change_position bigint, tag uuid, key uuid, organization text, hashes bytea)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT h.pruned_through, e.position, e.tag, a.tag, f.position,
        (SELECT t.tag FROM {schema}.events t WHERE t.position = f.position), f.key, f.organization, f.hashes
    FROM (SELECT pruned_through FROM {schema}.head WHERE id) h
    LEFT JOIN LATERAL (SELECT position, tag FROM {schema}.events ORDER BY position DESC LIMIT 1) e ON true
    LEFT JOIN {schema}.events a ON a.position = after
    LEFT JOIN LATERAL (SELECT c.position, c.key, c.organization, c.hashes
        FROM {schema}.feed c WHERE c.position > after ORDER BY c.position LIMIT at_most) f ON true
    ORDER BY f.position;
END
$$;

-- What a write asks and does. The settings of the plans are those of the transaction, which sets them as the functions
-- above do: so they are set once, and hold for triggers too. Each is volatile: its statements see all that committed
-- before they began.

-- Takes the lock, and tells the end of the log as it is under it.
CREATE FUNCTION {schema}.lock_head() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM {schema}.head FOR UPDATE;
    RETURN (SELECT coalesce(max(position), 0) FROM {schema}.events);
END
$$;

CREATE FUNCTION {schema}.named_epochs(owners text[])
RETURNS TABLE (organization text, epoch bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT o.organization, o.epoch FROM {schema}.organizations o WHERE o.organization = ANY (owners);
END
$$;

-- Keys by id, and those that tokens were used for. Of the secrets, the two that a record shows and those that the feed
-- may have to name: those that retire after a time.
CREATE FUNCTION {schema}.named_keys(ids uuid[], owners text[], tokens text[], after bigint)
RETURNS TABLE (id uuid, organization text, name text, environment text, scopes text, disabled boolean,
    revoked_at bigint, revoked_by text, revoked_reason text, created_at bigint, created_by text, expires_at bigint,
    hash bytea, hint text, secret_created_at bigint, retires_at bigint, used_at bigint, generation bigint,
    epoch bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH named AS (SELECT unnest(ids) AS id UNION
        SELECT i.key FROM unnest(owners, tokens) a (organization, token)
        JOIN {schema}.idempotency i ON i.organization = a.organization AND i.token = a.token)
    SELECT k.id, k.organization, k.name, k.environment, k.scopes, k.disabled, k.revoked_at, k.revoked_by,
        k.revoked_reason, k.created_at, k.created_by, k.expires_at, s.hash, s.hint, s.created_at, s.retires_at,
        u.at, s.generation, k.epoch
    FROM named n JOIN {schema}.keys k ON k.id = n.id
    LEFT JOIN LATERAL (
        (SELECT * FROM {schema}.secrets WHERE key = k.id ORDER BY generation DESC LIMIT 2)
        UNION SELECT * FROM {schema}.secrets WHERE key = k.id AND retires_at > after) s ON true
    LEFT JOIN {schema}.last_uses u ON u.key = s.key AND u.secret = s.generation
    ORDER BY k.id, s.generation DESC;
END
$$;

CREATE FUNCTION {schema}.named_hashes(asked bytea[]) RETURNS TABLE (hash bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.hash FROM {schema}.secrets s WHERE s.hash = ANY (asked);
END
$$;

CREATE FUNCTION {schema}.named_tokens(owners text[], tokens text[])
RETURNS TABLE (organization text, token text, fingerprint bytea, key uuid, remembered_until bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT i.organization, i.token, i.fingerprint, i.key, i.remembered_until
    FROM unnest(owners, tokens) a (organization, token)
    JOIN {schema}.idempotency i ON i.organization = a.organization AND i.token = a.token;
END
$$;

-- Slots that are held throughout a span of time, and when those end that do within it, the last first. Nothing is
-- followed further than it takes to compare with the most that may be held.
CREATE FUNCTION {schema}.named_slots(owners text[], starts bigint[], ends bigint[], limits bigint[])
RETURNS TABLE (number bigint, throughout bigint, expiries bigint[]) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT a.n,
        (SELECT count(*) FROM (SELECT 1 FROM {schema}.keys k WHERE k.organization = a.organization
            AND k.epoch = e.epoch AND k.revoked_at IS NULL AND k.expires_at IS NULL LIMIT a.most) never)
        + (SELECT count(*) FROM (SELECT 1 FROM {schema}.keys k WHERE k.organization = a.organization
            AND k.epoch = e.epoch AND k.revoked_at IS NULL AND k.expires_at > a.until LIMIT a.most) later),
        ARRAY (SELECT k.expires_at FROM {schema}.keys k WHERE k.organization = a.organization
            AND k.epoch = e.epoch AND k.revoked_at IS NULL AND k.expires_at > a.since
            AND k.expires_at <= a.until ORDER BY k.expires_at DESC LIMIT a.most)
    FROM unnest(owners, starts, ends, limits) WITH ORDINALITY a (organization, since, until, most, n)
    CROSS JOIN LATERAL (SELECT coalesce((SELECT o.epoch FROM {schema}.organizations o
        WHERE o.organization = a.organization), 0) AS epoch) e;
END
$$;

CREATE FUNCTION {schema}.insert_keys(ids uuid[], owners text[], epochs bigint[], names text[], environments text[],
    scope_lists text[], created bigint[], creators text[], expiries bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.keys (id, organization, epoch, name, environment, scopes, created_at, created_by,
        expires_at)
    SELECT * FROM unnest(ids, owners, epochs, names, environments, scope_lists, created, creators, expiries);
END
$$;

CREATE FUNCTION {schema}.end_secrets(ids uuid[], generations bigint[], ends bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {schema}.secrets s SET retires_at = c.retires_at
    FROM unnest(ids, generations, ends) c (key, generation, retires_at)
    WHERE s.key = c.key AND s.generation = c.generation;
END
$$;

CREATE FUNCTION {schema}.insert_secrets(new_hashes bytea[], ids uuid[], generations bigint[], hints text[],
    created bigint[], ends bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.secrets (hash, key, generation, hint, created_at, retires_at)
    SELECT * FROM unnest(new_hashes, ids, generations, hints, created, ends);
END
$$;

CREATE FUNCTION {schema}.update_keys(ids uuid[], names text[], scope_lists text[], expiries bigint[],
    disabled_flags boolean[], revocations bigint[], revokers text[], reasons text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {schema}.keys k SET name = c.name, scopes = c.scopes, expires_at = c.expires_at, disabled = c.disabled,
        revoked_at = c.revoked_at, revoked_by = c.revoked_by, revoked_reason = c.revoked_reason
    FROM unnest(ids, names, scope_lists, expiries, disabled_flags, revocations, revokers, reasons)
        c (id, name, scopes, expires_at, disabled, revoked_at, revoked_by, revoked_reason)
    WHERE k.id = c.id;
END
$$;

CREATE FUNCTION {schema}.append_events(positions bigint[], times bigint[], owners text[], actions text[],
    actors text[], ids uuid[], requests text[], detail_texts text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.events (position, at, organization, action, actor, key, request_id, details)
    SELECT * FROM unnest(positions, times, owners, actions, actors, ids, requests, detail_texts);
END
$$;

CREATE FUNCTION {schema}.append_feed(positions bigint[], ids uuid[], owners text[], hash_lists bytea[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.feed (position, written_at, key, organization, hashes)
    SELECT c.position, now.micros, c.key, c.organization, c.hashes
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros) now,
        unnest(positions, ids, owners, hash_lists) c (position, key, organization, hashes);
END
$$;

-- A few for each organization, so that what is kept stays in proportion to what is remembered. Their order keeps the
-- planner on the index: it would look for the first 16 from the start of the table, and there may be none.
CREATE FUNCTION {schema}.forget_tokens(owners text[], times bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {schema}.idempotency i USING (
        SELECT t.organization, t.token FROM unnest(owners, times) a (organization, at)
        CROSS JOIN LATERAL (SELECT o.organization, o.token FROM {schema}.idempotency o
            WHERE o.organization = a.organization AND o.remembered_until < a.at
            ORDER BY o.remembered_until LIMIT 16) t) old
    WHERE i.organization = old.organization AND i.token = old.token;
END
$$;

CREATE FUNCTION {schema}.remember_tokens(owners text[], tokens text[], fingerprints bytea[], ids uuid[],
    ends bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.idempotency (organization, token, fingerprint, key, remembered_until)
    SELECT * FROM unnest(owners, tokens, fingerprints, ids, ends)
    ON CONFLICT (organization, token) DO UPDATE SET fingerprint = excluded.fingerprint,
        key = excluded.key, remembered_until = excluded.remembered_until;
END
$$;
