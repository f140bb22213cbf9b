//! Brings a database to the schema of this release, or says why it can't be, and leaves it alone.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::types::Type;

use crate::database::{Database, Lent};
use crate::{Migration, OpenError, PostgresError, PostgresOptions};

/// Checks what is there, and applies what is missing. Any number of nodes may start at once.
///
/// A schema that is up to date is only read: a role that may do nothing else can open it.
pub(crate) async fn prepare(
    database: &Database,
    options: &PostgresOptions,
) -> Result<(), OpenError> {
    let deadline = Instant::now() + options.import_timeout;
    let mut nap = Duration::from_millis(10);
    loop {
        let mut lent = database.lend(deadline).await?;
        let missing = check(&mut lent, options).await?;
        if missing.is_empty() {
            return Ok(());
        }
        match migrate(&mut lent, options, missing).await {
            Ok(()) => {}
            // Another node does the same. CREATE … IF NOT EXISTS does not wait for it: it fails, with one of
            // these. Whoever commits first has done it for all.
            Err(error) if is_race(&error) && Instant::now() + nap < deadline => {
                lent.give_up();
                tokio::time::sleep(nap).await;
                nap = (nap * 2).min(Duration::from_millis(500));
            }
            Err(error) => {
                lent.give_up();
                return Err(error.into());
            }
        }
    }
}

/// The steps that are missing, if what is there is keyfob's.
async fn check(
    lent: &mut Lent,
    options: &PostgresOptions,
) -> Result<&'static [Migration], OpenError> {
    // One snapshot for all that follows: another node may be migrating.
    lent.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let found = found(lent, options).await;
    match found {
        Ok(found) => {
            lent.batch("COMMIT").await?;
            judge(&found, options)
        }
        Err(error) => {
            lent.give_up();
            Err(error)
        }
    }
}

/// What a database has under the name of the schema.
struct Found {
    names: HashSet<String>,
    applied: Vec<(i64, Vec<u8>)>,
}

async fn found(lent: &mut Lent, options: &PostgresOptions) -> Result<Found, OpenError> {
    let schema = &options.schema;
    let server = lent.query(SERVER, &[]).await?;
    for row in &server {
        let (encoding, version): (&str, i32) = (row.try_get(0)?, row.try_get(1)?);
        if encoding != "UTF8" {
            let what = format!("the database's encoding is {encoding}: keyfob needs UTF8");
            return Err(OpenError::Unsupported { what });
        }
        if version < OLDEST_SERVER {
            let what = format!("PostgreSQL {} is too old: 13 is needed", version / 10_000);
            return Err(OpenError::Unsupported { what });
        }
    }
    let rows = lent.query(NAMES, &[(&schema.as_str(), Type::TEXT)]).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<HashSet<String>, _>>()?;
    let applied = if names.contains("migrations") {
        let foreign = || OpenError::Foreign { what: format!("there is a `{schema}.migrations`") };
        let sql =
            schema.apply("SELECT version, checksum FROM {schema}.migrations ORDER BY version");
        let rows = match lent.query(&sql, &[]).await {
            Err(error) if error.code() == Some("42703") => return Err(foreign()),
            rows => rows?,
        };
        let step = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter()
            .map(step)
            .collect::<Result<_, tokio_postgres::Error>>()
            .map_err(|_| foreign())?
    } else {
        Vec::new()
    };
    Ok(Found { names, applied })
}

fn judge(found: &Found, options: &PostgresOptions) -> Result<&'static [Migration], OpenError> {
    let all = Migration::all();
    let (names, applied) = (&found.names, &found.applied);
    let known = all.last().map_or(0, Migration::version);
    let version = applied.last().map_or(0, |(version, _)| *version);
    if version > known {
        return Err(OpenError::Newer { found: version, known });
    }
    for (migration, (version, checksum)) in all.iter().zip(applied) {
        if *version != migration.version() || *checksum != migration.checksum() {
            let what = format!("migration {version} is not the one that was released");
            return Err(OpenError::Altered { what });
        }
    }
    let (there, missing) = all.split_at(applied.len().min(all.len()));
    if let Some(name) =
        missing.iter().flat_map(Migration::objects).find(|name| names.contains(*name))
    {
        return Err(OpenError::Foreign { what: format!("there is a `{}.{name}`", options.schema) });
    }
    if let Some(name) =
        there.iter().flat_map(Migration::objects).find(|name| !names.contains(*name))
    {
        return Err(OpenError::Altered {
            what: format!("`{name}` is missing, or is switched off"),
        });
    }
    if !missing.is_empty() && !options.migrations {
        return Err(OpenError::NotMigrated { found: version, known });
    }
    Ok(missing)
}

/// One transaction. Where there is a table of migrations, its lock keeps others out; where there is none, the
/// names of what is created do.
async fn migrate(
    lent: &mut Lent,
    options: &PostgresOptions,
    missing: &[Migration],
) -> Result<(), PostgresError> {
    let schema = &options.schema;
    lent.batch(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {}",
        options.import_timeout.as_millis()
    ))
    .await?;
    let is_there = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    if lent.query(is_there, &[(&schema.as_str(), Type::TEXT)]).await?.is_empty() {
        lent.batch(&schema.apply("CREATE SCHEMA {schema}")).await?;
    }
    if missing.first().is_some_and(|first| first.version() > 1) {
        lent.batch(&schema.apply("LOCK TABLE {schema}.migrations IN SHARE ROW EXCLUSIVE MODE"))
            .await?;
    }
    for migration in missing {
        lent.batch(&migration.sql(schema)).await?;
    }
    lent.batch("COMMIT").await
}

/// Whether another transaction created the same at the same time.
fn is_race(error: &PostgresError) -> bool {
    matches!(error.code(), Some("23505" | "42P06" | "42P07" | "42710" | "42723" | "XX000"))
        || error.is_collision()
}

/// `gen_random_uuid` came with 13.
const OLDEST_SERVER: i32 = 130_000;

const SERVER: &str = "SELECT current_setting('server_encoding'), \
     current_setting('server_version_num')::integer";

/// Whatever has a name in the schema. A trigger that is switched off is as good as missing.
const NAMES: &str = "\
    SELECT c.relname::text FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 \
    UNION ALL \
    SELECT p.proname::text FROM pg_catalog.pg_proc p \
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 \
    UNION ALL \
    SELECT t.tgname::text FROM pg_catalog.pg_trigger t \
        JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')";
