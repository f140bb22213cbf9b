//! Where the tests of this program keep everything: each directory has a database of its own, on one
//! server that they share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::TryStreamExt;
use keyfob::{KeyStore, UsageBatch};
use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_test_cluster::PostgresServer;
use takumo_cloud::DatabaseUrl;
use tokio_postgres::NoTls;

/// How a command is told that there is nothing yet.
pub(crate) const MISSING: &str = "there is nothing in the database yet";
/// How many tables there are at the least.
pub(crate) const PARTS: usize = 10;

static URLS: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

/// The database of a directory.
pub(crate) fn database(directory: &Path) -> DatabaseUrl {
    url(directory).parse().unwrap()
}

/// Its URL, for a program.
pub(crate) fn url(directory: &Path) -> String {
    let mut urls = URLS.lock().unwrap_or_else(PoisonError::into_inner);
    let url = urls
        .entry(directory.to_owned())
        .or_insert_with(|| PostgresServer::shared().unwrap().create_database().unwrap().url());
    url.clone()
}

/// Makes this the database of a directory, in place of one on the server that is shared.
pub(crate) fn is_at(directory: &Path, url: String) {
    URLS.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.to_owned(), url);
}

/// All that it holds: each of its tables, with its name, as bytes.
pub(crate) fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let url = url(directory);
    wait_for(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let names = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables \
             WHERE schemaname IN ('keyfob', 'takumo')";
        let mut tables = Vec::new();
        for row in client.query(names, &[]).await.unwrap() {
            let name: String = row.get("name");
            let copy = format!("COPY {name} TO STDOUT (FORMAT binary)");
            let rows = client.copy_out(&copy).await.unwrap();
            let rows: Vec<_> = rows.try_collect().await.unwrap();
            tables.push((name, rows.concat()));
        }
        tables
    })
}

/// A server of takumo's that is killed is a client of PostgreSQL's that is gone, and breaks nothing there.
pub(crate) fn assert_whole(_directory: &Path) {}

/// Writes down usage that no server has counted.
pub(crate) fn record_usage(directory: &Path, batch: &UsageBatch) {
    let url = url(directory);
    wait_for(async {
        let store = PostgresStore::open_with(PostgresOptions::new(url)).await.unwrap();
        store.record_usage(batch).await.unwrap();
        store.close().await;
    });
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}
