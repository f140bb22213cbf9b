use std::collections::HashSet;

use keyfob_store::{
    Changed, DynStore, EventQuery, History, KeyHash, KeyId, KeyStore, NewSecret, OrganizationId,
    UsageQuery,
};

use super::answer::{Answer, Logged};
use super::draw::ORGANIZATIONS;
use super::operation::Operation;
use super::reference::{Change, Reference};
use crate::Failure;
use crate::failure::{Outcome, holds, same};
use crate::follower::Follower;
use crate::footprint::{every_event, every_key};
use crate::sample::{all_usage, at, events, keys, organization};
use crate::stage::Stage;

/// Does everything twice, by a store and by the model, and compares.
pub(crate) struct Player<'a> {
    pub(super) stage: &'a Stage,
    stores: [DynStore; 2],
    follower: Follower,
    pub(super) model: Reference,
    /// In seconds.
    pub(super) clock: i64,
    pub(super) step: usize,
    /// Every secret and every id that was taken for anything.
    pub(super) secrets: Vec<NewSecret>,
    pub(super) ids: Vec<KeyId>,
}

impl<'a> Player<'a> {
    pub(crate) async fn new(stage: &'a Stage) -> Result<Self, Failure> {
        let stores = stage.open_two().await?;
        let follower = Follower::from_start(&stores[0]);
        let model = Reference::default();
        Ok(Self {
            stage,
            stores,
            follower,
            model,
            clock: 0,
            step: 0,
            secrets: Vec::new(),
            ids: Vec::new(),
        })
    }

    /// Does an operation, compares the answers, and then everything that can be read.
    pub(crate) async fn play(&mut self, operation: &Operation) -> Outcome {
        self.step += 1;
        let store = self.stores[self.step % 2].clone();
        let Some((expected, seen)) = self.perform(&store, operation).await? else { return Ok(()) };
        let (seen, position) = seen?;
        if !expected.contains(&seen) {
            let expected = expected.iter().map(|answer| format!("{answer:?}"));
            let expected = expected.collect::<Vec<_>>().join("\n           or ");
            return Err(Failure::new(
                "the answer to the last operation",
                expected,
                format!("{seen:?}"),
            ));
        }
        if let Some(position) = position {
            self.follower.through(position).await?;
            let late = Follower::after(&store, position).await?;
            late.saw("changes after the position of the last operation", &[])?;
        }
        self.compare_everything().await
    }

    /// Compares all that can be read of the store, by the handle that did not write last.
    async fn compare_everything(&mut self) -> Outcome {
        let store = &self.stores[(self.step + 1) % 2];
        let now = at(self.clock);
        for owner in ORGANIZATIONS.map(organization) {
            let of = |what: &str| format!("{what} of {owner} after the last operation");
            let listed = every_key(store, &owner, keys(200), now).await?;
            same(of("the keys"), listed, self.model.list(&owner))?;
            let in_use = store.keys_in_use(&owner, now).await?;
            same(of("the keys in use"), in_use, self.model.in_use(&owner, now))?;
            for history in [History::SinceDeletion, History::WithDeleted] {
                let query = EventQuery { history, ..events(200) };
                let logged = every_event(store, &owner, query).await?;
                let logged: Vec<_> = logged.into_iter().map(Logged::from).collect();
                let expected = self.model.events(&owner, history);
                same(of(&format!("the log ({history:?})")), logged, expected)?;
            }
            let used = Answer::Usage(store.usage(&owner, all_usage()).await?);
            same(of("the usage"), used, self.usage(&owner, &all_usage()))?;
        }
        let hashes: Vec<KeyHash> = self.secrets.iter().map(|secret| secret.hash).collect();
        let expected: Vec<_> = hashes.iter().map(|hash| self.model.find(hash)).collect();
        same("what every hash finds", store.find(&hashes).await?.all()?, expected)?;
        self.compare_feed().await
    }

    async fn compare_feed(&mut self) -> Outcome {
        self.follower.read_on().await?;
        let told = self.follower.seen.drain(..).map(|change| change.changed);
        let told: Vec<_> = told.collect();
        let expected: Vec<_> = self.model.feed.drain(..).collect();
        same("changes that the feed tells of the last operation", told.len(), expected.len())?;
        for (told, expected) in told.into_iter().zip(expected) {
            match (told, expected) {
                (Changed::Key { key, hashes }, Change::Key(expected, needed)) => {
                    same("the key that the feed tells", key, expected)?;
                    let every = needed.iter().all(|hash| hashes.contains(hash));
                    holds("the feed tells every hash that a cache may have seen", every)?;
                    let own = |hash: &KeyHash| self.model.find(hash).is_some_and(|at| at.id == key);
                    holds("the feed tells no hash of another key", hashes.iter().all(own))?;
                }
                (Changed::Organization(told), Change::Organization(expected)) => {
                    same("the organization that the feed tells", told, expected)?;
                }
                (told, _) => {
                    return Err(Failure::new("the feed", "another kind", format!("{told:?}")));
                }
            }
        }
        Ok(())
    }

    pub(super) fn usage(&self, owner: &OrganizationId, query: &UsageQuery) -> Answer {
        let keys: HashSet<_> = self.model.list(owner).into_iter().map(|key| key.id).collect();
        Answer::Usage(self.model.usage.read(query, &keys))
    }
}
