use sha2::{Digest, Sha256};

use crate::SchemaName;

/// One step of the schema.
///
/// [`PostgresStore::open`](crate::PostgresStore::open) applies what is missing by itself. Those who run
/// migrations of their own take the SQL from here, and open with
/// [`with_migrations(false)`](crate::PostgresOptions::with_migrations).
///
/// ```
/// # use keyfob_postgres::{Migration, SchemaName};
/// for migration in Migration::all() {
///     let sql = migration.sql(&SchemaName::default());
///     println!("-- {:04} {}\n{sql}", migration.version(), migration.name());
/// }
/// ```
#[derive(Debug)]
pub struct Migration {
    version: i64,
    name: &'static str,
    template: &'static str,
}

/// In order, from version 1 without a gap.
static ALL: [Migration; 2] = [
    Migration {
        version: 1,
        name: "keys_log_and_feed",
        template: include_str!("../migrations/0001_keys_log_and_feed.sql"),
    },
    Migration {
        version: 2,
        name: "functions",
        template: include_str!("../migrations/0002_functions.sql"),
    },
];

impl Migration {
    /// Every step, in the order in which they are applied.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The version that the schema has after this step: 1 for the first.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// SHA-256 of the step as it was released, whatever the name of the schema.
    #[must_use]
    pub fn checksum(&self) -> [u8; 32] {
        Sha256::digest(self.template).into()
    }

    /// The statements, to be run in one transaction, in a schema that exists. The last one records
    /// the step.
    #[must_use]
    pub fn sql(&self, schema: &SchemaName) -> String {
        use std::fmt::Write;

        let mut checksum = String::new();
        for byte in self.checksum() {
            write!(checksum, "{byte:02x}").expect("writing to a string does not fail");
        }
        let (sql, version) = (schema.apply(self.template), self.version);
        let record =
            schema.apply("INSERT INTO {schema}.migrations (version, checksum, applied_at)");
        format!(
            "{sql}\n{record}\nVALUES ({version}, decode('{checksum}', 'hex'), {DATABASE_CLOCK});\n"
        )
    }

    /// The names of the tables, indices, functions and triggers that it creates.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &'static str> {
        self.template.lines().filter_map(|line| {
            let mut words = line.strip_prefix("CREATE ")?.split(' ').skip_while(|word| {
                ["TABLE", "UNIQUE", "INDEX", "FUNCTION", "TRIGGER"].contains(word)
            });
            let name = words.next()?;
            let name = name.strip_prefix("{schema}.").unwrap_or(name);
            name.split('(').next()
        })
    }
}

/// The time by the clock of the database, in microseconds since the epoch. All nodes of a database have
/// this one in common.
pub(crate) const DATABASE_CLOCK: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_from_one() {
        let versions: Vec<i64> = Migration::all().iter().map(Migration::version).collect();
        assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<_>>());
    }

    #[test]
    fn every_created_object_is_named() {
        for migration in Migration::all() {
            let objects = migration.objects().count();
            assert_eq!(objects, migration.template.matches("\nCREATE ").count());
        }
        let objects: Vec<_> = Migration::all().iter().flat_map(Migration::objects).collect();
        for name in ["migrations", "keys_by_epoch", "secrets_by_key", "refuse", "keys_stay_revoked"]
        {
            assert!(objects.contains(&name), "{name}");
        }
    }
}
