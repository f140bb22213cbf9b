use keyfob_store::{
    Author, Hour, KeyQuery, KeyRecord, KeyStore, OrganizationId, Outcome, PageSize, StoreError,
    Timestamp, UsageBatch, UsageGrain, UsageQuery, UsageRow,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

const HOUR: i64 = 3_600_000_000;

impl FaultyStore {
    pub(crate) async fn faulty_record(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        let mut batch = batch.clone();
        self.misread_counts(&mut batch)?;
        let known = self.notes().batches.contains_key(&batch.id);
        let last = self.notes().batches.values().max().copied().unwrap_or(batch.at);
        match self.fault {
            Fault::BatchesHaveNoMemory => self.rename(&mut batch),
            Fault::BatchesDieWithTheHandle => batch.id[0] ^= u8::try_from(self.handle).unwrap(),
            Fault::BatchIdsAreCut => batch.id[8..].fill(0),
            Fault::BatchIsForgottenAfterAnHour
                if last.as_micros().saturating_sub(batch.at.as_micros()) > HOUR =>
            {
                self.rename(&mut batch);
            }
            Fault::BatchesAreForgottenByWrongClocks
                if last.as_micros().saturating_sub(batch.at.as_micros()) > 24 * HOUR =>
            {
                self.rename(&mut batch);
            }
            Fault::PruningForgetsTheBatches if self.notes().pending > 0 => self.rename(&mut batch),
            Fault::BatchIsCheckedBeforeTheTransaction if !known => {
                dawdle().await;
                self.notes().batches.insert(batch.id, batch.at);
                self.rename(&mut batch);
            }
            Fault::BatchIsRememberedBeforeItCounts if !known => {
                self.notes().batches.insert(batch.id, batch.at);
                dawdle().await;
            }
            Fault::BatchIsRememberedBeforeItCounts => return Ok(()),
            Fault::ConcurrentBatchesAreLost => {
                self.notes().pending += 1;
                dawdle().await;
                let alone = std::mem::take(&mut self.notes().pending) == 1;
                if !alone {
                    return Ok(());
                }
            }
            Fault::UsageIsLogged => {
                let by = Author::from("usage".parse::<keyfob_store::Actor>().unwrap());
                self.log_needlessly(&batch.counts[0].organization, &by.at(batch.at));
            }
            _ => {}
        }
        self.notes().batches.insert(batch.id, batch.at);
        self.honest.record_usage(&batch).await
    }

    /// Makes a batch one that was never sent.
    fn rename(&self, batch: &mut UsageBatch) {
        let mut notes = self.notes();
        notes.used_batches += 1;
        batch.id = u128::from(notes.used_batches).to_be_bytes();
    }

    fn misread_counts(&self, batch: &mut UsageBatch) -> Result<(), StoreError> {
        for count in &mut batch.counts {
            let owner = self.owner_of(count.key);
            match self.fault {
                Fault::SecretsShareTheirUsage => count.secret = 1,
                Fault::UnknownKeyRefusesTheBatch if owner.is_none() => {
                    return Err(StoreError::NotFound);
                }
                Fault::ForeignUsageIsCounted => {
                    count.organization = owner.unwrap_or_else(|| count.organization.clone());
                }
                Fault::UsageIsReplaced => {
                    self.notes().last_counts.insert((count.key, count.hour), count.count);
                }
                Fault::LastUseIsTheLastTold if count.outcome == Outcome::Accepted => {
                    self.notes().last_uses.insert(count.key, count.last_at);
                }
                Fault::RefusalCountsAsUse => count.outcome = Outcome::Accepted,
                Fault::LateUsageCountsForTheNewOrganization => {
                    let any = KeyQuery::new(PageSize::MAX);
                    let at = Timestamp::from_micros(0);
                    let keys = now(self.honest.list(&count.organization, any, at))?.items;
                    let is_there = |keys: &[KeyRecord]| keys.iter().any(|key| key.id == count.key);
                    if let Some(heir) = keys.first().filter(|_| !is_there(&keys)) {
                        count.key = heir.id;
                    }
                }
                _ => {}
            }
        }
        match self.fault {
            Fault::LargeUsageBatchIsCut => batch.counts.truncate(1_000),
            Fault::UsageOfRefusedKeysIsDropped => {
                batch.counts.retain(|count| count.outcome == Outcome::Accepted);
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn faulty_usage(
        &self,
        organization: &OrganizationId,
        mut query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let mut owner = self.read_as(organization);
        let by_day = query.grain == UsageGrain::Day;
        match self.fault {
            Fault::UsageIgnoresTheOrganization => {
                owner = query.key.and_then(|key| self.owner_of(key)).unwrap_or(owner);
            }
            Fault::LastHourIsIncluded => {
                query.to = Hour::from_number(query.to.number().saturating_add(1));
            }
            Fault::UsageKeyFilterIsIgnored => query.key = None,
            Fault::DaysAreSummedUnchecked
            | Fault::DaysRoundTowardsZero
            | Fault::DaysWrapAtTheEdgeOfTime
                if by_day =>
            {
                query.grain = UsageGrain::Hour;
                return Ok(self.days(now(self.honest.usage(&owner, query))?));
            }
            _ => {}
        }
        let mut rows = now(self.honest.usage(&owner, query))?;
        match self.fault {
            Fault::UsageIsReplaced => {
                for row in &mut rows {
                    let last = self.notes().last_counts.get(&(row.key, row.hour)).copied();
                    row.count = last.unwrap_or(row.count);
                }
            }
            Fault::UsageIsOrderedByWord => {
                rows.sort_by_key(|row| (row.hour, row.key, row.secret, row.outcome.as_str()));
            }
            Fault::CountersWrap => {
                for row in rows.iter_mut().filter(|row| row.count == UsageRow::MOST) {
                    row.count += 1;
                }
            }
            Fault::RotationForgetsUsage => rows.retain(|row| {
                let key = now(self.honest.get(&owner, row.key)).unwrap();
                key.secrets[0].generation == row.secret
            }),
            Fault::UsageOutlivesItsOrganization => rows.extend(&self.notes().old_usage),
            _ => {}
        }
        Ok(rows)
    }

    /// Adds up hours, carelessly.
    fn days(&self, hours: Vec<UsageRow>) -> Vec<UsageRow> {
        let mut days: Vec<UsageRow> = Vec::new();
        for mut row in hours {
            let day = match self.fault {
                Fault::DaysRoundTowardsZero => row.hour.number() / 24,
                _ => row.hour.number().div_euclid(24),
            };
            row.hour = Hour::from_number(day.wrapping_mul(24));
            let of = |row: &UsageRow| (row.hour, row.key, row.secret, row.outcome);
            match days.iter_mut().find(|at| of(at) == of(&row)) {
                Some(sum) => sum.count = sum.count.wrapping_add(row.count),
                None => days.push(row),
            }
        }
        days.sort_by_key(|row| (row.hour, row.key, row.secret, row.outcome));
        days
    }

    pub(crate) fn faulty_prune(&self, before: Hour) -> Result<u64, StoreError> {
        match self.fault {
            Fault::PruningTakesTheHourItself => {
                let next = before.number().saturating_add(1);
                now(self.honest.prune_usage(Hour::from_number(next)))
            }
            Fault::PruningForgetsTheBatches => {
                self.notes().pending = 1;
                now(self.honest.prune_usage(before))
            }
            _ => now(self.honest.prune_usage(before)),
        }
    }
}
