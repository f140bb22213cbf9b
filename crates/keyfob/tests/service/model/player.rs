use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    Clock, DynStore, KeyHash, KeyId, KeyStore, ManualClock, OrganizationId, ScopeSet, Timestamp,
    VerifyError,
};
use keyfob_conformance::StoreModel;
use proptest::test_runner::TestCaseError;

use super::node::Node;
use super::operation::{Change, Operation, TimeOfDay};
use super::text::Text;
use super::verdict::Verdict;
use crate::{START, Scope, stranger};

pub(super) type Outcome = Result<(), TestCaseError>;

/// Does everything twice, by the services of two nodes and by the model, and compares.
pub(super) struct Player {
    pub(super) clock: Arc<ManualClock>,
    pub(super) nodes: [Node; 2],
    pub(super) model: StoreModel,
    pub(super) keys: Vec<(OrganizationId, KeyId)>,
    pub(super) texts: Vec<Text>,
    /// How many changes there were.
    pub(super) step: u64,
    store: DynStore,
}

/// Texts that nobody has when a case begins.
const STRANGERS: u64 = 3;

impl Player {
    pub(super) fn new(stores: [DynStore; 2]) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let store = stores[0].clone();
        Self {
            nodes: stores.map(|store| Node::new(store, &clock)),
            clock,
            model: StoreModel::default(),
            keys: Vec::new(),
            texts: (0..STRANGERS).map(|number| Text::new(stranger(number))).collect(),
            step: 0,
            store,
        }
    }

    pub(super) async fn play(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::Advance { seconds } => self.clock.advance(Duration::from_secs(*seconds)),
            Operation::Set(time) => self.set_time_of_day(time),
            Operation::Change { node, change } => {
                let changed = self.change(*node, change).await?;
                self.verify_each(*node, &changed).await?;
            }
            Operation::Verify { node, text } => {
                self.verify(*node, *text % self.texts.len(), ScopeSet::EMPTY).await?;
            }
            Operation::Authorize { node, text, scopes } => {
                self.verify(*node, *text % self.texts.len(), scopes_of(*scopes)).await?;
            }
            Operation::VerifyAll { node } => self.verify_all(*node).await?,
            Operation::Race { node, text, by, change, follow } => {
                let raced = Race { node: *node, text: *text % self.texts.len(), by: *by };
                self.nodes[*node].store.hold_answers();
                let raced = self.race(raced, change, *follow).await;
                self.nodes[*node].store.release_answers();
                raced?;
            }
            Operation::Follow { node } => self.follow(*node).await?,
            Operation::Restart { node } => {
                self.nodes[*node].restart();
                self.texts.iter_mut().for_each(|text| text.is_known(*node, self.step));
            }
        }
        Ok(())
    }

    /// When both nodes have read the whole feed, there is one right answer about every text.
    pub(super) async fn end(&mut self) -> Outcome {
        for node in 0..self.nodes.len() {
            self.follow(node).await?;
            self.verify_all(node).await?;
        }
        Ok(())
    }

    fn set_time_of_day(&self, time: &TimeOfDay) {
        let now = self.clock.wall().as_micros();
        let micros = match time {
            TimeOfDay::Later { seconds } => now.saturating_add(seconds * 1_000_000),
            TimeOfDay::AtTheEndOf { text, micros } => {
                let found = self.texts[text % self.texts.len()].found();
                let end = found.and_then(|found| found.retires_at.or(found.expires_at));
                end.map_or(now, |end| end.as_micros().saturating_add(*micros))
            }
            TimeOfDay::Start => START.as_micros(),
            TimeOfDay::First => i64::MIN,
            TimeOfDay::Last => i64::MAX,
        };
        self.clock.set_wall(Timestamp::from_micros(micros));
    }

    async fn follow(&mut self, node: usize) -> Outcome {
        let position = self.store.position().await.map_err(failure)?;
        self.nodes[node].follow(position.position()).await?;
        self.texts.iter_mut().for_each(|text| text.is_told(node));
        Ok(())
    }

    async fn race(&mut self, race: Race, change: &Change, follow: bool) -> Outcome {
        let Race { node, text, by } = race;
        let service = self.nodes[node].service.clone();
        let plaintext = self.texts[text].plaintext.clone();
        let mut verification = tokio::spawn(async move { service.verify(&plaintext).await });
        let at_once = tokio::select! {
            seen = &mut verification => Some(seen),
            () = self.nodes[node].store.lookup_has_read() => None,
        };
        self.ask_store(node, text);
        if let Some(seen) = at_once {
            self.compare(node, text, ScopeSet::EMPTY, seen.map_err(failure)?)?;
            return self.change(by, change).await.map(drop);
        }
        let changed = self.change(by, change).await?;
        if follow {
            self.follow(node).await?;
        }
        self.nodes[node].store.release_answers();
        let seen = verification.await.map_err(failure)?;
        self.compare(node, text, ScopeSet::EMPTY, seen)?;
        self.verify_each(by, &changed).await?;
        self.verify(node, text, ScopeSet::EMPTY).await
    }

    /// Asks about the texts of these hashes, first of all.
    async fn verify_each(&mut self, node: usize, hashes: &[KeyHash]) -> Outcome {
        for text in 0..self.texts.len() {
            if hashes.contains(&self.texts[text].hash) {
                self.verify(node, text, ScopeSet::EMPTY).await?;
            }
        }
        Ok(())
    }

    async fn verify_all(&mut self, node: usize) -> Outcome {
        for text in 0..self.texts.len() {
            self.verify(node, text, ScopeSet::EMPTY).await?;
        }
        Ok(())
    }

    async fn verify(&mut self, node: usize, text: usize, required: ScopeSet<Scope>) -> Outcome {
        self.ask_store(node, text);
        let service = &self.nodes[node].service;
        let seen = service.authorize(&self.texts[text].plaintext, required).await;
        self.compare(node, text, required, seen)
    }

    /// A node that trusts nothing knows what the store does when it is asked.
    fn ask_store(&mut self, node: usize, text: usize) {
        if self.nodes[node].trusts_nothing() {
            self.texts[text].is_known(node, self.step);
        }
    }

    fn compare(
        &mut self,
        node: usize,
        text: usize,
        required: ScopeSet<Scope>,
        seen: Result<keyfob::Principal<Scope>, VerifyError>,
    ) -> Outcome {
        let seen: Verdict = match seen {
            Ok(principal) => Ok(principal.into()),
            Err(VerifyError::Refused(refusal)) => Err(refusal),
            Err(outage) => return Err(failure(outage)),
        };
        let now = self.clock.wall();
        let expected = self.texts[text].verdicts(node, required, now);
        if self.texts[text].allows(node, &seen, required, now) {
            return Ok(());
        }
        let reason = format!(
            "node {node}, asked about text {text}\n    expected one of: {expected:?}\n    seen: {seen:?}"
        );
        Err(TestCaseError::fail(reason))
    }
}

/// A node that is asked about a text, and one that makes a change meanwhile.
struct Race {
    node: usize,
    text: usize,
    by: usize,
}

pub(super) fn failure(error: impl std::error::Error) -> TestCaseError {
    TestCaseError::fail(format!("a call that has to succeed: {error}"))
}

pub(super) fn scopes_of(number: usize) -> ScopeSet<Scope> {
    [Scope::Read.into(), Scope::Write.into(), Scope::Read | Scope::Write, ScopeSet::EMPTY][number]
}
