use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient};

use crate::db::DatabaseError;

/// Each version of the tables, as the step from the one before. A released one is never edited.
const STEPS: [&str; 2] = [include_str!("v1.sql"), include_str!("v2.sql")];

/// Brings the tables up to date, once however many servers start at a time. Without `migrate`, and
/// where nothing is to be done, this only reads.
pub(super) async fn apply(client: &mut Client, migrate: bool) -> Result<(), DatabaseError> {
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    let mut found = version(client).await?;
    // Those who make the same schema at the same time meet in PostgreSQL's own tables, and all but
    // one of them are told of it as of any other duplicate.
    while found < known && migrate {
        match migrate_from(client, found).await {
            Err(DatabaseError::Postgres(error)) if is_duplicate(error.code()) => {}
            migrated => migrated?,
        }
        found = version(client).await?;
    }
    match found {
        _ if found > known => Err(DatabaseError::Newer { found, known }),
        0 if !migrate => Err(DatabaseError::Missing),
        _ if found < known => Err(DatabaseError::Older { found, known }),
        _ => Ok(()),
    }
}

/// Takes the steps that are missing, in one transaction, if this is still the version when the table
/// of them is locked.
async fn migrate_from(client: &mut Client, found: u32) -> Result<(), DatabaseError> {
    let transaction = client.transaction().await?;
    if found == 0 {
        // A role that owns the schema may not be one that could make it.
        let there = "SELECT to_regnamespace('takumo') IS NOT NULL";
        if !transaction.query_typed(there, &[]).await?[0].try_get::<_, bool>(0)? {
            transaction.batch_execute("CREATE SCHEMA IF NOT EXISTS takumo").await?;
        }
        let table = "CREATE TABLE IF NOT EXISTS takumo.migrations (version bigint PRIMARY KEY)";
        transaction.batch_execute(table).await?;
    }
    transaction.batch_execute("LOCK TABLE takumo.migrations IN EXCLUSIVE MODE").await?;
    let found = version(&transaction).await?;
    for (version, step) in (1i64..).zip(STEPS).skip(found as usize) {
        let record = format!("INSERT INTO takumo.migrations (version) VALUES ({version})");
        transaction.batch_execute(step).await?;
        transaction.batch_execute(&record).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// 0 where there are no tables yet.
async fn version(client: &impl GenericClient) -> Result<u32, DatabaseError> {
    let there = "SELECT to_regclass('takumo.migrations') IS NOT NULL";
    if !client.query_typed(there, &[]).await?[0].try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM takumo.migrations";
    let version: i64 = client.query_typed(newest, &[]).await?[0].try_get(0)?;
    version.try_into().map_err(|_| DatabaseError::Corrupt("version"))
}

fn is_duplicate(code: Option<&str>) -> bool {
    [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_SCHEMA, SqlState::DUPLICATE_TABLE]
        .iter()
        .any(|duplicate| code == Some(duplicate.code()))
}

#[cfg(test)]
mod tests {
    use keyfob_test_cluster::{Database, PostgresServer};

    use super::*;

    fn database() -> Database {
        PostgresServer::shared().unwrap().create_database().unwrap()
    }

    async fn connect(database: &Database) -> Client {
        let (client, connection) =
            tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    #[tokio::test]
    async fn tables_are_made_once_however_many_start() {
        for _ in 0..5 {
            let database = database();
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    let database = database.clone();
                    tokio::spawn(async move { apply(&mut connect(&database).await, true).await })
                })
                .collect();
            for start in starts {
                start.await.unwrap().unwrap();
            }
            let client = connect(&database).await;
            assert_eq!(version(&client).await.unwrap(), 2);
        }
    }

    #[tokio::test]
    async fn tables_are_not_made_by_who_only_looks() {
        let database = database();
        let mut client = connect(&database).await;
        let error = apply(&mut client, false).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Missing), "{error}");
        assert_eq!(version(&client).await.unwrap(), 0);
        apply(&mut client, true).await.unwrap();
        apply(&mut client, false).await.unwrap();
    }

    #[tokio::test]
    async fn newer_tables_are_left_alone() {
        let mut client = connect(&database()).await;
        apply(&mut client, true).await.unwrap();
        client.batch_execute("INSERT INTO takumo.migrations VALUES (99)").await.unwrap();
        for migrate in [false, true] {
            let error = apply(&mut client, migrate).await.unwrap_err();
            assert!(matches!(error, DatabaseError::Newer { found: 99, known: 2 }), "{error}");
        }
    }
}
