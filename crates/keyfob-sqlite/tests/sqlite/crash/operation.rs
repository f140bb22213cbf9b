use std::time::Duration;

use keyfob_store::{
    Action, Actor, Attribution, Author, Details, Environment, Hour, Idempotency, KeyEdit, KeyHash,
    KeyId, KeyLimit, KeyStore, NewEvent, NewKey, NewSecret, OrganizationId, Outcome, Rotation,
    ScopeNames, Switch, Timestamp, UsageBatch, UsageCount,
};

use crate::sample::now;

/// One of the operations of a lane: all about it follows from its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    seed: u64,
    lane: u8,
    number: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Create,
    CreateAgain,
    Import,
    Rotate,
    Retire,
    Disable,
    Enable,
    Edit,
    Revoke,
    DeleteOrganization,
    Usage,
    Append,
}

/// As often as each stands here.
const KINDS: [Kind; 32] = [
    Kind::Create,
    Kind::Create,
    Kind::Create,
    Kind::CreateAgain,
    Kind::Import,
    Kind::Import,
    Kind::Rotate,
    Kind::Rotate,
    Kind::Rotate,
    Kind::Rotate,
    Kind::Retire,
    Kind::Retire,
    Kind::Disable,
    Kind::Disable,
    Kind::Enable,
    Kind::Enable,
    Kind::Edit,
    Kind::Edit,
    Kind::Revoke,
    Kind::Create,
    Kind::Create,
    Kind::Rotate,
    Kind::Retire,
    Kind::Disable,
    Kind::Enable,
    Kind::Edit,
    Kind::CreateAgain,
    Kind::DeleteOrganization,
    Kind::Usage,
    Kind::Usage,
    Kind::Usage,
    Kind::Append,
];

/// How many keys an import brings, and how many hashes an operation can bring at most.
const IMPORTED: u8 = 3;

/// A number that looks random and follows from these.
pub(crate) fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x243f_6a88_85a3_08d3, |mixed: u64, number| {
        let mut mixed = (mixed ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
        mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 32
    })
}

pub(crate) fn organization(lane: u8) -> OrganizationId {
    format!("lane-{lane}").parse().unwrap()
}

/// Every hash that an operation up to this one may have stored.
pub(crate) fn hashes(seed: u64, lane: u8, up_to: u64) -> Vec<KeyHash> {
    let of = |number| {
        let operation = Operation::new(seed, lane, number);
        (0..IMPORTED).map(move |which| operation.secret(which).hash)
    };
    (0..=up_to).flat_map(of).collect()
}

impl Operation {
    pub(crate) fn new(seed: u64, lane: u8, number: u64) -> Self {
        let operation = Self { seed, lane, number, kind: Kind::Create };
        Self { kind: operation.pick(0, &KINDS), ..operation }
    }

    pub(crate) fn is_usage(self) -> bool {
        self.kind == Kind::Usage
    }

    /// Does it, and says what came of it.
    pub(crate) async fn run(self, store: &impl KeyStore) -> String {
        let (organization, by) = (organization(self.lane), self.by());
        let (key, limit) = (self.target().id(0), KeyLimit::AtMost(8));
        let done = match self.kind {
            Kind::Create => store.insert(self.key(0), limit, by).await.map(drop),
            Kind::CreateAgain => {
                let again = NewKey { idempotency: self.target().idempotency(), ..self.key(0) };
                store.insert(again, limit, by).await.map(drop)
            }
            Kind::Import => {
                let keys = (0..IMPORTED).map(|which| self.key(which)).collect();
                store.import(keys, limit, by).await.map(drop).map_err(|error| error.error)
            }
            Kind::Rotate => {
                let overlap = Duration::from_secs(self.random(1) % 8 * 4);
                let rotation = Rotation {
                    secret: self.secret(0),
                    overlap_ends: self.at().saturating_add(overlap),
                    idempotency: self.idempotency(),
                };
                store.rotate(&organization, key, rotation, by).await.map(drop)
            }
            Kind::Retire => store.retire_old_secret(&organization, key, by).await.map(drop),
            Kind::Disable => store.switch(&organization, key, Switch::Off, by).await.map(drop),
            Kind::Enable => store.switch(&organization, key, Switch::On, by).await.map(drop),
            Kind::Edit => store.edit(&organization, key, self.edit(), limit, by).await.map(drop),
            Kind::Revoke => store.revoke(&organization, key, None, by).await.map(drop),
            Kind::DeleteOrganization => {
                store.delete_organization(&organization, by).await.map(drop)
            }
            Kind::Usage => store.record_usage(&self.usage()).await,
            Kind::Append => {
                let action = Action::custom("plan.changed").unwrap();
                let event = NewEvent { organization, action, details: Details::new() };
                store.append_event(event, by).await.map(drop)
            }
        };
        done.map_or_else(|error| error.to_string(), |()| "done".to_owned())
    }

    fn random(self, salt: u64) -> u64 {
        mix(&[self.seed, self.lane.into(), self.number, salt])
    }

    fn pick<T: Clone>(self, salt: u64, among: &[T]) -> T {
        let place = self.random(salt) % among.len() as u64;
        among[usize::try_from(place).unwrap()].clone()
    }

    /// An earlier operation that made a key, as far as one is near.
    fn target(self) -> Self {
        let earlier = self.random(2) % 10;
        (0..=self.number.saturating_sub(earlier))
            .rev()
            .map(|number| Self::new(self.seed, self.lane, number))
            .find(|made| matches!(made.kind, Kind::Create | Kind::Import))
            .unwrap_or(self)
    }

    fn at(self) -> Timestamp {
        now().saturating_add(Duration::from_secs(self.number))
    }

    fn by(self) -> Attribution {
        Author::from(Actor::new("user:1").unwrap()).at(self.at())
    }

    /// The ids of the keys that it may make.
    pub(crate) fn ids(self) -> impl Iterator<Item = KeyId> {
        (0..IMPORTED).map(move |which| self.id(which))
    }

    fn id(self, which: u8) -> KeyId {
        KeyId::new(self.at(), [self.lane, which, 0, 0, 0, 0, 0, 0])
    }

    fn secret(self, which: u8) -> NewSecret {
        let mut hash = [which; 32];
        hash[..8].copy_from_slice(&self.random(3 + u64::from(which)).to_be_bytes());
        NewSecret { hash: KeyHash::from_bytes(hash), hint: "tk_live_a1b2c3d4".parse().unwrap() }
    }

    fn key(self, which: u8) -> NewKey {
        let expires = self.pick(7, &[true, false, false]);
        NewKey {
            id: self.id(which),
            organization: organization(self.lane),
            name: format!("key {}", self.number).parse().unwrap(),
            environment: Environment::Live,
            scopes: ScopeNames::parse("org:read org:write").unwrap(),
            expires_at: expires.then(|| self.at().saturating_add(Duration::from_secs(20))),
            secret: self.secret(which),
            idempotency: self.idempotency(),
        }
    }

    fn idempotency(self) -> Option<Idempotency> {
        let asked = self.pick(8, &[true, false]);
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&self.number.to_be_bytes());
        asked.then(|| Idempotency {
            token: format!("token-{}", self.number).parse().unwrap(),
            fingerprint,
            remembered_until: self.at().saturating_add(Duration::from_secs(40)),
        })
    }

    fn edit(self) -> KeyEdit {
        let scopes = self.pick(9, &["", "org:read", "org:write"]);
        let later = self.at().saturating_add(Duration::from_secs(self.random(10) % 30));
        KeyEdit {
            name: Some(format!("edited {}", self.number).parse().unwrap()),
            scopes: Some(ScopeNames::parse(scopes).unwrap()),
            expires_at: self.pick(11, &[None, Some(None), Some(Some(later))]),
        }
    }

    /// Of the keys of the last operations, those that are none included.
    fn usage(self) -> UsageBatch {
        let mut id = [self.lane; 16];
        id[..8].copy_from_slice(&self.number.to_be_bytes());
        let count = |number| {
            let operation = Self::new(self.seed, self.lane, number);
            UsageCount {
                organization: organization(self.lane),
                key: operation.id(0),
                secret: self.pick(12, &[1, 2]),
                hour: Hour::of(self.at()),
                outcome: self.pick(13, &Outcome::ALL),
                count: 1 + number,
                last_at: self.at(),
            }
        };
        let counts = (self.number.saturating_sub(50)..=self.number).map(count).collect();
        UsageBatch { id, at: self.at(), counts }
    }
}
