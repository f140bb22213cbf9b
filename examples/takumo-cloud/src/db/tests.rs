//! What both databases do alike.

use std::num::NonZeroUsize;

use keyfob::Timestamp;
use keyfob_postgres::PostgresOptions;
use keyfob_test_cluster::PostgresServer;

use super::*;
use crate::people::{Login, Role};

/// Tables that were just made, in each database.
async fn each(test: impl AsyncFn(&Database)) {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = Database::open_sqlite(&directory.path().join("takumo.db")).await.unwrap();
    let postgres = PostgresServer::shared().unwrap().create_database().unwrap();
    let pool =
        PostgresOptions::new(postgres.url()).pool(NonZeroUsize::MIN.saturating_add(3)).unwrap();
    let postgres = Database::open_postgres(pool, true).await.unwrap();
    for db in [sqlite, postgres] {
        test(&db).await;
        db.close().await;
        assert!(db.run("SELECT 1 AS one", values![]).await.is_err());
    }
}

fn add(id: &str, plan: &str) -> Statement {
    let sql =
        "INSERT INTO takumo_organizations (id, name, plan, created_at) VALUES (?1, ?1, ?2, 0)";
    Statement::new(sql, values![id.to_owned(), plan.to_owned()])
}

#[tokio::test]
async fn statements_of_one_call_are_done_all_or_not_at_all() {
    each(async |db| {
        let [first, second] = db.run_all([add("a", "free"), add("b", "pro")]).await.unwrap();
        assert_eq!((first.written, second.written), (1, 1));
        assert!(db.run_all([add("c", "free"), add("d", "no such plan")]).await.is_err());
        let read = db.run("SELECT id FROM takumo_organizations ORDER BY id", values![]).await;
        assert_eq!(read.unwrap().all(|row| row.get::<String>("id")).unwrap(), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn rows_that_were_written_are_counted() {
    each(async |db| {
        db.run_all([add("a", "free"), add("b", "pro"), add("c", "pro")]).await.unwrap();
        let upgrade = "UPDATE takumo_organizations SET plan = ?2 WHERE plan = ?1";
        let upgrade = async |from: &str| {
            db.run(upgrade, values![from.to_owned(), "enterprise".to_owned()])
                .await
                .unwrap()
                .written
        };
        assert_eq!(upgrade("pro").await, 2);
        assert_eq!(upgrade("pro").await, 0);
    })
    .await;
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let sql = "SELECT CAST(?1 AS BIGINT) AS number, ?2 AS text, ?3 AS bytes, ?4 AS flag, \
         CAST(?5 AS TEXT) AS absent, CAST(?5 AS TEXT) IS NULL AS is_absent";
    each(async |db| {
        let text = "naïve\n'; --".to_owned();
        let values = values![i64::MIN, &text, vec![0u8, 255], true, None::<String>];
        let answer = db.run(sql, values).await.unwrap();
        let read = answer.one(|row| {
            assert_eq!(row.get::<i64>("number")?, i64::MIN);
            assert_eq!(row.get::<String>("text")?, text);
            assert_eq!(row.get::<Vec<u8>>("bytes")?, [0, 255]);
            assert!(row.get::<bool>("flag")? && row.get::<bool>("is_absent")?);
            row.get::<Option<String>>("absent")
        });
        assert_eq!(read.unwrap(), Some(None));
    })
    .await;
}

#[tokio::test]
async fn names_sort_by_their_bytes() {
    each(async |db| {
        for id in ["b", "a", "B", "_"] {
            db.run_all([add(id, "free")]).await.unwrap();
        }
        let read = db.run("SELECT id FROM takumo_organizations ORDER BY id", values![]).await;
        let ids = read.unwrap().all(|row| row.get::<String>("id")).unwrap();
        assert_eq!(ids, ["B", "_", "a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn of_the_last_owners_one_stays() {
    let owner = |login: &str| Member {
        login: login.parse().unwrap(),
        role: Role::Owner,
        joined_at: Timestamp::from_micros(0),
    };
    each(async |db| {
        db.run_all([add("a", "free")]).await.unwrap();
        let organization: OrganizationId = "a".parse().unwrap();
        for owner in [owner("alice"), owner("bob")] {
            db.add_person(&owner.login, "hash".into(), owner.joined_at).await.unwrap();
            assert!(db.add_member(&organization, owner).await.unwrap());
        }
        let (alice, bob) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let (first, second) = tokio::join!(
            db.change_member(&organization, &alice, None),
            db.change_member(&organization, &bob, Some(Role::Viewer)),
        );
        let changes = [first.unwrap(), second.unwrap()];
        assert!(changes.contains(&MemberChange::Done(Role::Owner)), "{changes:?}");
        assert!(changes.contains(&MemberChange::LastOwner), "{changes:?}");
        let carol = "carol".parse().unwrap();
        let nobody = db.change_member(&organization, &carol, None).await.unwrap();
        assert_eq!(nobody, MemberChange::NotFound);
    })
    .await;
}

#[tokio::test]
async fn person_has_one_sign_in_link_and_a_refused_one_leaves_it() {
    let time = Timestamp::from_micros;
    each(async |db| {
        db.run_all([add("a", "free")]).await.unwrap();
        let alice: Login = "alice".parse().unwrap();
        db.add_person(&alice, "hash".into(), time(0)).await.unwrap();
        assert!(db.add_sign_in_link(&alice, "one".into(), time(2)).await.unwrap());
        assert!(db.add_sign_in_link(&alice, "two".into(), time(2)).await.unwrap());
        assert_eq!(db.use_sign_in_link("one".into(), time(1)).await.unwrap(), None);
        let organization = "a".parse().unwrap();
        let own = db.add_sign_in_link_of_own_member(&alice, "three".into(), time(2), &organization);
        assert!(!own.await.unwrap(), "she is no member");
        assert_eq!(db.use_sign_in_link("two".into(), time(1)).await.unwrap(), Some(alice.clone()));
        assert_eq!(db.use_sign_in_link("two".into(), time(1)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn session_that_has_ended_is_not_begun_again_by_who_saves_it_late() {
    let time = Timestamp::from_micros;
    each(async |db| {
        let session =
            StoredSession { id_hash: "hash".into(), data: "{}".into(), expires_at: time(9) };
        assert!(db.add_session(session.clone(), time(1)).await.unwrap());
        assert!(!db.add_session(session.clone(), time(1)).await.unwrap(), "its id is taken");
        assert!(db.session("hash".into(), time(1)).await.unwrap().is_some());
        assert!(db.session("hash".into(), time(9)).await.unwrap().is_none(), "it is over");
        db.remove_session("hash".into()).await.unwrap();
        db.save_session(session).await.unwrap();
        assert!(db.session("hash".into(), time(1)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn change_whose_organization_or_name_is_taken_meanwhile_has_lost_a_race() {
    each(async |db| {
        let member = "INSERT INTO takumo_policies \
             (organization, environment, name, version, document, updated_at, updated_by) \
             VALUES ('gone', 'live', 'pii', 1, '{}', 0, 'cli')";
        let error = db.run(member, values![]).await.err().unwrap();
        assert!(error.is_lost_race() && !error.is_transient(), "{error:?}");
        db.run_all([add("a", "free")]).await.unwrap();
        let error = db.run_all([add("a", "free")]).await.err().unwrap();
        assert!(error.is_lost_race(), "{error:?}");
        let error = db.run_all([add("b", "no such plan")]).await.err().unwrap();
        assert!(!error.is_lost_race(), "{error:?}");
    })
    .await;
}
