use keyfob::{CreateError, KeyLimit, OrganizationId, StoreError};
use tokio::task::JoinSet;

use super::{Service, actor, new_key, with_sources};
use crate::monotonic::Monotonic;
use crate::protocol::Raced;

/// Has so many creators try to make a key, all at this moment.
pub(super) async fn run(
    service: &Service,
    organization: &OrganizationId,
    creators: usize,
    limit: KeyLimit,
    at: Monotonic,
) -> Raced {
    let mut attempts = JoinSet::new();
    for _ in 0..creators {
        let (service, request) = (service.clone(), new_key(organization));
        attempts.spawn(async move {
            tokio::time::sleep(at.remaining()).await;
            service.create(request, limit, actor()).await
        });
    }
    let mut raced = Raced::default();
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(_)) => raced.created += 1,
            Ok(Err(CreateError::Store(StoreError::LimitReached { .. }))) => raced.limited += 1,
            Ok(Err(error)) => raced.failures.push(with_sources(&error)),
            Err(error) => raced.failures.push(with_sources(&error)),
        }
    }
    raced
}
