use keyfob_store::{
    Attribution, Committed, Conflict, FeedPosition, KeyEdit, KeyId, KeyLimit, KeyRecord, KeyStatus,
    KeyStore, OrganizationId, StoreError, Switch,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

type Changed = Result<Committed<KeyRecord>, StoreError>;

impl FaultyStore {
    pub(crate) async fn faulty_retire(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Changed {
        let owner = &self.changes_as(organization, key);
        let before = now(self.honest.get(owner, key)).ok();
        if self.fault == Fault::RetiringIsForgotten
            && let Some(value) = before
        {
            return Ok(Committed { value, position: now(self.honest.position())?.position() });
        }
        let retired = before.as_ref().and_then(|key| key.secrets.get(1)?.retires_at);
        if self.fault == Fault::RetirementIsCheckedBeforeTheTransaction
            && retired.is_some_and(|end| end > by.at)
        {
            dawdle().await;
        }
        let again = now(self.honest.get(owner, key)).ok();
        let changed = self.honest.retire_old_secret(owner, key, by.clone()).await;
        if self.fault == Fault::RetirementIsCheckedBeforeTheTransaction && before != again {
            self.log_needlessly(owner, &by);
        }
        self.twist(Fault::RetiringWithoutAnOverlapIsLogged, before.as_ref(), &by, &changed);
        let changed = self.permit(Fault::RevokedKeyCanBeRetired, before.as_ref(), changed)?;
        Ok(self.misplace_change(Fault::FeedOmitsRetirements, before.as_ref(), changed))
    }

    pub(crate) async fn faulty_switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Changed {
        let owner = &self.changes_as(organization, key);
        let before = now(self.honest.get(owner, key)).ok();
        if self.fault == Fault::SwitchIsCheckedBeforeTheTransaction {
            dawdle().await;
        }
        let again = now(self.honest.get(owner, key)).ok();
        let changed = self.honest.switch(owner, key, to, by.clone()).await;
        if self.fault == Fault::SwitchIsCheckedBeforeTheTransaction && before != again {
            self.log_needlessly(owner, &by);
        }
        self.twist(Fault::SwitchingAgainIsLogged, before.as_ref(), &by, &changed);
        let changed = self.permit(Fault::RevokedKeyCanBeSwitched, before.as_ref(), changed)?;
        Ok(self.misplace_change(Fault::FeedOmitsSwitches, before.as_ref(), changed))
    }

    pub(crate) async fn faulty_edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        mut edit: KeyEdit,
        mut limit: KeyLimit,
        by: Attribution,
    ) -> Changed {
        let owner = &self.changes_as(organization, key);
        let before = now(self.honest.get(owner, key)).ok();
        let in_use = now(self.honest.keys_in_use(owner, by.at))?;
        let expired = before.as_ref().is_some_and(|key| key.status(by.at) == KeyStatus::Expired);
        match self.fault {
            Fault::EditForgetsTheExpiry => edit.expires_at = None,
            Fault::RevivalIgnoresTheLimit => limit = KeyLimit::Unlimited,
            Fault::EveryEditCountsAgainstTheLimit if !limit.allows_another(in_use) => {
                return Err(StoreError::LimitReached { limit });
            }
            Fault::RevivalIsCheckedBeforeTheTransaction if expired => {
                if !limit.allows_another(in_use) {
                    return Err(StoreError::LimitReached { limit });
                }
                dawdle().await;
                limit = KeyLimit::Unlimited;
            }
            _ => {}
        }
        let changed = self.honest.edit(owner, key, edit, limit, by.clone()).await;
        self.twist(Fault::EmptyEditIsLogged, before.as_ref(), &by, &changed);
        let changed = self.permit(Fault::RevokedKeyCanBeEdited, before.as_ref(), changed)?;
        Ok(self.misplace_change(Fault::FeedOmitsEdits, before.as_ref(), changed))
    }

    /// The organization whose key a change is taken to be of.
    pub(crate) fn changes_as(&self, organization: &OrganizationId, key: KeyId) -> OrganizationId {
        match self.fault {
            Fault::ChangeIgnoresTheOrganization => {
                self.owner_of(key).unwrap_or_else(|| organization.clone())
            }
            _ => self.read_as(organization),
        }
    }

    /// Logs a change that is none, when that is the fault.
    fn twist(&self, fault: Fault, before: Option<&KeyRecord>, by: &Attribution, changed: &Changed) {
        let (Some(before), Ok(changed)) = (before, changed) else { return };
        if self.fault == fault && *before == changed.value {
            self.log_needlessly(&before.organization, by);
        }
    }

    /// Lets a change of a revoked key pass, when that is the fault.
    fn permit(&self, fault: Fault, before: Option<&KeyRecord>, changed: Changed) -> Changed {
        match (changed, before) {
            (Err(StoreError::Conflict(Conflict::Revoked)), Some(before)) if self.fault == fault => {
                Ok(Committed {
                    value: before.clone(),
                    position: now(self.honest.position())?.position(),
                })
            }
            (changed, _) => changed,
        }
    }

    fn misplace_change(
        &self,
        untold: Fault,
        before: Option<&KeyRecord>,
        mut changed: Committed<KeyRecord>,
    ) -> Committed<KeyRecord> {
        if before != Some(&changed.value) {
            return self.misplace(untold, changed);
        }
        if self.fault == Fault::RepeatedChangeHasNoPosition {
            changed.position = FeedPosition::START;
        }
        changed
    }

    /// Answers a wrong position, or keeps the change from the feed, when that is the fault.
    pub(crate) fn misplace<T>(&self, untold: Fault, mut done: Committed<T>) -> Committed<T> {
        if self.fault == untold {
            self.notes().untold.insert(done.position);
        }
        if self.fault == Fault::CommittedPositionIsTooEarly {
            done.position = FeedPosition::new(done.position.get() - 1);
        }
        done
    }
}
