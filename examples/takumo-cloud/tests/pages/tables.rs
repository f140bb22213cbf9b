//! What a test does to takumo's tables behind the server's back.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

pub(crate) fn execute(directory: &Path, sql: &str) {
    let tables = Connection::open(directory.join("takumo.db")).unwrap();
    tables.busy_timeout(Duration::from_secs(5)).unwrap();
    tables.execute(sql, []).unwrap();
}

/// Lets every session have begun, and been used last, so many seconds earlier.
pub(crate) fn make_sessions_older(directory: &Path, seconds: i64) {
    execute(
        directory,
        &format!(
            "UPDATE takumo_sessions SET data = json_set(data, \
             '$.signed_in.begun_at', data ->> '$.signed_in.begun_at' - {seconds} * 1000000, \
             '$.signed_in.seen_at', data ->> '$.signed_in.seen_at' - {seconds} * 1000000)"
        ),
    );
}
