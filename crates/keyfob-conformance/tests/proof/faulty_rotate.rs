use keyfob_store::{
    Attribution, Committed, Conflict, Issued, KeyEdit, KeyId, KeyLimit, KeyRecord, KeyState,
    KeyStore, OrganizationId, Rotation, ScopeNames, StoreError, Switch, Timestamp,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

impl FaultyStore {
    pub(crate) async fn faulty_rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        mut rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        let owner = &self.changes_as(organization, key);
        self.misread_rotation(&mut rotation);
        let asked = rotation.clone();
        let token = asked.idempotency.as_ref().map(|idempotency| idempotency.token.clone());
        let before = now(self.honest.get(owner, key)).ok();
        if let Some(answer) = self.rotate_too_early(&asked, before.as_ref(), &by)? {
            return Ok(answer);
        }
        let rotating = before.as_ref().is_some_and(|key| overlap_end(key, by.at).is_some());
        match self.fault {
            Fault::OverlapIsCheckedBeforeTheTransaction if !rotating => {
                dawdle().await;
                now(self.honest.retire_old_secret(owner, key, by.clone()))?;
            }
            Fault::ThirdSecretIsAccepted => {
                drop(now(self.honest.retire_old_secret(owner, key, by.clone())));
            }

            Fault::GenerationIsCountedBeforeTheTransaction
            | Fault::RotationIsCheckedBeforeTheRevocation => dawdle().await,
            Fault::RotationTokenIsCheckedBeforeTheTransaction => {
                dawdle().await;
                rotation.idempotency = None;
            }
            _ => {}
        }
        let write = self.honest.rotate(owner, key, rotation, by.clone());
        let answer = match self.fault {
            Fault::EventFollowsItsChange => {
                self.hide_for_a_while(write, |rotated| match rotated {
                    Issued::New(made) => Some(made.position),
                    Issued::Replayed(_) => None,
                })
                .await
            }
            _ => write.await,
        };
        let made = match answer {
            Ok(Issued::New(made)) => made,
            Ok(replayed) => return Ok(replayed),
            Err(error) => return self.refuse_rotation(&asked, before, &by, error),
        };
        if let Some(token) = token {
            self.notes().tokens.insert(token, made.value.clone());
        }
        self.twist_rotation(&asked, before, by, made).map(Issued::New)
    }

    fn misread_rotation(&self, rotation: &mut Rotation) {
        if self.fault == Fault::TimesLoseTheirMicroseconds {
            let millis = rotation.overlap_ends.as_micros() / 1_000;
            rotation.overlap_ends = Timestamp::from_micros(millis * 1_000);
        }
        if self.fault == Fault::RotationIgnoresTokens {
            rotation.idempotency = None;
        }
        let Some(idempotency) = &mut rotation.idempotency else { return };
        match self.fault {
            Fault::RotationIgnoresFingerprints => idempotency.fingerprint = [0; 32],
            Fault::RotationTokenIsRememberedForEver => {
                idempotency.remembered_until = Timestamp::MAX;
            }
            Fault::RotationTokensAreApart => {
                idempotency.token = format!("rotation:{}", idempotency.token).parse().unwrap();
            }
            _ => {}
        }
    }

    /// What some faults answer before they ask the honest store.
    fn rotate_too_early(
        &self,
        asked: &Rotation,
        before: Option<&KeyRecord>,
        by: &Attribution,
    ) -> Result<Option<Issued>, StoreError> {
        let old_end = before.and_then(|key| key.secrets.get(1)?.retires_at);
        if self.fault == Fault::OverlapIsAMomentLong && old_end == Some(by.at) {
            return Err(Conflict::StillRotating { until: by.at }.into());
        }
        let Some(token) = asked.idempotency.as_ref().map(|idempotency| &idempotency.token) else {
            return Ok(None);
        };
        match self.fault {
            Fault::RotationReplayIsAsItWas
            | Fault::RotationTokensAreOfAllOrganizations
            | Fault::RotationTokenIsCheckedBeforeTheTransaction => {
                Ok(self.notes().tokens.get(token).cloned().map(Issued::Replayed))
            }
            Fault::RefusedRotationUsesTheToken if self.notes().used_tokens.contains(token) => {
                Err(Conflict::IdempotencyMismatch.into())
            }
            _ => Ok(None),
        }
    }

    fn refuse_rotation(
        &self,
        asked: &Rotation,
        before: Option<KeyRecord>,
        by: &Attribution,
        error: StoreError,
    ) -> Result<Issued, StoreError> {
        let Some(before) = before else { return self.note_refusal(asked, error) };
        let position = now(self.honest.position())?;
        let untrue =
            Ok(Issued::New(Committed { value: before.clone(), position: position.position() }));
        let was_revoked = matches!(before.state, KeyState::Revoked(_));
        match (self.fault, &error) {
            (Fault::RefusedRotationIsLogged, _) => {
                self.log_needlessly(&before.organization, by);
                Err(error)
            }
            (Fault::RotationAcceptsKnownHashes, StoreError::Conflict(Conflict::DuplicateHash))
            | (Fault::ExpiredKeyCanBeRotated, StoreError::Conflict(Conflict::Expired { .. }))
            | (Fault::RevokedKeyCanBeRotated, StoreError::Conflict(Conflict::Revoked)) => untrue,
            (
                Fault::RotationIsCheckedBeforeTheRevocation,
                StoreError::Conflict(Conflict::Revoked),
            ) if !was_revoked => untrue,
            (Fault::ErrorsQuoteTheHash, _) => {
                Err(StoreError::Internal(format!("UNIQUE({})", asked.secret.hash).into()))
            }
            _ => self.note_refusal(asked, error),
        }
    }

    fn note_refusal(&self, asked: &Rotation, error: StoreError) -> Result<Issued, StoreError> {
        let token = asked.idempotency.as_ref().map(|idempotency| idempotency.token.clone());
        self.notes().used_tokens.extend(token);
        Err(error)
    }

    fn twist_rotation(
        &self,
        asked: &Rotation,
        before: Option<KeyRecord>,
        by: Attribution,
        mut made: Committed<KeyRecord>,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let before = before.unwrap();
        let (owner, key, old) = (&before.organization, before.id, before.secrets[0].hash);
        match self.fault {
            Fault::RotationForgetsTheScopes => {
                let scopes = Some(ScopeNames::default());
                let edit = KeyEdit { scopes, ..KeyEdit::default() };
                return now(self.honest.edit(owner, key, edit, KeyLimit::Unlimited, by));
            }
            Fault::RotationEnables => {
                return now(self.honest.switch(owner, key, Switch::On, by));
            }
            Fault::OverlapOutlivesTheKey => {
                made.value.secrets[1].retires_at = Some(asked.overlap_ends.max(by.at));
            }
            Fault::OldSecretIsLostAtRotation => {
                self.notes().lost.insert(old);
            }
            Fault::OverlapEndsWhenItIsTold => {
                self.notes().moved.insert(old, asked.overlap_ends);
                made.value = self.retell(made.value);
            }
            Fault::GenerationIsCountedBeforeTheTransaction => {
                made.value.secrets[0].generation = before.secrets[0].generation + 1;
            }
            _ => {}
        }
        Ok(self.misplace(Fault::FeedOmitsRotations, made))
    }
}

fn overlap_end(key: &KeyRecord, at: Timestamp) -> Option<Timestamp> {
    key.secrets.get(1)?.retires_at.filter(|end| *end > at)
}
