//! Takumo's own tables, in the same database as keyfob's and apart from them.
//!
//! keyfob keeps keys; who its organizations are is the service's own business. Each embedder has
//! tables like these already, and reaches them its own way: here by statements that are the same
//! for every database, through [`Database::run`] and [`Database::run_all`].
//!
//! Reads go to connections of their own and never wait for a write.
//!
//! A change here and its line in keyfob's log are two transactions: the change first. A process
//! that dies in between has changed a policy, say, without logging it.

mod answer;
mod error;
mod gateways;
mod organizations;
mod people;
mod policies;
mod postgres;
mod scans;
mod sessions;
mod sign_in_links;
mod sqlite;
mod statement;

use std::path::Path;

use deadpool_postgres::Pool;
use keyfob::{Environment, OrganizationId};

pub use error::DatabaseError;
pub(crate) use gateways::{Gateway, NewGateway};
pub(crate) use organizations::{Organization, OrganizationChange};
pub(crate) use people::{Member, MemberChange, Membership, Person};
pub(crate) use policies::{Policy, PolicyWrite, Saved};
pub(crate) use scans::{Finding, NewScan, Scan};
pub(crate) use sessions::StoredSession;

use answer::{Answer, Row};
use postgres::PostgresTables;
use sqlite::SqliteTables;
use statement::{Statement, Value, json, values};

/// The tables, wherever they are. A cheap clone.
///
/// # Cancel safety
/// What was begun is done or not done, whether or not anybody still waits for its answer, and never
/// half of it.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(SqliteTables),
    Postgres(PostgresTables),
}

impl Database {
    /// Opens the file, which keyfob's store has made, and brings the tables up to date.
    pub(crate) async fn open_sqlite(path: &Path) -> Result<Self, DatabaseError> {
        SqliteTables::open(path).await.map(Self::Sqlite)
    }

    /// Takes connections to a database, and brings the tables up to date if `migrate` says so.
    pub(crate) async fn open_postgres(pool: Pool, migrate: bool) -> Result<Self, DatabaseError> {
        PostgresTables::open(pool, migrate).await.map(Self::Postgres)
    }

    /// Runs one statement, which is a transaction of its own.
    async fn run(&self, sql: &'static str, values: Vec<Value>) -> Result<Answer, DatabaseError> {
        let [answer] = self.run_all([Statement::new(sql, values)]).await?;
        Ok(answer)
    }

    /// Runs statements one after the other in one transaction: all of them, or none.
    ///
    /// A value can't be carried from one to the next; SQL can mostly say what is wanted. To read a
    /// row and keep it from being changed until the end, let the first statement be one that writes
    /// it, `UPDATE … SET name = name … RETURNING …` if need be. A `SELECT` keeps nothing.
    async fn run_all<const N: usize>(
        &self,
        statements: [Statement; N],
    ) -> Result<[Answer; N], DatabaseError> {
        let answers = match self {
            Self::Sqlite(tables) => tables.run(statements.into()).await?,
            Self::Postgres(tables) => tables.run(&statements).await?,
        };
        Ok(answers.try_into().unwrap_or_else(|_| unreachable!("each statement has one answer")))
    }

    /// Finishes what is queued and closes the connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(tables) => tables.close().await,
            Self::Postgres(tables) => tables.close(),
        }
    }
}

/// Whose the rows of scans, gateways and policies are. Test and live never see each other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) organization: OrganizationId,
    pub(crate) environment: Environment,
}

#[cfg(test)]
mod tests;
