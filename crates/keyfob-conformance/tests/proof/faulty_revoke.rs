use keyfob_store::{
    Attribution, Committed, FeedPosition, KeyId, KeyRecord, KeyState, KeyStatus, KeyStore,
    OrganizationId, Reason, Revocation, StoreError,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

impl FaultyStore {
    pub(crate) async fn faulty_revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        mut reason: Option<Reason>,
        mut by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let organization = &match self.fault {
            Fault::RevocationIgnoresTheOrganization => {
                self.owner_of(key).unwrap_or_else(|| organization.clone())
            }
            _ => self.read_as(organization),
        };
        let before = now(self.honest.get(organization, key));
        let again = before.as_ref().is_ok_and(|key| matches!(key.state, KeyState::Revoked(_)));
        match self.fault {
            Fault::RevocationForgetsItsReason => reason = None,
            Fault::MissingReasonIsMadeUp => reason = reason.or_else(|| "unknown".parse().ok()),
            Fault::EventsForgetTheRequest => by.author.request_id = None,
            Fault::RevokingAgainIsNotFound if again => return Err(StoreError::NotFound),
            Fault::RevokingAgainIsLogged if again => self.log_needlessly(organization, &by),
            Fault::RevokingTwiceFreesTwoSlots if again => self.notes().pending += 1,
            Fault::ExpiredKeyCanNotBeRevoked
                if before.as_ref().is_ok_and(|key| key.status(by.at) == KeyStatus::Expired) =>
            {
                return Err(StoreError::NotFound);
            }
            Fault::DisabledKeyCanNotBeRevoked
                if before.as_ref().is_ok_and(|key| key.state == KeyState::Disabled) =>
            {
                return Err(StoreError::NotFound);
            }
            Fault::DeletedKeyCanBeRevoked if before.is_err() => {
                let stored = self.notes().stored.clone();
                if let Some(value) = stored.into_iter().find(|stored| stored.id == key) {
                    return Ok(Committed {
                        value,
                        position: now(self.honest.position())?.position(),
                    });
                }
            }
            Fault::UnknownKeyIsRevoked if before.is_err() => {
                self.log_needlessly(organization, &by);
            }
            Fault::SlotIsFreedBeforeTheRevocation => {
                self.notes().pending += 1;
                dawdle().await;
                self.notes().pending -= 1;
            }
            Fault::RevocationIsCheckedBeforeTheTransaction if !again => dawdle().await,
            _ => {}
        }

        let revocation = KeyState::Revoked(Revocation::new(reason.clone(), &by));
        let write = self.honest.revoke(organization, key, reason, by);
        let mut revoked = match self.fault {
            Fault::EventFollowsItsChange | Fault::FeedSkipsWhatIsInFlight => {
                self.hide_for_a_while(write, |revoked| (!again).then_some(revoked.position)).await?
            }
            _ => write.await?,
        };
        match self.fault {
            Fault::LastRevocationWins => {
                self.notes().retold.insert(key, revocation.clone());
                revoked.value.state = revocation;
            }
            Fault::RevocationIsCheckedBeforeTheTransaction if !again => {
                revoked.value.state = revocation;
            }
            Fault::RepeatedRevocationHasNoPosition if again => {
                revoked.position = FeedPosition::START;
            }
            Fault::CommittedPositionIsTooEarly => {
                revoked.position = FeedPosition::new(revoked.position.get() - 1);
            }
            _ => {}
        }
        Ok(revoked)
    }
}
