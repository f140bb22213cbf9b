//! Contract 11: the overlap of a rotation ends early when that is asked for.

use keyfob_store::{FoundState, KeyRecord, KeyStore};

use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::footprint::{Footprint, every_event};
use crate::rules::rotate::{found, rotate};
use crate::sample::{at, by, events, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 11:
    retiring_ends_the_overlap,
    retired_key_can_be_rotated_at_once,
    retiring_without_an_overlap_changes_nothing,
    concurrent_retirements_agree_on_the_first,
];

async fn retiring_ends_the_overlap(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let turned = rotate(stage, &store, &key, 1, 100).await?;
    let mut expected = turned.clone();
    expected.secrets[1].retires_at = Some(at(7));

    let retired = store.retire_old_secret(&acme, key.id, by("user:1", 7)).await?.value;
    same("what retiring answers", &retired, &expected)?;
    let hashes = [key.secrets[0].hash, turned.secrets[0].hash];
    let secrets = vec![
        Some(found(&expected, FoundState::Active, 1, Some(at(7)))),
        Some(found(&expected, FoundState::Active, 2, None)),
    ];
    for store in [&store, &other] {
        same("the stored key", &store.get(&acme, key.id).await?, &expected)?;
        same("its secrets", &store.find(&hashes).await?.all()?, &secrets)?;
    }
    Ok(())
}

async fn retired_key_can_be_rotated_at_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    for turn in 1..=3 {
        rotate(stage, &store, &key, turn, 1_000).await?;
        store.retire_old_secret(&acme, key.id, by("user:1", turn + 1)).await?;
    }
    let hash = key.secrets[0].hash;
    let record = store.get(&acme, key.id).await?;
    let first = found(&record, FoundState::Active, 1, Some(at(2)));
    same("the first secret", store.find(&[hash]).await?.all()?, vec![Some(first)])
}

async fn retiring_without_an_overlap_changes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let never = stage.stored(&store, &acme, 0).await?.value;
    let over = stage.stored(&store, &acme, 0).await?.value;
    let over = rotate(stage, &store, &over, 1, 5).await?;
    let retired = stage.stored(&store, &acme, 0).await?.value;
    rotate(stage, &store, &retired, 1, 100).await?;
    let retired = store.retire_old_secret(&acme, retired.id, by("user:1", 2)).await?.value;

    let before = Footprint::of(&store, &[&acme]).await?;
    for (which, key, seconds) in [
        ("never rotated", never, 5),
        ("whose overlap ends in this moment", over.clone(), 5),
        ("whose overlap is over", over, 6),
        ("whose old secret was retired", retired, 5),
    ] {
        let key: KeyRecord = key;
        let answer = store.retire_old_secret(&acme, key.id, by("user:2", seconds)).await?.value;
        same(format!("what retiring answers of a key {which}"), answer, key)?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn concurrent_retirements_agree_on_the_first(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    for _ in 0..10 {
        let key = stage.stored(&stores[0], &acme, 0).await?.value;
        rotate(stage, &stores[0], &key, 1, 100).await?;
        let before = every_event(&stores[0], &acme, events(200)).await?.len();
        let answers = together((0..16).map(|caller| {
            let (store, acme, key) = (stores[caller % 2].clone(), acme.clone(), key.id);
            async move { store.retire_old_secret(&acme, key, by("user:1", 50)).await }
        }))
        .await;
        let now = stores[1].get(&acme, key.id).await?;
        for answer in answers {
            same("what each caller was answered", &answer?.value, &now)?;
        }
        let after = every_event(&stores[0], &acme, events(200)).await?.len();
        same("retirements that are logged", after - before, 1)?;
    }
    Ok(())
}
