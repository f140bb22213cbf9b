//! What a test does to takumo's tables behind the server's back.

use std::path::Path;

use tokio_postgres::NoTls;

use crate::place;

pub(crate) fn execute(directory: &Path, sql: &str) {
    let url = place::url(directory);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&sql.replace("takumo_", "takumo.")).await.unwrap();
    });
}

/// Lets every session have begun, and been used last, so many seconds earlier.
pub(crate) fn make_sessions_older(directory: &Path, seconds: i64) {
    for field in ["begun_at", "seen_at"] {
        execute(
            directory,
            &format!(
                "UPDATE takumo_sessions SET data = jsonb_set(data::jsonb, '{{signed_in,{field}}}', \
                 to_jsonb((data::jsonb #>> '{{signed_in,{field}}}')::bigint - {seconds} * 1000000::bigint))::text"
            ),
        );
    }
}
