//! The same work in a small store and in a large one: what grows with the number of keys shows.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use keyfob_core::{Environment, KeyHash};
use keyfob_store::{
    Actor, Attribution, Author, KeyId, KeyLimit, KeyQuery, KeyStore, NewKey, NewSecret,
    OrganizationId, PageSize, ScopeNames, Timestamp,
};
use rand::random_range;
use tokio::runtime::Runtime;

use crate::{Callers, CountingAllocator, Goal, Population, Ratios, Report};

/// A store with a population in it. A clone is a handle on the same.
#[derive(Debug)]
pub struct Populated<S>(Arc<Inhabited<S>>);

#[derive(Debug)]
struct Inhabited<S> {
    store: S,
    population: Population,
    /// How many keys of the population have been revoked.
    revoked: AtomicUsize,
}

impl<S> Clone for Populated<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// How often an operation has its turn, and how often each caller asks in one.
struct Pace {
    rounds: usize,
    asked: u64,
}

const LOOKUPS: Pace = Pace { rounds: 101, asked: 32 };
const READS: Pace = Pace { rounds: 51, asked: 4 };
/// Of these the small store must have enough keys to be revoked.
const WRITES: Pace = Pace { rounds: 15, asked: 4 };

/// Measures each operation in both, in turns, with this many callers, who each wait for their answers.
///
/// # Panics
/// If the store fails, or the small one has too few keys to be revoked.
pub fn scale<S: KeyStore>(
    (small, large): (&Populated<S>, &Populated<S>),
    callers: usize,
    runtime: &Runtime,
    allocator: &CountingAllocator,
    mut report: impl FnMut(&str, Report),
) {
    let comparison = Comparison { small, large, callers, runtime, allocator };
    let batch = Populated::find_64;
    report("find a key", comparison.run(&LOOKUPS, 2.0, Populated::find));
    report("find 64 keys at once", comparison.run(&READS, 2.0, batch));
    report("list 50 keys of an organization", comparison.run(&READS, 1.5, Populated::list));
    let list = Populated::list_large;
    report("list 50 keys of the largest organization", comparison.run(&READS, 1.5, list));
    report("revoke a key", comparison.run(&WRITES, 1.5, Populated::revoke));
    report("create a key", comparison.run(&WRITES, 1.5, Populated::create));
}

struct Comparison<'a, S> {
    small: &'a Populated<S>,
    large: &'a Populated<S>,
    callers: usize,
    runtime: &'a Runtime,
    allocator: &'a CountingAllocator,
}

impl<S: KeyStore> Comparison<'_, S> {
    fn run<F>(&self, pace: &Pace, goal: f64, operation: fn(Populated<S>) -> F) -> Report
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let repeat = |populated: &Populated<S>| {
            let mut callers = Callers::new(self.callers, self.runtime);
            let populated = populated.clone();
            move |times| {
                let populated = populated.clone();
                callers.ask(times, move |_| operation(populated.clone()));
            }
        };
        let name = |populated: &Populated<S>| format!("{} keys", populated.0.population.keys());
        Ratios::to_repeated(name(self.small), repeat(self.small))
            .and_repeated(name(self.large), Goal::AtMost(goal), repeat(self.large))
            .times(pace.asked * self.callers as u64)
            .rounds(pace.rounds)
            .run(self.allocator)
    }
}

impl<S: KeyStore> Populated<S> {
    /// The store must have been filled with the population.
    #[must_use]
    pub fn new(store: S, population: Population) -> Self {
        Self(Arc::new(Inhabited { store, population, revoked: AtomicUsize::new(0) }))
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.0.store
    }

    fn any_hash(&self) -> KeyHash {
        self.0.population.hash(random_range(0..self.0.population.keys()))
    }

    fn any_organization(&self) -> OrganizationId {
        // All but the large one.
        Population::organization(random_range(1..self.0.population.organizations()))
    }

    async fn find(self) {
        let found = self.store().find(&[self.any_hash()]).await.expect("a lookup");
        assert!(matches!(found.keys[0], Ok(Some(_))), "the key is there");
    }

    async fn find_64(self) {
        let hashes: Vec<KeyHash> = (0..64).map(|_| self.any_hash()).collect();
        let found = self.store().find(&hashes).await.expect("a lookup");
        assert!(found.keys.iter().all(|key| matches!(key, Ok(Some(_)))), "the keys are there");
    }

    async fn list(self) {
        self.list_of(self.any_organization()).await;
    }

    async fn list_large(self) {
        self.list_of(Population::organization(0)).await;
    }

    async fn list_of(&self, organization: OrganizationId) {
        let query = KeyQuery::new(PageSize::default());
        let page = self.store().list(&organization, query, now()).await.expect("a list");
        assert!(page.items.len() >= 9, "an organization has that many keys");
    }

    /// Each key once.
    async fn revoke(self) {
        let Inhabited { store, population, revoked } = &*self.0;
        let nth = revoked.fetch_add(1, Ordering::Relaxed);
        assert!(nth < population.keys(), "all keys are revoked: fewer rounds, or more keys");
        let number = population.scattered(nth);
        let (owner, id) = (population.owner(number), Population::id(number));
        drop(store.revoke(&owner, id, None, by()).await.expect("a revocation"));
    }

    async fn create(self) {
        let by = by();
        let secret = NewSecret {
            hash: KeyHash::from_bytes(rand::random()),
            hint: "tk_live_a1b2c3d4".parse().expect("a hint"),
        };
        let key = NewKey {
            id: KeyId::new(by.at, rand::random()),
            organization: self.any_organization(),
            name: "ci-pipeline".parse().expect("a name"),
            environment: Environment::Live,
            scopes: ScopeNames::parse("shield:read shield:write").expect("two names"),
            expires_at: None,
            secret,
            idempotency: None,
        };
        drop(self.store().insert(key, KeyLimit::AtMost(10_000), by).await.expect("a key"));
    }
}

fn by() -> Attribution {
    Author::from(Actor::new("cli").expect("an actor")).at(now())
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
