use keyfob_store::{Hour, KeyStore, Outcome, UsageBatch, UsageCount};

use crate::database::Database;
use crate::sample::{by, insert, now, organization};

#[tokio::test]
async fn usage_of_a_deleted_organization_lies_in_the_file_until_it_is_pruned() {
    let database = Database::new();
    let store = database.open().await;
    for (life, hour) in (0..3).zip([Hour::of(now()), Hour::from_number(0), Hour::of(now())]) {
        let key = insert(&store).await;
        let count = |outcome| UsageCount {
            organization: organization(),
            key: key.id,
            secret: 1,
            hour,
            outcome,
            count: 1,
            last_at: now(),
        };
        let counts = Outcome::ALL.map(count).to_vec();
        store.record_usage(&UsageBatch { id: [life; 16], at: now(), counts }).await.unwrap();
        store.delete_organization(&organization(), by()).await.unwrap();
    }
    let kept = || database.ask::<i64>("SELECT count(*) FROM keyfob_usage");
    assert_eq!(kept(), 24, "eight of each life");
    assert_eq!(store.prune_usage(Hour::of(now())).await.unwrap(), 8, "those of the second life");
    assert_eq!(store.prune_usage(Hour::from_number(i64::MAX)).await.unwrap(), 16);
    assert_eq!(kept(), 0);
    store.close().await;
    database.assert_intact();
}
