use crate::database::{database, open, session};
use crate::sample::insert;

/// A session keeps its plan for long. It must not be one that suits the first few keys alone.
#[tokio::test]
async fn lookups_go_by_the_indices_from_the_first_key_on() {
    let database = database();
    let store = open(&database).await;
    let hash = insert(&store).await.secrets[0].hash;
    let mut session = session(&database).await;
    let transaction = session.transaction().await.unwrap();
    // More often than the server looks at the values before it settles on a plan.
    for _ in 0..10 {
        let rows = transaction
            .query("SELECT * FROM keyfob.find($1)", &[&[hash.as_bytes().as_slice()].as_slice()])
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
    }
    let sql = "SELECT relname::text, seq_scan, idx_scan FROM pg_stat_xact_user_tables \
        WHERE schemaname = 'keyfob' AND relname IN ('keys', 'secrets') ORDER BY 1";
    let scans = transaction.query(sql, &[]).await.unwrap();
    let scans: Vec<(String, i64, i64)> =
        scans.iter().map(|table| (table.get(0), table.get(1), table.get(2))).collect();
    assert_eq!(scans, [("keys".to_owned(), 0, 10), ("secrets".to_owned(), 0, 10)]);
}
