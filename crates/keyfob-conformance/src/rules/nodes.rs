//! Contracts 9 and 14: nodes are listed as they report.

use std::time::Duration;

use keyfob_store::{
    DynStore, FeedCursor, FeedPosition, KeyStore, NodeId, NodeReport, OrganizationId, StoreError,
    Timestamp,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::footprint::Footprint;
use crate::sample::{at, by, custom_event, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 9: reports_outlive_the_handle;
    contract 14:
        nodes_are_listed_as_they_report,
        report_at_the_edge_reads_back,
        report_takes_the_place_of_the_last,
        reported_position_never_goes_back,
        report_of_another_history_is_refused,
        concurrent_reports_keep_the_last_position,
        forgotten_node_is_not_listed,
        reports_are_neither_logged_nor_told;
];

/// As many cursors as that, of a log that is made for it: the first is the start.
async fn cursors(store: &DynStore, count: usize) -> Result<Vec<FeedCursor>, Failure> {
    let acme = organization("acme");
    let mut cursors = vec![store.position().await?];
    while cursors.len() < count {
        store.append_event(custom_event(&acme, "plan.changed"), by("user:1", 0)).await?;
        cursors.push(store.position().await?);
    }
    Ok(cursors)
}

/// The report of a node that started this many seconds into the check, as it starts.
fn report(seconds: i64, cursor: FeedCursor) -> NodeReport {
    NodeReport {
        id: NodeId::new(at(seconds), [0; 8]),
        name: "api:4711".parse().expect("a node's name"),
        started_at: at(seconds),
        reported_at: at(seconds),
        cursor,
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
    let node = report(0, cursors(&store, 4).await?[3]);
    store.report_node(node.clone()).await?;
    drop(store);

    lists("the nodes", &stage.open().await?, &[&node]).await
}

async fn nodes_are_listed_as_they_report(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    lists("the nodes before any report", &store, &[]).await?;
    let at = cursors(&store, 8).await?;
    let first = report(1, at[0]);
    let second = report(2, at[7]);
    let third = report(3, at[5]);
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
    let end = cursors(&store, 3).await?[2];
    let node = |byte, name: &str, time, span| NodeReport {
        id: NodeId::from_bytes([byte; 16]),
        name: name.parse().expect("a node's name"),
        started_at: time,
        reported_at: time,
        cursor: end,
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
    let cursors = cursors(&store, 5).await?;
    let neighbour = report(1, cursors[3]);
    let before = report(0, cursors[3]);
    for node in [&before, &neighbour] {
        store.report_node(node.clone()).await?;
    }
    let after = NodeReport {
        name: "api:4712".parse().expect("a node's name"),
        started_at: at(1),
        reported_at: at(9),
        cursor: cursors[4],
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
    let cursors = cursors(&store, 10).await?;
    let node = report(0, cursors[9]);
    store.report_node(node.clone()).await?;
    for (seconds, position) in [(1, 8), (2, 0), (3, 9)] {
        let late = NodeReport { reported_at: at(seconds), ..report(0, cursors[position]) };
        other.report_node(late.clone()).await?;
        let expected = NodeReport { cursor: node.cursor, ..late };
        lists("the node, after a report from behind", &store, &[&expected]).await?;
    }
    Ok(())
}

/// A node that followed a history which is gone has applied changes that never were, and may not
/// have applied those that are at the same positions now.
async fn report_of_another_history_is_refused(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let cursors = cursors(&store, 4).await?;
    let node = report(0, cursors[1]);
    store.report_node(node.clone()).await?;
    let beyond = FeedPosition::new(cursors[3].position().get() + 1);
    for cursor in [
        FeedCursor::new(cursors[3].position(), cursors[2].mark()),
        FeedCursor::new(cursors[0].position(), cursors[3].mark()),
        FeedCursor::new(beyond, cursors[3].mark()),
        FeedCursor::new(FeedPosition::new(u64::MAX), cursors[3].mark()),
    ] {
        for node in [report(0, cursor), report(1, cursor)] {
            let reported = store.report_node(node).await;
            let what = format!("a report of {}, of another history", cursor.position());
            refused(what, &reported, &StoreError::FeedLost)?;
        }
        lists("the nodes, after a report that was refused", &store, &[&node]).await?;
    }
    Ok(())
}

async fn concurrent_reports_keep_the_last_position(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let cursors = cursors(&stores[0], 20 * 8).await?;
    for round in 0..20 {
        let last = round * 8 + 7;
        let answers = together((0..8).map(|sender| {
            let store = stores[sender % 2].clone();
            // The last position is among the first that are sent.
            let node = report(0, cursors[last - sender]);
            async move { store.report_node(node).await }
        }))
        .await;
        answers.into_iter().collect::<Result<(), _>>()?;
        lists("the node", &stores[1], &[&report(0, cursors[last])]).await?;
    }
    Ok(())
}

async fn forgotten_node_is_not_listed(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let cursors = cursors(&store, 10).await?;
    let gone = report(0, cursors[9]);
    let stays = report(1, cursors[9]);
    for node in [&gone, &stays] {
        store.report_node(node.clone()).await?;
    }
    for _ in 0..2 {
        other.forget_node(gone.id).await?;
        lists("the nodes", &store, &[&stays]).await?;
    }
    let again = report(0, cursors[2]);
    store.report_node(again.clone()).await?;
    lists("the nodes, with one that is back", &other, &[&again, &stays]).await
}

async fn reports_are_neither_logged_nor_told(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let cursors = cursors(&store, 2).await?;
    let before = all_but_nodes(&store, &acme).await?;
    store.report_node(report(0, cursors[0])).await?;
    store.report_node(report(0, cursors[1])).await?;
    store.forget_node(report(0, cursors[1]).id).await?;
    same("all but the nodes", all_but_nodes(&store, &acme).await?, before)
}

async fn all_but_nodes(
    store: &DynStore,
    owner: &OrganizationId,
) -> Result<(Footprint, FeedCursor), Failure> {
    Ok((Footprint::of(store, &[owner]).await?, store.position().await?))
}
