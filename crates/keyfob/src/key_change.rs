use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{
    Committed, FeedPosition, KeyRecord, KeyStore, NodeReport, StoreError, Timestamp,
};
use tokio::time::Instant;

use crate::cache::CLOCK_LAG;
use crate::clock::Moment;
use crate::confirmation::NodeConfirmation;
use crate::{Confirmation, KeyService, NodeState, report};

/// A change to a key that is made when this is awaited, and not before.
///
/// ```
/// # use std::time::Duration;
/// # use keyfob::{Actor, Confirmation, KeyId, KeyService, KeyStore, OrganizationId, StoreError};
/// # keyfob::scopes! { pub enum Scope { Read => "org:read" } }
/// # async fn shown<St: KeyStore>(
/// #     service: &KeyService<Scope, St>, organization: &OrganizationId, key: KeyId, by: Actor,
/// # ) -> Result<(), StoreError> {
/// // Committed, and in force in this process:
/// let revoked = service.revoke(organization, key, None, by.clone()).await?;
/// // And this says which of the other nodes have applied it, as soon as all have:
/// let confirmation =
///     service.revoke(organization, key, None, by).confirmed(Duration::from_secs(10)).await?;
/// assert!(confirmation.in_force(), "{confirmation:?}");
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is changed until it is awaited"]
pub struct KeyChange<'s, S, St> {
    service: &'s KeyService<S, St>,
    what: &'static str,
    write: BoxFuture<'s, Result<Committed<KeyRecord>, StoreError>>,
}

type BoxFuture<'s, T> = Pin<Box<dyn Future<Output = T> + Send + 's>>;

/// How long to wait before the list of nodes is read again. It doubles, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// No confirmation is waited for longer. Every staleness bound has passed by then.
const MAX_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long the list may take, however short the wait is.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

impl<'s, S: Scope, St: KeyStore> KeyChange<'s, S, St> {
    pub(crate) fn new(
        service: &'s KeyService<S, St>,
        what: &'static str,
        write: impl Future<Output = Result<Committed<KeyRecord>, StoreError>> + Send + 's,
    ) -> Self {
        Self { service, what, write: Box::pin(write) }
    }

    /// Makes the change, and waits until every node that the store lists has applied it, until the
    /// staleness bound has passed, or for this long, whichever comes first. Nodes that have not
    /// reported for three of their intervals are gone, and are not waited for. The wait is a week at
    /// most, however long the timeout is.
    ///
    /// A repeated revocation is confirmed like the first: so is one that somebody else made.
    ///
    /// # Errors
    /// Those of the change itself. Once that is committed there are none: what could not be learned
    /// is missing in the [`Confirmation`].
    ///
    /// # Cancel safety
    /// Dropped before the change is committed, it may or may not be made; after that, only the
    /// confirmation is lost.
    pub async fn confirmed(self, timeout: Duration) -> Result<Confirmation, StoreError> {
        let Self { service, what, write } = self;
        let committed = write.await?;
        let position = committed.position;
        // First of all: from here on this process accepts nothing that the change ended.
        let key = service.settle(what, committed);
        let since = Since {
            committed: service.core.moment(),
            committed_at: service.now(),
            deadline: Instant::now() + timeout.min(MAX_WAIT),
        };
        let confirmation = wait(service, key, position, &since).await;
        report::concluded(&confirmation);
        Ok(confirmation)
    }
}

impl<'s, S: Scope, St: KeyStore> IntoFuture for KeyChange<'s, S, St> {
    type Output = Result<KeyRecord, StoreError>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { service, what, write } = self;
        Box::pin(async move { Ok(service.settle(what, write.await?)) })
    }
}

impl<S, St> fmt::Debug for KeyChange<'_, S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyChange").field("what", &self.what).finish_non_exhaustive()
    }
}

/// When a change was committed, and until when to wait for its confirmation.
struct Since {
    committed: Moment,
    committed_at: Timestamp,
    deadline: Instant,
}

async fn wait<S: Scope, St: KeyStore>(
    service: &KeyService<S, St>,
    key: KeyRecord,
    position: FeedPosition,
    since: &Since,
) -> Confirmation {
    let mut confirmation = Confirmation {
        key,
        position,
        committed_at: since.committed_at,
        concluded_at: since.committed_at,
        staleness_bound: service.core.registration.staleness_bound(),
        bound_passed: false,
        nodes_listed: false,
        nodes: Vec::new(),
    };
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(nodes) = nodes(service, since.deadline).await {
            take_down(&mut confirmation, nodes, service);
        }
        let gone_by = service.core.moment().surely_since(since.committed);
        confirmation.bound_passed =
            gone_by > confirmation.staleness_bound.saturating_add(CLOCK_LAG);
        confirmation.concluded_at = service.now();
        if confirmation.in_force() || Instant::now() >= since.deadline {
            return confirmation;
        }
        tokio::time::sleep_until(since.deadline.min(Instant::now() + pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The list, if the store tells it in time.
async fn nodes<S: Scope, St: KeyStore>(
    service: &KeyService<S, St>,
    deadline: Instant,
) -> Option<Vec<NodeReport>> {
    let core = &service.core;
    let now = Instant::now();
    let patience = deadline.max(now + LEAST_PATIENCE).min(now + core.lookup_timeout);
    match tokio::time::timeout_at(patience, core.store.nodes()).await {
        Ok(Ok(nodes)) => Some(nodes),
        Ok(Err(error)) => {
            report::nodes_not_read(&error);
            None
        }
        Err(_) => None,
    }
}

/// What this node has applied, it knows without a report.
fn take_down<S: Scope, St: KeyStore>(
    confirmation: &mut Confirmation,
    nodes: Vec<NodeReport>,
    service: &KeyService<S, St>,
) {
    let (now, own) = (service.now(), service.core.registration.node().map(|node| node.id));
    let (position, committed_at) = (confirmation.position, confirmation.committed_at);
    let bounds = nodes.iter().map(|node| node.staleness_bound);
    confirmation.staleness_bound = bounds.fold(confirmation.staleness_bound, Duration::max);
    confirmation.nodes_listed = true;
    confirmation.nodes = nodes
        .into_iter()
        .map(|report| {
            let mut node = NodeConfirmation::of(report, position, now);
            if own == Some(node.id) && !matches!(node.state, NodeState::Applied { .. }) {
                node.state = NodeState::Applied { at: committed_at };
            }
            node
        })
        .collect();
}
