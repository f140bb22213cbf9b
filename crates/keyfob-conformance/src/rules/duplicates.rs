//! Contract 1: a hash or an id that is stored already is a conflict, never an overwrite.

use keyfob_store::{Conflict, DynStore, KeyLimit, KeyStore, NewKey, OrganizationId};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::footprint::Footprint;
use crate::sample::{by, organization, reason};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 1:
    duplicate_hash_is_a_conflict,
    duplicate_id_is_a_conflict,
    duplicate_of_a_revoked_key_is_a_conflict,
    duplicate_of_another_organization_is_a_conflict,
];

async fn duplicate_hash_is_a_conflict(stage: &Stage) -> Outcome {
    let story = Story::begin(stage).await?;
    let again = NewKey { secret: story.first.secret, ..stage.key(&story.acme, 1) };
    story.refuses("the same hash again", again, Conflict::DuplicateHash).await
}

async fn duplicate_id_is_a_conflict(stage: &Stage) -> Outcome {
    let story = Story::begin(stage).await?;
    let again = NewKey { id: story.first.id, ..stage.key(&story.acme, 1) };
    story.refuses("the same id again", again, Conflict::DuplicateId).await
}

async fn duplicate_of_a_revoked_key_is_a_conflict(stage: &Stage) -> Outcome {
    let story = Story::begin(stage).await?;
    let Story { store, acme, first, .. } = &story;
    store.revoke(acme, first.id, reason("leaked"), by("user:1", 1)).await?;

    let again = NewKey { secret: first.secret, ..stage.key(acme, 2) };
    story.refuses("the hash of a revoked key", again, Conflict::DuplicateHash).await?;
    let again = NewKey { id: first.id, ..stage.key(acme, 2) };
    story.refuses("the id of a revoked key", again, Conflict::DuplicateId).await
}

async fn duplicate_of_another_organization_is_a_conflict(stage: &Stage) -> Outcome {
    let story = Story::begin(stage).await?;
    let again = NewKey { secret: story.first.secret, ..stage.key(&story.globex, 1) };
    story.refuses("another organization's hash", again, Conflict::DuplicateHash).await?;
    let again = NewKey { id: story.first.id, ..stage.key(&story.globex, 1) };
    story.refuses("another organization's id", again, Conflict::DuplicateId).await
}

/// A store that holds one key, and a second organization.
struct Story {
    store: DynStore,
    acme: OrganizationId,
    globex: OrganizationId,
    first: NewKey,
}

impl Story {
    async fn begin(stage: &Stage) -> Result<Self, Failure> {
        let store = stage.open().await?;
        let (acme, globex) = (organization("acme"), organization("globex"));
        let first = stage.key(&acme, 0);
        stage.stored_as(&store, first.clone(), 0).await?;
        Ok(Self { store, acme, globex, first })
    }

    async fn refuses(&self, what: &str, key: NewKey, conflict: Conflict) -> Outcome {
        let both = [&self.acme, &self.globex];
        let before = Footprint::of(&self.store, &both).await?;
        let refusal = self.store.insert(key, KeyLimit::Unlimited, by("user:2", 3)).await;
        refused(what, &refusal, &conflict.into())?;
        same("what is stored", Footprint::of(&self.store, &both).await?, before)
    }
}
