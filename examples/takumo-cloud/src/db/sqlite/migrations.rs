use rusqlite::{Connection, TransactionBehavior};

use crate::db::DatabaseError;

/// Each version of the tables, as the step from the one before. A released one is never edited.
const STEPS: [&str; 2] = [include_str!("v1.sql"), include_str!("v2.sql")];

/// Brings the tables up to date, in one transaction, once however many processes start at a time.
pub(super) fn apply(connection: &mut Connection) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS takumo_migrations (version INTEGER PRIMARY KEY) STRICT",
    )?;
    let found: u32 = transaction.query_row(
        "SELECT coalesce(max(version), 0) FROM takumo_migrations",
        [],
        |row| row.get(0),
    )?;
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(DatabaseError::Newer { found, known });
    }
    for (version, step) in (1..).zip(STEPS).skip(found as usize) {
        transaction.execute_batch(step)?;
        transaction.execute("INSERT INTO takumo_migrations (version) VALUES (?1)", [version])?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_made_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection).unwrap();
        apply(&mut connection).unwrap();
        let versions: u32 = connection
            .query_row("SELECT count(*) FROM takumo_migrations", [], |row| row.get(0))
            .unwrap();
        assert_eq!(versions, 2);
    }

    #[test]
    fn newer_tables_are_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection).unwrap();
        connection.execute("INSERT INTO takumo_migrations (version) VALUES (99)", []).unwrap();
        let error = apply(&mut connection).unwrap_err();
        assert!(matches!(error, DatabaseError::Newer { found: 99, known: 2 }), "{error}");
    }
}
