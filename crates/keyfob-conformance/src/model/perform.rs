use keyfob_store::{
    Action, Attribution, Details, DynStore, Hour, KeyStore, NewEvent, Outcome as Verified,
    Rotation, Switch, UsageBatch, UsageCount,
};

use super::answer::{Answer, Told, told, told_change, told_import, told_issue};
use super::draw::{ACTORS, MEMORY, TOKENS, limit_of, owner_of};
use super::operation::Operation;
use super::player::Player;
use crate::Failure;
use crate::sample::{at, by, count, idempotency, reason};

impl Player<'_> {
    /// The answers that would be right, and the one that the store gave.
    pub(super) async fn perform(
        &mut self,
        store: &DynStore,
        operation: &Operation,
    ) -> Result<Option<(Vec<Answer>, Told)>, Failure> {
        let by = by(ACTORS[self.step % 2], self.clock);
        Ok(Some(match operation {
            Operation::Advance { seconds } => {
                self.clock += seconds;
                self.model.tick(at(self.clock));
                return Ok(None);
            }
            Operation::Create { organization, limit, token, key } => {
                let mut key = self.new_key(*organization, key);
                key.idempotency = token.as_ref().and_then(|token| {
                    idempotency(TOKENS[token.number], token.request, self.clock + MEMORY)
                });
                if self.model.doubts(&key.organization, key.idempotency.as_ref(), by.at) {
                    return Ok(None);
                }
                let limit = limit_of(*limit);
                let expected = self.model.create(&key, limit, &by);
                (expected, told_issue(store.insert(key, limit, by).await))
            }
            Operation::Import { organization, limit, keys, newest_first } => {
                let limit = limit_of(*limit);
                let mut keys: Vec<_> =
                    keys.iter().map(|key| self.new_key(*organization, key)).collect();
                if *newest_first {
                    keys.reverse();
                }
                let expected = self.model.import(&keys, limit, &by);
                (expected, told_import(store.import(keys, limit, by).await))
            }
            Operation::Rotate { key, overlap, token, secret } => {
                let Some((owner, id, index)) = self.target(key) else { return Ok(None) };
                // A request names its key, so another key's is another request.
                let request = 100 + u8::try_from(index % 100).unwrap_or(0);
                let rotation = Rotation {
                    secret: self.secret(secret),
                    overlap_ends: at(self.clock + overlap),
                    idempotency: token
                        .and_then(|token| idempotency(TOKENS[token], request, self.clock + MEMORY)),
                };
                if self.model.doubts(&owner, rotation.idempotency.as_ref(), by.at) {
                    return Ok(None);
                }
                let expected = self.model.rotate(&owner, id, &rotation, &by);
                (expected, told_issue(store.rotate(&owner, id, rotation, by).await))
            }
            Operation::Retire { key } => {
                let Some((owner, id, _)) = self.target(key) else { return Ok(None) };
                let expected = self.model.retire(&owner, id, &by);
                (expected, told_change(store.retire_old_secret(&owner, id, by).await))
            }
            Operation::Switch { key, on } => {
                let Some((owner, id, _)) = self.target(key) else { return Ok(None) };
                let to = if *on { Switch::On } else { Switch::Off };
                let expected = self.model.switch(&owner, id, to, &by);
                (expected, told_change(store.switch(&owner, id, to, by).await))
            }
            Operation::Edit { key, edit, limit } => {
                let Some((owner, id, _)) = self.target(key) else { return Ok(None) };
                let (edit, limit) = (self.edit(edit), limit_of(*limit));
                let expected = self.model.edit(&owner, id, &edit, limit, &by);
                (expected, told_change(store.edit(&owner, id, edit, limit, by).await))
            }
            Operation::Revoke { key, reason: given } => {
                let Some((owner, id, _)) = self.target(key) else { return Ok(None) };
                let why = reason("leaked").filter(|_| *given);
                let expected = self.model.revoke(&owner, id, why.as_ref(), &by);
                (expected, told_change(store.revoke(&owner, id, why, by).await))
            }
            Operation::Delete { organization } => {
                let owner = owner_of(*organization);
                let expected = self.model.delete(&owner, &by);
                let deleted = store.delete_organization(&owner, by).await;
                (expected, told(deleted, |done| (Answer::Deleted, Some(done.position))))
            }
            Operation::Append { organization } => self.append(store, *organization, by).await,
            Operation::Count { .. } | Operation::CountAgain { .. } | Operation::Prune { .. } => {
                return self.perform_usage(store, operation, by).await;
            }
            Operation::Get { .. }
            | Operation::List { .. }
            | Operation::Events { .. }
            | Operation::Usage { .. } => return self.read(store, operation).await,
        }))
    }

    async fn append(
        &mut self,
        store: &DynStore,
        organization: usize,
        by: Attribution,
    ) -> (Vec<Answer>, Told) {
        let owner = owner_of(organization);
        let details = Details::from_iter([("step".to_owned(), self.step.into())]);
        let action = Action::custom("plan.changed").expect("a check's own action is one");
        let name = action.as_str().to_owned();
        let logged = self.model.log(&owner, None, &name, details.clone().into(), &by);
        let event = NewEvent { organization: owner, action, details };
        let appended = store.append_event(event, by).await;
        let seen = told(appended, |event| (Answer::Logged(vec![event.into()]), None));
        (vec![Answer::Logged(vec![logged])], seen)
    }

    async fn perform_usage(
        &mut self,
        store: &DynStore,
        operation: &Operation,
        by: Attribution,
    ) -> Result<Option<(Vec<Answer>, Told)>, Failure> {
        let batch = match operation {
            Operation::Count { counts, unknown } => {
                let counts = counts.iter().filter_map(|count| {
                    let (organization, key, index) = self.target(&count.key)?;
                    let time = at(self.clock - count.hours_ago * 3_600);
                    let secrets = self.model.keys[index].secrets.len();
                    Some(UsageCount {
                        organization,
                        key,
                        secret: u32::try_from(count.secret % secrets).unwrap_or(0) + 1,
                        hour: Hour::of(time),
                        outcome: count.outcome,
                        count: count.count,
                        last_at: time,
                    })
                });
                let mut counts: Vec<_> = counts.collect();
                if *unknown {
                    let never_was = self.stage.key(&owner_of(0), self.clock).into_record(&by);
                    counts.insert(counts.len() / 2, count(&never_was, 0, 1));
                }
                UsageBatch { at: at(self.clock), ..self.stage.batch(counts) }
            }
            Operation::CountAgain { batch } => {
                let sent = &self.model.usage.batches;
                let Some(batch) = sent.len().checked_sub(1 + batch % sent.len().max(1)) else {
                    return Ok(None);
                };
                sent[batch].clone()
            }
            Operation::Prune { hours } => {
                let before = Hour::of(at(self.clock + hours * 3_600 - 24 * 3_600));
                let (least, most) = self.model.usage.prune(before);
                let expected = (least..=most).map(Answer::Pruned).collect();
                let pruned = store.prune_usage(before).await;
                return Ok(Some((expected, told(pruned, |rows| (Answer::Pruned(rows), None)))));
            }
            _ => return Ok(None),
        };
        if self.model.usage.begin(&batch) {
            for count in &batch.counts {
                let Some(place) = self.model.place(&count.organization, count.key) else {
                    continue;
                };
                self.model.usage.add(count);
                let secrets = &mut self.model.keys[place].secrets;
                let secret = secrets.iter_mut().find(|secret| secret.generation == count.secret);
                if let (Some(secret), Verified::Accepted) = (secret, count.outcome) {
                    secret.last_used_at = secret.last_used_at.max(Some(count.last_at));
                }
            }
        }
        let counted = store.record_usage(&batch).await;
        Ok(Some((vec![Answer::Counted], told(counted, |()| (Answer::Counted, None)))))
    }
}
