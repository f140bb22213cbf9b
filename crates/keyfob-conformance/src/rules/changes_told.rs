//! Contracts 7 and 8: the feed tells of every kind of change, no later than its position.

use keyfob_store::{
    Changed, FeedPosition, KeyHash, KeyId, KeyLimit, KeyStore, OrganizationId, Switch,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, holds, same};
use crate::follower::Follower;
use crate::rules::rotate::rotate;
use crate::sample::{by, organization, renaming, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![
    contract 7:
        every_kind_of_change_is_told,
        rotation_tells_the_hashes_of_both_secrets;
    contract 8:
        position_of_every_change_covers_it,
        position_of_a_change_that_is_none_covers_the_last;
];

/// What changes a key, in an order in which each has something to change.
#[derive(Clone, Copy, Debug)]
enum Step {
    Rotate,
    Retire,
    Disable,
    Enable,
    Edit,
    Revoke,
}

impl Step {
    const ALL: [Self; 6] =
        [Self::Rotate, Self::Retire, Self::Disable, Self::Enable, Self::Edit, Self::Revoke];

    /// Takes the step, and answers where it is told.
    async fn take(
        self,
        stage: &Stage,
        store: &keyfob_store::DynStore,
        owner: &OrganizationId,
        key: KeyId,
    ) -> Result<FeedPosition, Failure> {
        let by = by("user:1", 5);
        let committed = match self {
            Self::Rotate => {
                let turn = rotation(stage.secret(), 1_000);
                created(store.rotate(owner, key, turn, by).await)?
            }
            Self::Retire => store.retire_old_secret(owner, key, by).await?,
            Self::Disable => store.switch(owner, key, Switch::Off, by).await?,
            Self::Enable => store.switch(owner, key, Switch::On, by).await?,
            Self::Edit => {
                store.edit(owner, key, renaming("edited"), KeyLimit::Unlimited, by).await?
            }
            Self::Revoke => store.revoke(owner, key, None, by).await?,
        };
        Ok(committed.position)
    }
}

async fn every_kind_of_change_is_told(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let imported = vec![stage.key(&acme, 0), stage.key(&acme, 1)];
    let imported = store.import(imported, KeyLimit::Unlimited, by("user:1", 0)).await?.value;
    let (key, other) = (imported[0].id, imported[1].id);
    let mut expected = vec![key, other];
    for step in Step::ALL {
        step.take(stage, &store, &acme, key).await?;
        expected.push(key);
        let mut follower = Follower::from_start(&store);
        follower.read_on().await?;
        follower.saw(&format!("the keys that changed, up to {step:?}"), &expected)?;
    }
    Ok(())
}

async fn rotation_tells_the_hashes_of_both_secrets(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let mut all: Vec<KeyHash> = vec![key.secrets[0].hash];
    for turn in 1..=3 {
        let before = store.position().await?;
        let turned = rotate(stage, &store, &key, turn * 10, turn * 10 + 5).await?;
        all.push(turned.secrets[0].hash);
        let mut follower = Follower::from(&store, before);
        follower.read_on().await?;
        let changed = follower.seen.pop().map(|change| change.changed);
        let Some(Changed::Key { key: told, hashes }) = changed else {
            return Err(Failure::new("a rotation", "a change of a key", format!("{changed:?}")));
        };
        same("the key that is told", told, key.id)?;
        let both = turned.secrets.iter().all(|secret| hashes.contains(&secret.hash));
        holds("the hashes of both secrets are told", both)?;
        holds("no other key's hash is", hashes.iter().all(|hash| all.contains(hash)))?;
    }
    Ok(())
}

async fn position_of_every_change_covers_it(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let imported = vec![stage.key(&acme, 0), stage.key(&acme, 1)];
    let imported = store.import(imported, KeyLimit::Unlimited, by("user:1", 0)).await?;
    let mut last = imported.position;
    let follower = Follower::after(&other, last).await?;
    follower.saw("changes after the position of the import", &[])?;
    let key = imported.value[0].id;
    for step in Step::ALL {
        let position = step.take(stage, &store, &acme, key).await?;
        holds(format!("{step:?} has a later position"), position > last)?;
        for store in [&store, &other] {
            let follower = Follower::after(store, last).await?;
            follower.saw(&format!("changes up to the position of {step:?}"), &[key])?;
            let follower = Follower::after(store, position).await?;
            follower.saw(&format!("changes after the position of {step:?}"), &[])?;
        }
        last = position;
    }
    Ok(())
}

async fn position_of_a_change_that_is_none_covers_the_last(stage: &Stage) -> Outcome {
    // Whoever is told that a key is disabled may rely on it, and on its own cache once that is as
    // far, no matter who disabled it.
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    Step::Rotate.take(stage, &store, &acme, key).await?;
    for step in [Step::Retire, Step::Disable, Step::Enable, Step::Edit] {
        step.take(stage, &store, &acme, key).await?;
        let again = step.take(stage, &store, &acme, key).await?;
        let follower = Follower::after(&store, again).await?;
        follower.saw(&format!("changes after the position of a repeated {step:?}"), &[])?;
    }
    Ok(())
}
