//! Contract 5, while others write: a page that follows another repeats and skips nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyfob_store::{
    DynStore, KeyId, KeyLimit, KeyQuery, KeyStore, NewKey, OrganizationId, StoreError,
};

use super::list::{ids, ids_of};
use crate::check::{Check, checks};
use crate::failure::{Outcome, holds, same};
use crate::footprint::every_key;
use crate::sample::{at, by, keys, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 5:
    pages_skip_nothing_while_keys_come_and_go,
    pages_skip_nothing_under_concurrent_writers,
];

async fn pages_skip_nothing_while_keys_come_and_go(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expected = ids_of(stage, &store, &acme, 0..20).await?;
    expected.reverse();

    let mut listed = Vec::new();
    let mut query = keys(3);
    for seconds in 100.. {
        let page = store.list(&acme, query.clone(), at(seconds)).await?;
        listed.extend(page.items.into_iter().map(|key| key.id));
        stage.stored(&store, &acme, seconds).await?;
        // One that was listed already, one that is about to be, and the one that the cursor names.
        for index in [0, listed.len() + 1, listed.len() - 1] {
            if let Some(key) = expected.get(index) {
                store.revoke(&acme, *key, None, by("user:1", seconds)).await?;
            }
        }
        let Some(next) = page.next else { break };
        query.after = Some(next);
        holds("the list comes to an end", listed.len() < 1_000)?;
    }
    same("the keys that were there when the first page was read", listed, expected)
}

async fn pages_skip_nothing_under_concurrent_writers(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let mut expected = ids_of(stage, &stores[0], &acme, 0..40).await?;
    expected.reverse();

    // The first page is read before there is a writer, so that all they do comes between pages.
    let reader = &stores[1];
    let first = reader.list(&acme, keys(7), at(100)).await?;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (store, acme, done) = (stores[writer % 2].clone(), acme.clone(), done.clone());
            let new: Vec<NewKey> = (0..32).map(|_| stage.key(&acme, 200)).collect();
            async move {
                for key in new {
                    if done.load(Ordering::Acquire) {
                        break;
                    }
                    let id = key.id;
                    store.insert(key, KeyLimit::Unlimited, by("user:1", 200)).await?;
                    tokio::task::yield_now().await;
                    store.revoke(&acme, id, None, by("user:1", 201)).await?;
                    tokio::task::yield_now().await;
                }
                Ok::<_, StoreError>(())
            }
        })
        .collect();
    let writing = tokio::spawn(together(writers));
    let read = async {
        let query = KeyQuery { after: first.next, ..keys(7) };
        let rest = every_key(reader, &acme, query, at(100)).await?;
        let listed: Vec<_> = first.items.into_iter().chain(rest).collect();
        same("the keys that follow the first page", ids(&listed).as_slice(), &expected)?;
        read_again_and_again(reader, &acme, &expected).await
    }
    .await;
    done.store(true, Ordering::Release);
    for written in writing.await.expect("the writers do not panic") {
        written?;
    }
    read
}

/// Reads the whole list several times, page by page, and asks each time that the keys which
/// were there at first are, and that none stands there twice.
async fn read_again_and_again(
    store: &DynStore,
    owner: &OrganizationId,
    expected: &[KeyId],
) -> Outcome {
    let originals: HashSet<&KeyId> = expected.iter().collect();
    for _ in 0..4 {
        let listed = ids(&every_key(store, owner, keys(7), at(100)).await?);
        let distinct: HashSet<_> = listed.iter().collect();
        same("how many keys are listed once", distinct.len(), listed.len())?;
        let old: Vec<_> = listed.into_iter().filter(|id| originals.contains(id)).collect();
        same("the keys that were there before", old.as_slice(), expected)?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
