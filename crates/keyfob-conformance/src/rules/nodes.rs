//! Contracts 9 and 14: nodes are listed as they report.

use std::time::Duration;

use keyfob_store::{
    DynStore, FeedPosition, KeyStore, NodeId, NodeReport, OrganizationId, Timestamp,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::footprint::Footprint;
use crate::sample::{at, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 9: reports_outlive_the_handle;
    contract 14:
        nodes_are_listed_as_they_report,
        report_at_the_edge_reads_back,
        report_takes_the_place_of_the_last,
        reported_position_never_goes_back,
        concurrent_reports_keep_the_last_position,
        forgotten_node_is_not_listed,
        reports_are_neither_logged_nor_told;
];

/// What a node that started this many seconds into the check says as it starts.
fn report(seconds: i64, position: u64) -> NodeReport {
    NodeReport {
        id: NodeId::new(at(seconds), [0; 8]),
        name: "api:4711".parse().expect("a node's name"),
        started_at: at(seconds),
        reported_at: at(seconds),
        position: FeedPosition::new(position),
        staleness_bound: Duration::from_secs(5),
        interval: Duration::from_secs(10),
    }
}

async fn lists(what: &str, store: &DynStore, expected: &[&NodeReport]) -> Outcome {
    let nodes = store.nodes().await?;
    same(what, nodes.iter().collect::<Vec<_>>(), expected.to_vec())
}

async fn reports_outlive_the_handle(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let node = report(0, 3);
    store.report_node(node.clone()).await?;
    drop(store);

    lists("the nodes", &stage.open().await?, &[&node]).await
}

async fn nodes_are_listed_as_they_report(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    lists("the nodes before any report", &store, &[]).await?;
    let (first, second, third) = (report(1, 0), report(2, 7), report(3, 5));
    for node in [&second, &third, &first] {
        store.report_node(node.clone()).await?;
    }
    // All have one name.
    for store in [&store, &other] {
        lists("the nodes, by when they started", store, &[&first, &second, &third]).await?;
    }
    Ok(())
}

async fn report_at_the_edge_reads_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let longest = Duration::from_micros(i64::MAX.unsigned_abs());
    let long = "\u{1f511}".repeat(255);
    let node = |byte, name: &str, time, span| NodeReport {
        id: NodeId::from_bytes([byte; 16]),
        name: name.parse().expect("a node's name"),
        started_at: time,
        reported_at: time,
        position: FeedPosition::new(i64::MAX.unsigned_abs()),
        staleness_bound: span,
        interval: span,
    };
    let first = node(0x00, "'; -- %s \"", Timestamp::from_micros(i64::MIN), Duration::ZERO);
    let second = node(0x7f, " led and trailed ", at(0), Duration::from_micros(1));
    let last = node(0xff, &long, Timestamp::MAX, longest);
    for node in [&first, &last, &second] {
        store.report_node(node.clone()).await?;
    }
    lists("the nodes", &store, &[&first, &second, &last]).await
}

async fn report_takes_the_place_of_the_last(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let neighbour = report(1, 3);
    let before = report(0, 3);
    for node in [&before, &neighbour] {
        store.report_node(node.clone()).await?;
    }
    let after = NodeReport {
        name: "api:4712".parse().expect("a node's name"),
        started_at: at(1),
        reported_at: at(9),
        position: FeedPosition::new(4),
        staleness_bound: Duration::from_millis(1_500),
        interval: Duration::from_secs(3),
        ..before
    };
    other.report_node(after.clone()).await?;
    lists("the nodes", &store, &[&after, &neighbour]).await?;

    // A clock may be set back.
    let earlier = NodeReport { reported_at: at(2), ..after };
    store.report_node(earlier.clone()).await?;
    lists("the nodes, one of them with an earlier time", &other, &[&earlier, &neighbour]).await
}

async fn reported_position_never_goes_back(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let node = report(0, 9);
    store.report_node(node.clone()).await?;
    for (seconds, position) in [(1, 8), (2, 0), (3, 9)] {
        let late = NodeReport { reported_at: at(seconds), ..report(0, position) };
        other.report_node(late.clone()).await?;
        let expected = NodeReport { position: node.position, ..late };
        lists("the node, after a report from behind", &store, &[&expected]).await?;
    }
    Ok(())
}

async fn concurrent_reports_keep_the_last_position(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    for round in 0..20 {
        let last = round * 8 + 7;
        let answers = together((0..8).map(|sender| {
            let store = stores[usize::try_from(sender % 2).unwrap_or(0)].clone();
            // The last position is among the first that are sent.
            let node = report(0, last - sender);
            async move { store.report_node(node).await }
        }))
        .await;
        answers.into_iter().collect::<Result<(), _>>()?;
        lists("the node", &stores[1], &[&report(0, last)]).await?;
    }
    Ok(())
}

async fn forgotten_node_is_not_listed(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let (gone, stays) = (report(0, 9), report(1, 9));
    for node in [&gone, &stays] {
        store.report_node(node.clone()).await?;
    }
    for _ in 0..2 {
        other.forget_node(gone.id).await?;
        lists("the nodes", &store, &[&stays]).await?;
    }
    let again = report(0, 2);
    store.report_node(again.clone()).await?;
    lists("the nodes, with one that is back", &other, &[&again, &stays]).await
}

async fn reports_are_neither_logged_nor_told(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let before = all_but_nodes(&store, &acme).await?;
    store.report_node(report(0, 1)).await?;
    store.report_node(report(0, 2)).await?;
    store.forget_node(report(0, 2).id).await?;
    same("all but the nodes", all_but_nodes(&store, &acme).await?, before)
}

async fn all_but_nodes(
    store: &DynStore,
    owner: &OrganizationId,
) -> Result<(Footprint, FeedPosition), Failure> {
    Ok((Footprint::of(store, &[owner]).await?, store.position().await?))
}
