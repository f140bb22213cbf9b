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
static ALL: [Migration; 3] = [
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

    /// The statements, to be run in one transaction. The last one records the step.
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
        self.named_after("CREATE ")
    }

    /// The names, without prefix, of everything that is there when all steps are applied.
    pub(crate) fn all_objects() -> HashSet<&'static str> {
        let mut objects = HashSet::new();
        for migration in Self::all() {
            objects.extend(migration.objects());
            for dropped in migration.named_after("DROP ") {
                objects.remove(dropped);
            }
        }
        objects
    }

    fn named_after(&self, verb: &'static str) -> impl Iterator<Item = &'static str> {
        self.template.lines().filter(move |line| line.starts_with(verb)).filter_map(|line| {
            let (_, rest) = line.split_once("{prefix}")?;
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
        })
    }
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
        let objects = Migration::all_objects();
        for name in ["migrations", "keys_by_epoch", "secrets_by_key", "keys_stay_revoked"] {
            assert!(objects.contains(name), "{name}");
        }
        assert!(!objects.contains("keys_slots"), "a later step drops it");
    }
}
