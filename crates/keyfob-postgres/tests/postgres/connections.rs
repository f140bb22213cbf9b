//! What becomes of connections on which no answer comes, and of many lookups on a few of them.

use std::num::NonZeroUsize;
use std::time::Duration;

use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_store::{KeyHash, KeyQuery, KeyStore, PageSize, Timestamp};
use keyfob_test_cluster::{Database, PgBouncer, PgBouncerOptions, PostgresServer, Proxy};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::database::{database, session};
use crate::sample::insert;

fn hash(number: u8) -> KeyHash {
    KeyHash::from_bytes([number; 32])
}

const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn host_that_says_nothing_keeps_nobody_from_the_next() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let database = database();
    let url = database.url().replace('@', &format!("@{silent},"));
    let store = PostgresStore::open(url).await.unwrap();
    timeout(SOON, store.find(&[hash(1)])).await.unwrap().unwrap();
}

#[tokio::test]
async fn lookup_that_nobody_waits_for_any_more_leaves_its_connection_to_nobody() {
    let (database, proxy) = (database(), proxy());
    let store = open_through(&proxy, &database).await;
    store.find(&[hash(1)]).await.unwrap();
    let before = sessions(&database, "%.find(%").await;
    assert_eq!(before.len(), 1);
    proxy.black_hole();
    timeout(Duration::from_millis(300), store.find(&[hash(1)])).await.unwrap_err();
    proxy.heal();
    timeout(SOON, store.find(&[hash(1)])).await.unwrap().unwrap();
    assert_ne!(sessions(&database, "%.find(%").await, before);
}

#[tokio::test]
async fn connection_with_an_answer_still_to_come_is_not_lent_again() {
    let (database, proxy) = (database(), proxy());
    let store = open_through(&proxy, &database).await;
    let (organization, at) = ("acme".parse().unwrap(), Timestamp::from_micros(0));
    let list = || store.list(&organization, KeyQuery::new(PageSize::MAX), at);
    list().await.unwrap();
    let before = sessions(&database, "%created_by%").await;
    proxy.black_hole();
    timeout(Duration::from_millis(50), list()).await.unwrap_err();
    proxy.heal();
    timeout(SOON, list()).await.unwrap().unwrap();
    assert_ne!(sessions(&database, "%created_by%").await, before);
}

/// A pooler gives a session to another client as soon as the answer to a transaction has passed.
#[tokio::test(flavor = "multi_thread")]
async fn many_lookups_at_once_share_a_connection_through_a_pooler() {
    let server = PostgresServer::shared().unwrap();
    let pooler = PgBouncer::start(server, &PgBouncerOptions::new().with_pool_size(2)).unwrap();
    let database = server.create_database().unwrap();
    let options = PostgresOptions::new(pooler.url(&database)).without_notifications();
    let stores = [open(options.clone()).await, open(options).await];
    let callers = (0..64).map(|number| {
        let store = stores[number % 2].clone();
        tokio::spawn(async move {
            for number in 0..50 {
                store.find(&[hash(number)]).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// Who leaves amid a question takes its connection along, and nobody else gets the answer.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_leave_cost_others_nothing_through_a_pooler() {
    let server = PostgresServer::shared().unwrap();
    for sessions in [1, 2] {
        let options = PgBouncerOptions::new().with_pool_size(sessions);
        let pooler = PgBouncer::start(server, &options).unwrap();
        let database = server.create_database().unwrap();
        let options = PostgresOptions::new(pooler.url(&database)).without_notifications();
        let stores = [open(options.clone()).await, open(options).await];
        let mut callers = JoinSet::new();
        for number in 0..8 {
            let store = stores[number % 2].clone();
            let key = insert(&store).await;
            callers.spawn(async move {
                for _ in 0..40 {
                    let found = store.find(&[key.secrets[0].hash]).await.unwrap();
                    assert_eq!(
                        found.all().unwrap()[0].as_ref().map(|found| found.id),
                        Some(key.id)
                    );
                }
            });
            let store = stores[number % 2].clone();
            callers.spawn(async move {
                for step in 0..40 {
                    let patience = Duration::from_micros(150 * (step % 10));
                    let _ = timeout(patience, store.find(&[hash(1)])).await;
                }
            });
        }
        while let Some(caller) = callers.join_next().await {
            caller.unwrap();
        }
    }
}

fn proxy() -> Proxy {
    Proxy::start(PostgresServer::shared().unwrap().port()).unwrap()
}

async fn open_through(proxy: &Proxy, database: &Database) -> PostgresStore {
    let one = NonZeroUsize::MIN;
    let options = PostgresOptions::new(proxy.url(database));
    open(options.with_connections(one).with_lookup_connections(one)).await
}

async fn open(options: PostgresOptions) -> PostgresStore {
    PostgresStore::open_with(options).await.unwrap()
}

/// The sessions whose last statement was like this.
async fn sessions(database: &Database, statement: &str) -> Vec<i32> {
    let client = session(database).await;
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'keyfob' \
        AND datname = current_database() AND query LIKE $1 ORDER BY 1";
    client.query(sql, &[&statement]).await.unwrap().iter().map(|row| row.get(0)).collect()
}
