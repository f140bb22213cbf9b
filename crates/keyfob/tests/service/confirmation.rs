use std::pin::pin;
use std::time::Duration;

use keyfob::{Confirmation, KeyStore, NodeState};
use serde_json::json;

use crate::*;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

/// Two nodes on one store, each with its own way to it, and a key that both remember.
struct Fleet {
    clock: Arc<ManualClock>,
    here: Service,
    there: Service,
    way_there: FaultyStore,
    key: IssuedKey,
}

impl Fleet {
    async fn new() -> Self {
        let (store, clock) = (FaultyStore::new(), clock());
        let way_there = store.beside();
        let here = service(&store, &clock).await;
        let there = service(&way_there, &clock).await;
        let key = create(&here).await;
        there.verify(key.api_key.expose_secret()).await.unwrap();
        // Both have told of the key's creation.
        let end = store.position().await.unwrap();
        eventually(async || store.nodes().await.unwrap().iter().all(|node| node.cursor == end))
            .await;
        Self { clock, here, there, way_there, key }
    }

    async fn revoke(&self, timeout: Duration) -> Confirmation {
        let (owner, id) = (organization(), self.key.key.id);
        self.here.revoke(&owner, id, None, actor()).confirmed(timeout).await.unwrap()
    }

    /// How far the change is with the other node.
    fn there(&self, confirmation: &Confirmation) -> NodeState {
        let id = self.there.health().node.unwrap();
        confirmation.nodes.iter().find(|node| node.id == id).unwrap().state
    }
}

#[tokio::test]
async fn revocation_is_confirmed_when_every_node_has_applied_it() {
    let fleet = Fleet::new().await;
    let confirmation = fleet.revoke(LONG).await;
    let refused = fleet.there.verify(fleet.key.api_key.expose_secret()).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::Revoked), "at once, and from then on");
    assert!(confirmation.in_force() && confirmation.nodes_listed && !confirmation.bound_passed);
    let applied = NodeState::Applied { at: START };
    let states: Vec<_> = confirmation.nodes.iter().map(|node| node.state).collect();
    assert_eq!(states, [applied, applied]);
    assert_eq!(confirmation.position, fleet.way_there.position().await.unwrap().position());

    let again = fleet.revoke(Duration::ZERO).await;
    assert!(again.in_force(), "{again:?}");
    assert_eq!(again.key, confirmation.key);
}

#[tokio::test]
async fn node_that_does_not_follow_is_told_until_the_bound_has_passed() {
    let fleet = Fleet::new().await;
    fleet.way_there.fail_feed(true);
    let confirmation = fleet.revoke(SHORT).await;
    assert!(!confirmation.in_force(), "{confirmation:?}");
    assert_eq!(fleet.there(&confirmation), NodeState::NotYet { last_report: START, lag: 1 });

    let (bound, bit) = (Duration::from_secs(5), Duration::from_millis(20));
    let mut waiting = pin!(fleet.revoke(LONG));
    tokio::time::timeout(SHORT, &mut waiting).await.unwrap_err();
    // Neither sleep of this machine nor a clock that is set is time that surely went by.
    fleet.clock.sleep(bound * 2);
    tokio::time::timeout(SHORT, &mut waiting).await.unwrap_err();
    fleet.clock.set_wall(START);
    fleet.clock.advance(bound + bit);
    let confirmation = waiting.await;
    assert!(confirmation.bound_passed && confirmation.in_force());
    assert!(matches!(fleet.there(&confirmation), NodeState::NotYet { .. }));
    let error = fleet.there.verify(fleet.key.api_key.expose_secret()).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Revoked));
}

#[tokio::test]
async fn node_that_fell_silent_is_gone_and_not_waited_for() {
    let fleet = Fleet::new().await;
    fleet.way_there.fail_feed(true);
    fleet.way_there.fail_reports(true);
    fleet.clock.advance(Duration::from_secs(31));
    let confirmation = fleet.revoke(LONG).await;
    assert!(confirmation.in_force() && !confirmation.bound_passed);
    assert_eq!(fleet.there(&confirmation), NodeState::Gone { last_report: START });
    let error = fleet.there.verify(fleet.key.api_key.expose_secret()).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Revoked), "it trusts nothing that it remembers");

    fleet.way_there.fail_feed(false);
    fleet.way_there.fail_reports(false);
    eventually(async || fleet.there.health().cache_in_use).await;
    let confirmation = fleet.revoke(LONG).await;
    assert!(matches!(fleet.there(&confirmation), NodeState::Applied { .. }));
}

#[tokio::test]
async fn nothing_is_confirmed_by_a_list_that_can_not_be_read() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let key = create(&service).await.key.id;
    store.fail_lists(true);
    let owner = organization();
    let revoke = service.revoke(&owner, key, None, actor()).confirmed(SHORT);
    let confirmation = revoke.await.unwrap();
    assert!(!confirmation.in_force() && !confirmation.nodes_listed);
    assert!(confirmation.nodes.is_empty());
}

#[tokio::test]
async fn node_knows_of_itself_without_a_report() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let (owner, key) = (organization(), create(&service).await.key.id);
    store.fail_reports(true);
    let revoke = service.revoke(&owner, key, None, actor()).confirmed(Duration::ZERO);
    assert!(revoke.await.unwrap().in_force());
}

#[tokio::test]
async fn every_change_of_a_key_can_be_confirmed() {
    let fleet = Fleet::new().await;
    let (service, owner, id) = (&fleet.here, organization(), fleet.key.key.id);
    let old = fleet.key.api_key.expose_secret();
    assert!(service.disable(&owner, id, actor()).confirmed(LONG).await.unwrap().in_force());
    assert_eq!(refusal(&fleet.there, old).await, Refusal::Disabled);
    assert!(service.enable(&owner, id, actor()).confirmed(LONG).await.unwrap().in_force());
    fleet.there.verify(old).await.unwrap();

    service.rotate(&owner, id, LONG, actor()).await.unwrap();
    let retired = service.retire_old_secret(&owner, id, actor()).confirmed(LONG).await.unwrap();
    assert!(retired.in_force());
    assert_eq!(refusal(&fleet.there, old).await, Refusal::Retired);
    let error = service.revoke(&owner, keyfob::KeyId::from_bytes([0; 16]), None, actor());
    error.confirmed(LONG).await.unwrap_err();
}

#[tokio::test]
async fn confirmation_is_filed_without_key_material() {
    let fleet = Fleet::new().await;
    let confirmation = fleet.revoke(LONG).await;
    let filed = serde_json::to_value(&confirmation).unwrap();
    let (here, there) = (&confirmation.nodes[0], &confirmation.nodes[1]);
    let node = |node: &keyfob::NodeConfirmation| {
        json!({
            "id": node.id.to_string(), "name": node.name.as_str(), "state": "applied",
            "applied_at": "2027-01-15T08:00:00Z", "last_report_at": "2027-01-15T08:00:00Z",
            "lag": null,
        })
    };
    assert_eq!(
        filed,
        json!({
            "key_id": fleet.key.key.id.to_string(), "organization": "acme", "status": "revoked",
            "position": 2, "committed_at": "2027-01-15T08:00:00Z",
            "concluded_at": "2027-01-15T08:00:00Z", "in_force": true, "staleness_bound_ms": 5_000,
            "bound_passed": false, "nodes_listed": true, "nodes": [node(here), node(there)],
        })
    );
}
