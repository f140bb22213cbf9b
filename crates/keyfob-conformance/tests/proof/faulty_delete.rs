use std::collections::HashSet;

use keyfob_store::{
    Attribution, Committed, EventQuery, Hour, KeyId, KeyQuery, KeyStore, OrganizationId, PageSize,
    StoreError, UsageGrain, UsageQuery,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

impl FaultyStore {
    pub(crate) async fn faulty_delete(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        let owner = &self.read_as(organization);
        let events = now(self.honest.events(owner, EventQuery::new(PageSize::MAX)))?.items;
        match self.fault {
            Fault::DeletingNothingIsNotFound if events.is_empty() => {
                return Err(StoreError::NotFound);
            }
            Fault::DeletionIgnoresCase => {
                let stored = self.notes().stored.clone();
                let alike = |other: &&OrganizationId| {
                    *other != owner && other.as_str().eq_ignore_ascii_case(owner.as_str())
                };
                let others = stored.iter().map(|key| &key.organization).filter(alike);
                for other in others.collect::<HashSet<_>>() {
                    now(self.honest.delete_organization(other, by.clone()))?;
                }
            }
            Fault::UsageOutlivesItsOrganization => {
                let (from, to) = (Hour::from_number(i64::MIN), Hour::from_number(i64::MAX));
                let all = UsageQuery { from, to, key: None, grain: UsageGrain::Hour };
                self.notes().old_usage.extend(now(self.honest.usage(owner, all))?);
            }
            Fault::DeletionMissesConcurrentInsertions => {
                let before = self.ids(owner, &by);
                dawdle().await;
                let missed = self.ids(owner, &by);
                self.notes().spared.extend(missed.difference(&before));
            }
            _ => {}
        }
        let deleted = self.honest.delete_organization(owner, by).await?;
        Ok(self.misplace(Fault::DeletionIsNotTold, deleted))
    }

    fn ids(&self, owner: &OrganizationId, by: &Attribution) -> HashSet<KeyId> {
        let every = KeyQuery::new(PageSize::MAX);
        let every = now(self.honest.list(owner, every, by.at)).unwrap().items;
        every.into_iter().map(|key| key.id).collect()
    }
}
