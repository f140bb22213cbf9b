use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::TablePrefix;

/// One step of the schema.
///
/// [`SqliteStore::open`](crate::SqliteStore::open) applies what is missing by itself. Those who run
/// migrations of their own take the SQL from here, and open with
/// [`with_migrations(false)`](crate::SqliteOptions::with_migrations).
///
/// ```
/// # use keyfob_sqlite::{Migration, TablePrefix};
/// for migration in Migration::all() {
///     let sql = migration.sql(&TablePrefix::default());
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
static ALL: [Migration; 4] = [
    Migration {
        version: 1,
        name: "keys_and_log",
        template: include_str!("../migrations/0001_keys_and_log.sql"),
    },
    Migration {
        version: 2,
        name: "life_of_a_key",
        template: include_str!("../migrations/0002_life_of_a_key.sql"),
    },
    Migration { version: 3, name: "nodes", template: include_str!("../migrations/0003_nodes.sql") },
    Migration {
        version: 4,
        name: "numbers",
        template: include_str!("../migrations/0004_numbers.sql"),
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

    /// SHA-256 of the step as it was released, whatever the prefix.
    #[must_use]
    pub fn checksum(&self) -> [u8; 32] {
        Sha256::digest(self.template).into()
    }

    /// The statements, to be run in one transaction, with `PRAGMA foreign_keys = OFF` before it and
    /// `ON` behind: a step may make a table anew that others refer to. The last statement records the
    /// step.
    #[must_use]
    pub fn sql(&self, prefix: &TablePrefix) -> String {
        use std::fmt::Write;

        let mut checksum = String::new();
        for byte in self.checksum() {
            write!(checksum, "{byte:02x}").expect("writing to a string does not fail");
        }
        let (sql, version) = (prefix.apply(self.template), self.version);
        format!(
            "{sql}\nINSERT INTO {prefix}migrations (version, checksum, applied_at)\n\
             VALUES ({version}, x'{checksum}', CAST(strftime('%s', 'now') AS INTEGER) * 1000000);\n"
        )
    }

    /// The names, without prefix, of the tables, indices and triggers that it creates.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &'static str> {
        self.template.lines().filter(|line| line.starts_with("CREATE ")).filter_map(name_in)
    }

    /// The names, without prefix, of everything that is there when these steps are applied.
    pub(crate) fn objects_after(migrations: &[Self]) -> HashSet<&'static str> {
        let mut objects = HashSet::new();
        for line in migrations.iter().flat_map(|migration| migration.template.lines()) {
            let Some(name) = name_in(line) else { continue };
            if line.starts_with("CREATE ") {
                objects.insert(name);
            } else if line.starts_with("DROP ") {
                objects.remove(name);
            } else if let Some((_, renamed)) = line.split_once(" RENAME TO ") {
                objects.remove(name);
                objects.extend(name_in(renamed));
            }
        }
        objects
    }
}

/// The first name in a line, without prefix.
fn name_in(line: &'static str) -> Option<&'static str> {
    let (_, rest) = line.split_once("{prefix}")?;
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
}

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
        let objects = Migration::objects_after(Migration::all());
        for name in ["migrations", "keys", "keys_by_epoch", "secrets_by_hash", "keys_stay_revoked"]
        {
            assert!(objects.contains(name), "{name}");
        }
        for name in ["keys_slots", "secrets_by_key", "numbered_keys"] {
            assert!(!objects.contains(name), "a later step drops or renames it: {name}");
        }
    }
}
