//! Servers that reach their database through PgBouncer in transaction mode.

use std::time::{Duration, Instant};

use keyfob_test_cluster::{PgBouncer, PgBouncerOptions, PostgresServer};
use serde_json::json;

use crate::binary::{Serving, printed_key};
use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::place;

/// Two sessions of the server's for all connections of two servers, so that statements in a row meet
/// different ones.
#[test]
fn whole_life_of_a_key_goes_through_a_pooler() {
    let postgres = PostgresServer::shared().unwrap();
    let database = postgres.create_database().unwrap();
    let pooler = PgBouncer::start(postgres, &PgBouncerOptions::new().with_pool_size(2)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    place::is_at(directory.path(), pooler.url(&database));
    let direct = database.url();
    let environment = [("TAKUMO_NOTIFICATIONS_URL", direct.as_str())];

    let (_, printed, _) = Serving::start(directory.path(), &environment).stop("TERM");
    let key = printed_key(&printed).unwrap().to_owned();
    let here = Serving::start(directory.path(), &environment);
    let there = Serving::start(directory.path(), &environment);
    let owner = Client::new(&here.url).with_key(&key);
    let elsewhere = Client::new(&there.url);
    owner.patch("/v1/organization", &json!({ "plan": "enterprise" })).expect(200);

    let mut longest = Duration::ZERO;
    for round in 0..10 {
        let (id, made) = owner.create_key("live", &["*:*"]);
        let client = elsewhere.with_key(&made);
        client.get("/v1/whoami").expect(200);
        let policy = json!({ "round": round });
        let status = if round == 0 { 201 } else { 200 };
        let saved = client.put("/v1/policies/p", &policy).expect(status);
        assert_eq!(saved["version"], round + 1);
        let rotated = owner.rotate(&id, 600).expect(200)["api_key"].text();
        let rotated = elsewhere.with_key(rotated);
        rotated.get("/v1/whoami").expect(200);
        owner.act(&id, "revoke").expect(200);
        let revoked = Instant::now();
        while rotated.get("/v1/whoami").status != 401 {
            assert!(revoked.elapsed() < Duration::from_secs(1));
        }
        longest = longest.max(revoked.elapsed());
        client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    }
    println!("the longest that the other server took to refuse: {longest:?}");
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    operator.create_key("acme", "live");
    operator.stdout(&["organizations", "delete", "acme", "--confirm", "acme"]);
}
