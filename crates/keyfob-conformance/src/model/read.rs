use keyfob_store::{DynStore, EventQuery, History, Hour, KeyStore, UsageGrain, UsageQuery};

use super::answer::{Answer, Told, told};
use super::draw::{ACTORS, action_of, owner_of};
use super::operation::Operation;
use super::player::Player;
use super::reference::status;
use crate::Failure;
use crate::footprint::{every_event, every_key};
use crate::sample::{at, events, keys_that_are};

impl Player<'_> {
    /// The answers that a read may give, and the one that it gave.
    pub(super) async fn read(
        &self,
        store: &DynStore,
        operation: &Operation,
    ) -> Result<Option<(Vec<Answer>, Told)>, Failure> {
        let now = at(self.clock);
        Ok(Some(match operation {
            Operation::Get { key } => {
                let Some((owner, id, _)) = self.target(key) else { return Ok(None) };
                let read = store.get(&owner, id).await;
                (self.model.get(&owner, id), told(read, |key| (Answer::Read(key), None)))
            }
            Operation::List { organization, filter, size } => {
                let owner = owner_of(*organization);
                let mut expected = self.model.list(&owner);
                expected.retain(|key| {
                    filter.status.is_none_or(|only| status(key, now) == only)
                        && filter.environment.is_none_or(|only| key.environment == only)
                });
                let query = keys_that_are(*size, filter.status, filter.environment);
                let listed = every_key(store, &owner, query, now).await?;
                (vec![Answer::Keys(expected)], Ok((Answer::Keys(listed), None)))
            }
            Operation::Events { organization, key, actor, action, deleted } => {
                let owner = owner_of(*organization);
                let query = EventQuery {
                    key: key.and_then(|index| self.id(index)),
                    actor: actor.and_then(|index| ACTORS.get(index)?.parse().ok()),
                    action: action.and_then(action_of),
                    history: if *deleted { History::WithDeleted } else { History::SinceDeletion },
                    ..events(3)
                };
                let mut expected = self.model.events(&owner, query.history);
                expected.retain(|event| {
                    query.key.is_none_or(|key| event.key == Some(key))
                        && query.actor.as_ref().is_none_or(|actor| event.actor == actor.as_str())
                        && query.action.as_ref().is_none_or(|only| event.action == only.as_str())
                });
                let listed = every_event(store, &owner, query).await?;
                let listed = listed.into_iter().map(Into::into).collect();
                (vec![Answer::Logged(expected)], Ok((Answer::Logged(listed), None)))
            }
            Operation::Usage { organization, from, hours, key, by_day } => {
                let owner = owner_of(*organization);
                let hour = |hours: i64| Hour::of(at(self.clock + hours * 3_600));
                let query = UsageQuery {
                    from: hour(*from),
                    to: hour(from + hours),
                    key: key.and_then(|index| self.id(index)),
                    grain: if *by_day { UsageGrain::Day } else { UsageGrain::Hour },
                };
                let expected = vec![self.usage(&owner, &query)];
                let read = store.usage(&owner, query).await;
                (expected, told(read, |rows| (Answer::Usage(rows), None)))
            }
            _ => return Ok(None),
        }))
    }
}
