//! A database with enough in it that a wrong plan shows: 20,000 keys, half of them of one organization.

use keyfob_test_cluster::PostgresServer;
use tokio_postgres::{Client, NoTls};

use crate::PostgresStore;

/// A session on one, after ANALYZE.
pub(super) async fn filled() -> Client {
    let database = PostgresServer::shared().unwrap().create_database().unwrap();
    PostgresStore::open(database.socket_url()).await.unwrap().close().await;
    let (client, connection) =
        tokio_postgres::connect(&database.socket_url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(FILL).await.unwrap();
    client
}

/// Numbered from 1: odd keys are of `big`, nine in ten of which are revoked; even ones of a thousand others. The time
/// is 1000. Names of keys and hashes follow from their number by `key` and `hash`.
const FILL: &str = "\
    CREATE FUNCTION key(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$ \
        SELECT lpad(to_hex(n), 32, '0')::uuid $$; \
    CREATE FUNCTION hash(n bigint) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$ \
        SELECT sha256(n::text::bytea) $$; \
    CREATE FUNCTION keys(VARIADIC n bigint[]) RETURNS uuid[] IMMUTABLE LANGUAGE sql AS $$ \
        SELECT array_agg(key(k)) FROM unnest(n) k $$; \
    CREATE FUNCTION hashes(n bigint) RETURNS bytea[] IMMUTABLE LANGUAGE sql AS $$ \
        SELECT array_agg(hash(k)) FROM generate_series(1, n) k $$; \
    CREATE FUNCTION small(n bigint) RETURNS bigint[] IMMUTABLE LANGUAGE sql AS $$ \
        SELECT array_agg(2 * k) FROM generate_series(1, n) k $$; \
    CREATE FUNCTION owners(n bigint) RETURNS text[] IMMUTABLE LANGUAGE sql AS $$ \
        SELECT array_agg('small' || 2 * k % 1000) FROM generate_series(1, n) k $$; \
    INSERT INTO keyfob.events (position, at, organization, action, actor, key, details) \
        SELECT n, n, CASE n % 2 WHEN 1 THEN 'big' ELSE 'small' || n % 1000 END, \
            CASE n % 100 WHEN 0 THEN 'key.edited' ELSE 'key.created' END, 'user:' || n % 7, \
            key(n), '{}' FROM generate_series(1, 20000) n; \
    INSERT INTO keyfob.organizations SELECT 'gone' || n, n FROM generate_series(1, 2000) n; \
    INSERT INTO keyfob.keys (id, organization, epoch, name, environment, scopes, created_at, created_by, \
            expires_at, disabled, revoked_at, revoked_by) \
        SELECT key(n), CASE n % 2 WHEN 1 THEN 'big' ELSE 'small' || n % 1000 END, 0, 'name', \
            CASE n % 3 WHEN 0 THEN 'test' ELSE 'live' END, 'org:read', 0, 'user:1', \
            CASE n % 4 WHEN 0 THEN 500 WHEN 1 THEN 100000 + n END, n % 40 = 7, \
            CASE WHEN n % 2 = 1 AND n % 20 <> 7 THEN 1 END, \
            CASE WHEN n % 2 = 1 AND n % 20 <> 7 THEN 'user:1' END FROM generate_series(1, 20000) n; \
    ALTER TABLE keyfob.secrets DISABLE TRIGGER secrets_are_of_live_keys; \
    INSERT INTO keyfob.secrets (hash, key, generation, hint, created_at, retires_at) \
        SELECT hash(n), key(n), 1, 'hint', 0, NULL FROM generate_series(1, 20000) n; \
    INSERT INTO keyfob.feed (position, written_at, key, organization, hashes) \
        SELECT n, 0, key(n), 'big', hash(n) FROM generate_series(1, 20000) n; \
    INSERT INTO keyfob.idempotency \
        SELECT 'big', 't' || n, hash(n), key(n), n FROM generate_series(1, 20000) n; \
    INSERT INTO keyfob.usage \
        SELECT h, CASE n % 2 WHEN 1 THEN 'big' ELSE 'small' || n % 1000 END, 0, key(n), 1, 'accepted', 1 \
        FROM generate_series(1, 10) h, generate_series(1, 5000) n; \
    INSERT INTO keyfob.last_uses SELECT key(n), 1, 0 FROM generate_series(1, 20000) n; \
    INSERT INTO keyfob.usage_batches SELECT key(n), n FROM generate_series(1, 20000) n; \
    ANALYZE";
