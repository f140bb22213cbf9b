//! How PostgreSQL goes about each query in tables that are not small, whether it knows the values or plans
//! for any: none may read more than it must.

use keyfob_store::KeyStatus;
use keyfob_test_cluster::{Database, PostgresServer};

use crate::reads::{self, feed, lists, log, lookup, slots, usage};
use crate::writes::load;
use crate::{Migration, SchemaName};

/// A query, the types of its values and some values, and the indices that it may need.
struct Query {
    sql: String,
    types: &'static str,
    values: &'static str,
    indices: &'static [&'static str],
}

fn queries() -> Vec<Query> {
    const SECRETS: &str = "secrets_by_key";

    let query = |sql, types, values, indices| Query { sql, types, values, indices };
    let list = |status, indices| {
        let values = "'org-7', NULL, NULL, 51, 5";
        query(lists::sql(status), "text, uuid, text, bigint, bigint", values, indices)
    };
    let log = |whose, values, indices| {
        let types = "text, bigint, uuid, text, text, bigint, boolean";
        query(log::sql(whose), types, values, indices)
    };
    let one_hash = "ARRAY[sha256('7')]";
    let hashes =
        "ARRAY[sha256('1'), sha256('2'), sha256('3'), sha256('4'), sha256('5'), sha256('6')]";
    vec![
        query(lookup::sql(), "bytea[]", one_hash, &["secrets_pkey", "keys_pkey", "events_pkey"]),
        query(lookup::sql(), "bytea[]", hashes, &["secrets_pkey", "keys_pkey", "events_pkey"]),
        query(
            reads::get_sql(),
            "text, uuid",
            "'org-7', lpad('7', 32, '0')::uuid",
            &["keys_", SECRETS],
        ),
        list(None, &["keys_by_epoch", SECRETS, "last_uses_pkey"]),
        list(Some(KeyStatus::Active), &["keys_", SECRETS]),
        list(Some(KeyStatus::Disabled), &["keys_", SECRETS]),
        list(Some(KeyStatus::Expired), &["keys_", SECRETS]),
        list(Some(KeyStatus::Revoked), &["keys_", SECRETS]),
        query(slots::sql(), "text, bigint", "'org-7', 5", &["keys_slots"]),
        query(
            load::SLOTS.to_owned(),
            "text[], bigint[], bigint[], bigint[]",
            "ARRAY['org-7', 'org-8'], ARRAY[5, 5], ARRAY[6, 6], ARRAY[100, 100]",
            &["keys_slots"],
        ),
        query(
            load::keys_sql(),
            "uuid[], text[], text[], bigint",
            "ARRAY[lpad('7', 32, '0')::uuid], ARRAY['org-7'], ARRAY['7'], 5",
            &["keys_pkey", SECRETS, "secrets_by_end", "idempotency_pkey"],
        ),
        query(
            load::TOKENS.to_owned(),
            "text[], text[]",
            "ARRAY['org-7'], ARRAY['7']",
            &["idempotency_pkey"],
        ),
        log(
            log::OF_ORGANIZATION,
            "'org-7', 9000000, NULL, NULL, NULL, 51, false",
            &["events_by_organization"],
        ),
        log(
            log::OF_KEY,
            "'org-7', 9000000, lpad('7', 32, '0')::uuid, NULL, NULL, 51, false",
            &["events_by_key"],
        ),
        query(
            feed::CHANGES.to_owned(),
            "bigint, bigint",
            "20000, 1001",
            &["events_pkey", "feed_pkey"],
        ),
        query(usage::sql(""), "text, bigint, bigint", "'org-7', 0, 24", &["usage_pkey"]),
        query(
            usage::sql(usage::OF_KEY),
            "text, bigint, bigint, uuid",
            "'org-7', 0, 24, lpad('7', 32, '0')::uuid",
            &["usage_pkey"],
        ),
    ]
}

/// 20,000 keys of 401 organizations, the last of which has 2,000. The names of tables come without the
/// schema, by the search path.
const ROWS: &str = "
    CREATE TEMPORARY TABLE made AS
    SELECT i, lpad(i::text, 32, '0')::uuid AS id,
        'org-' || CASE WHEN i % 10 = 0 THEN 400 ELSE i % 400 END AS organization
    FROM generate_series(1, 20000) i;
    INSERT INTO keys (id, organization, epoch, name, environment, scopes, created_at, created_by,
        expires_at, disabled, revoked_at, revoked_by)
    SELECT id, organization, 0, 'ci', 'live', 'a:b', i, 'cli',
        CASE WHEN i % 3 = 0 THEN i END, i % 50 = 1,
        CASE WHEN i % 5 = 0 THEN i END, CASE WHEN i % 5 = 0 THEN 'cli' END FROM made;
    INSERT INTO secrets (hash, key, generation, hint, created_at)
    SELECT sha256(i::text::bytea), id, 1, 'tk_live_', i FROM made;
    INSERT INTO events (position, at, organization, action, actor, key, details)
    SELECT i, i, organization, 'key.created', 'cli', id, '{}' FROM made;
    INSERT INTO feed (position, written_at, key, organization, hashes)
    SELECT i, i, id, organization, sha256(i::text::bytea) FROM made;
    INSERT INTO organizations (organization, epoch) SELECT 'gone-' || i, i FROM made;
    INSERT INTO idempotency (organization, token, fingerprint, key, remembered_until)
    SELECT organization, i, sha256('x'), id, i FROM made;
    INSERT INTO usage (hour, organization, epoch, key, secret, outcome, count)
    SELECT i % 48, organization, 0, id, 1, 'accepted', 1 FROM made;
    INSERT INTO last_uses (key, secret, at) SELECT id, 1, i FROM made;
";

fn filled(server: &PostgresServer, schema: &SchemaName) -> Database {
    let database = server.create_database().unwrap();
    let mut sql = schema.apply(
        "SET session_replication_role = replica; CREATE SCHEMA {schema}; \
         SET search_path = {schema}, public;",
    );
    for migration in Migration::all() {
        sql.push_str(&migration.sql(schema));
    }
    server.sql(database.name(), &format!("{sql} {ROWS}")).unwrap();
    database
}

/// One step a line.
fn plan(server: &PostgresServer, database: &Database, mode: &str, query: &Query) -> String {
    let Query { types, values, .. } = query;
    let sql = SchemaName::default().apply(&query.sql);
    let sql = format!(
        "SET plan_cache_mode = {mode}; PREPARE query ({types}) AS {sql}; \
         EXPLAIN EXECUTE query ({values})"
    );
    server.sql(database.name(), &sql).unwrap()
}

#[test]
fn no_query_reads_more_than_it_must() {
    let server = PostgresServer::shared().unwrap();
    let database = filled(server, &SchemaName::default());
    server.sql(database.name(), "ANALYZE").unwrap();
    for query in queries() {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let plan = plan(server, &database, mode, &query);
            for index in query.indices {
                assert!(plan.contains(index), "{index}, {mode}\n{}\n{plan}", query.sql);
            }
            // The head has one row.
            let plan = plan.replace("Seq Scan on head", "");
            assert!(!plan.contains("Seq Scan"), "{mode}\n{}\n{plan}", query.sql);
        }
    }
}

/// It is read every second on every node, from the first on: when nobody has counted its rows yet, PostgreSQL
/// must not think it worth compiling.
#[test]
fn feed_that_was_never_analyzed_is_not_compiled() {
    let server = PostgresServer::shared().unwrap();
    let database = filled(server, &SchemaName::default());
    for table in ["keys", "secrets", "events"] {
        server.sql(database.name(), &format!("ANALYZE keyfob.{table}")).unwrap();
    }
    let changes = queries().into_iter().find(|query| query.sql == feed::CHANGES).unwrap();
    let plan = plan(server, &database, "force_custom_plan", &changes);
    assert!(!plan.contains("JIT"), "{plan}");
}
