use std::fmt::Write as _;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use keyfob_core::KeyHash;
use keyfob_postgres::PostgresStore;
use keyfob_store::KeyId;
use tokio_postgres::{Client, Error, NoTls};

use crate::Population;

/// A key to be written.
#[derive(Debug)]
pub struct PostgresKey {
    /// Its id.
    pub id: KeyId,
    /// Its secret's hash.
    pub hash: KeyHash,
    /// Its organization.
    pub organization: String,
    /// When it was made, in microseconds.
    pub at: i64,
}

/// Puts the population into the schema `keyfob` of a database that has none yet.
///
/// # Errors
/// The server's.
///
/// # Panics
/// If there is no server.
pub async fn populate_postgres(url: &str, population: &Population) -> Result<(), Error> {
    fill_postgres(url, population.keys(), |number| PostgresKey {
        id: Population::id(number),
        hash: population.hash(number),
        organization: population.owner(number).as_str().to_owned(),
        at: Population::made_at(number).as_micros(),
    })
    .await
}

/// Puts so many keys into the schema `keyfob` of a database that has none yet, in the order of their ids.
///
/// Rows are copied in, and indices that rows do not come in the order of are made behind them, by the SQL of
/// the schema itself. The feed has the last 10,000, as if it had been pruned.
///
/// # Errors
/// The server's.
///
/// # Panics
/// If there is no server.
pub async fn fill_postgres(
    url: &str,
    keys: usize,
    key: impl Fn(usize) -> PostgresKey,
) -> Result<(), Error> {
    PostgresStore::open(url).await.expect("a server").close().await;
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    // Neither triggers nor references are looked at, and what is lost with the machine is only time.
    client
        .batch_execute(
            "SET search_path = keyfob; SET session_replication_role = replica; \
             SET synchronous_commit = off; SET maintenance_work_mem = '1GB'",
        )
        .await?;
    let later = "SELECT 'INDEX ' || indexname, indexdef FROM pg_indexes \
         WHERE schemaname = 'keyfob' AND tablename IN ('keys', 'secrets', 'events') \
         AND indexname NOT LIKE '%_pkey'";
    let later = client.query(later, &[]).await?;
    for index in &later {
        client.batch_execute(&format!("DROP {}", index.get::<_, &str>(0))).await?;
    }
    client.batch_execute("ALTER TABLE secrets DROP CONSTRAINT secrets_pkey").await?;
    copy_rows(&client, keys, key).await?;
    client.batch_execute("ALTER TABLE secrets ADD PRIMARY KEY (hash)").await?;
    for index in &later {
        client.batch_execute(index.get::<_, &str>(1)).await?;
    }
    let pruned = keys.saturating_sub(10_000);
    let feed = format!(
        "INSERT INTO feed (position, written_at, key, organization, hashes) \
         SELECT position, (extract(epoch FROM now()) * 1e6)::bigint, e.key, organization, s.hash \
         FROM events e JOIN secrets s ON s.key = e.key WHERE position > {pruned}; \
         UPDATE head SET pruned_through = {pruned}"
    );
    client.batch_execute(&feed).await?;
    for table in ["keys", "secrets", "events", "feed", "head"] {
        client.batch_execute(&format!("VACUUM (FREEZE, ANALYZE) {table}")).await?;
    }
    client.batch_execute("CHECKPOINT").await
}

async fn copy_rows(
    client: &Client,
    keys: usize,
    key: impl Fn(usize) -> PostgresKey,
) -> Result<(), Error> {
    copy(
        client,
        "keys (id, organization, epoch, name, environment, scopes, created_at, created_by)",
        keys,
        |rows, number| {
            let PostgresKey { id, organization, at, .. } = key(number);
            writeln!(
                rows,
                "{id}\t{organization}\t0\tci-pipeline\tlive\tshield:read shield:write\t{at}\tcli"
            )
        },
    )
    .await?;
    copy(client, "secrets (hash, key, generation, hint, created_at)", keys, |rows, number| {
        let PostgresKey { id, hash, at, .. } = key(number);
        writeln!(rows, "\\\\x{hash}\t{id}\t1\ttk_live_a1b2c3d4\t{at}")
    })
    .await?;
    copy(client, "events (position, at, organization, action, actor, key, details)", keys, |rows, number| {
        let PostgresKey { id, organization, at, .. } = key(number);
        let position = number + 1;
        writeln!(
            rows,
            "{position}\t{at}\t{organization}\tkey.created\tcli\t{id}\t{{\"name\":\"ci-pipeline\",\
             \"environment\":\"live\",\"scopes\":[\"shield:read\",\"shield:write\"],\
             \"expires_at\":null}}"
        )
    })
    .await
}

/// Rows in PostgreSQL's text format.
async fn copy(
    client: &Client,
    into: &str,
    keys: usize,
    row: impl Fn(&mut String, usize) -> std::fmt::Result,
) -> Result<(), Error> {
    const ROWS_AT_ONCE: usize = 1_000;
    let mut sink = pin!(client.copy_in::<_, Bytes>(&format!("COPY {into} FROM STDIN")).await?);
    for first in (0..keys).step_by(ROWS_AT_ONCE) {
        let mut rows = String::new();
        for number in first..keys.min(first + ROWS_AT_ONCE) {
            row(&mut rows, number).expect("a string takes what it is given");
        }
        sink.send(rows.into()).await?;
    }
    sink.finish().await?;
    Ok(())
}
