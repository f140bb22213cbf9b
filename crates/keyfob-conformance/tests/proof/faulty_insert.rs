use keyfob_store::{
    Action, Attribution, Committed, Conflict, Details, Environment, FeedPosition, FoundState,
    Issued, KeyLimit, KeyRecord, KeyState, KeyStatus, KeyStore, NewEvent, NewKey, OrganizationId,
    ScopeNames, StoreError, Timestamp,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, dawdle, now};

impl FaultyStore {
    pub(crate) async fn faulty_insert(
        &self,
        mut key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.misread_key(&mut key);
        let asked = key.clone();
        if let Some(answer) = self.answer_too_early(&key, limit, &by)? {
            return Ok(answer);
        }
        let answer = match self.fault {
            Fault::LimitIsCheckedBeforeTheTransaction => {
                let in_use = now(self.honest.keys_in_use(&key.organization, by.at))?;
                if !limit.allows_another(in_use) {
                    return Err(StoreError::LimitReached { limit });
                }
                dawdle().await;
                self.honest.insert(key, KeyLimit::Unlimited, by.clone()).await
            }
            Fault::RivalsAreRefused => {
                self.notes().pending += 1;
                dawdle().await;
                let alone = std::mem::take(&mut self.notes().pending) == 1;
                let limit = if alone { limit } else { KeyLimit::AtMost(0) };
                self.honest.insert(key, limit, by.clone()).await
            }
            Fault::TokenIsCheckedBeforeTheTransaction => {
                dawdle().await;
                let token = key.idempotency.take();
                let inserted = self.honest.insert(key, limit, by.clone()).await;
                if let (Some(token), Ok(Issued::New(made))) = (token, &inserted) {
                    self.notes().tokens.insert(token.token, made.value.clone());
                }
                inserted
            }
            Fault::EventFollowsItsChange | Fault::FeedSkipsWhatIsInFlight => {
                let write = self.honest.insert(key, limit, by.clone());
                self.hide_for_a_while(write, |inserted| match inserted {
                    Issued::New(made) => Some(made.position),
                    Issued::Replayed(_) => None,
                })
                .await
            }
            Fault::HashIsCheckedBeforeTheTransaction => {
                let known = now(self.honest.find(&[key.secret.hash]))?.all()?[0].is_some();
                dawdle().await;
                match self.honest.insert(key, limit, by.clone()).await {
                    Err(StoreError::Conflict(Conflict::DuplicateHash)) if !known => {
                        Ok(self.pretend_to_create(asked.clone(), &by))
                    }
                    answer => answer,
                }
            }
            _ => {
                let limit = self.misread_limit(&key, limit, by.at);
                self.honest.insert(key, limit, by.clone()).await
            }
        };
        self.twist_answer(asked, limit, &by, answer)
    }

    fn misread_key(&self, key: &mut NewKey) {
        key.organization = self.read_as(&key.organization);
        match self.fault {
            Fault::EnvironmentIsLost => key.environment = Environment::Live,
            Fault::NamesAreTrimmed => key.name = key.name.as_str().trim().parse().unwrap(),
            Fault::NamesAreCut => {
                let start: String = key.name.as_str().chars().take(100).collect();
                key.name = start.parse().unwrap();
            }
            Fault::TimesLoseTheirMicroseconds => {
                key.expires_at = key
                    .expires_at
                    .map(|time| Timestamp::from_micros(time.as_micros() / 1_000 * 1_000));
            }
            Fault::ScopesAreSorted => key.scopes = sorted(&key.scopes),
            Fault::TokensAreIgnored => key.idempotency = None,
            _ => {}
        }
        let Some(idempotency) = &mut key.idempotency else { return };
        match self.fault {
            Fault::FingerprintIsIgnored => idempotency.fingerprint = [0; 32],
            Fault::TokenIsRememberedForEver => idempotency.remembered_until = Timestamp::MAX,
            Fault::TokenIsForgottenTooEarly => {
                let until = idempotency.remembered_until.as_micros() - 1;
                idempotency.remembered_until = Timestamp::from_micros(until);
            }
            Fault::TokensDieWithTheHandle => {
                let token = format!("{}-{}", self.handle, &idempotency.token.as_str()[..5]);
                idempotency.token = token.parse().unwrap();
            }
            _ => {}
        }
    }

    fn misread_limit(&self, key: &NewKey, limit: KeyLimit, at: Timestamp) -> KeyLimit {
        let KeyLimit::AtMost(most) = limit else {
            let fifty = self.fault == Fault::UnlimitedMeansFifty;
            return if fifty { KeyLimit::AtMost(50) } else { limit };
        };
        let mine = |key_of: &&KeyRecord| key_of.organization == key.organization;
        let status_of = |key: &KeyRecord| {
            now(self.honest.get(&key.organization, key.id)).map(|key| key.status(at))
        };
        let stored = self.notes().stored.clone();
        let count = |status| {
            stored.iter().filter(mine).filter(|key| status_of(key).ok() == Some(status)).count()
        };
        match self.fault {
            Fault::ZeroMeansUnlimited if most == 0 => KeyLimit::Unlimited,
            Fault::LimitIsOffByOne if most > 0 => KeyLimit::AtMost(most + 1),
            Fault::LimitIsSigned => KeyLimit::AtMost(i64::try_from(most).map_or(0, |_| most)),
            Fault::ExpiredKeyHoldsItsSlot => less(most, count(KeyStatus::Expired)),
            Fault::SlotIsFreedAfterTheExpiry => {
                let on_the_edge = |key: &&KeyRecord| key.expires_at == Some(at);
                less(most, stored.iter().filter(mine).filter(on_the_edge).count())
            }
            Fault::RevokedKeyHoldsItsSlot => less(most, count(KeyStatus::Revoked)),
            Fault::LimitIsOfAllOrganizations => {
                less(most, stored.iter().filter(|key| !mine(key)).count())
            }
            Fault::RevokingTwiceFreesTwoSlots | Fault::SlotIsFreedBeforeTheRevocation => {
                KeyLimit::AtMost(most.saturating_add(self.notes().pending))
            }
            _ => limit,
        }
    }

    /// What some faults answer before they ask the honest store.
    fn answer_too_early(
        &self,
        key: &NewKey,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Result<Option<Issued>, StoreError> {
        let Some(token) = key.idempotency.as_ref().map(|idempotency| &idempotency.token) else {
            return Ok(None);
        };
        match self.fault {
            Fault::TokensAreOfAllOrganizations
            | Fault::TokenIsCheckedBeforeTheTransaction
            | Fault::ReplayIsAsItWas => {
                Ok(self.notes().tokens.get(token).cloned().map(Issued::Replayed))
            }
            Fault::TokensOutliveTheirOrganization => {
                let known = self.notes().tokens.get(token).cloned();
                Ok(known.filter(|made| self.is_deleted(made)).map(Issued::Replayed))
            }
            Fault::RefusalUsesTheToken if self.notes().used_tokens.contains(token) => {
                Err(Conflict::IdempotencyMismatch.into())
            }
            Fault::TokenIsCheckedAfterTheLimit => {
                let in_use = now(self.honest.keys_in_use(&key.organization, by.at))?;
                if limit.allows_another(in_use) {
                    return Ok(None);
                }
                Err(StoreError::LimitReached { limit })
            }
            _ => Ok(None),
        }
    }

    fn twist_answer(
        &self,
        asked: NewKey,
        limit: KeyLimit,
        by: &Attribution,
        answer: Result<Issued, StoreError>,
    ) -> Result<Issued, StoreError> {
        match (self.fault, answer) {
            (Fault::RefusalIsLogged, Err(error @ StoreError::LimitReached { .. }))
            | (Fault::DuplicateIsLogged, Err(error @ StoreError::Conflict(_))) => {
                self.log_needlessly(&asked.organization, by);
                Err(error)
            }
            (Fault::RefusalUsesTheToken, Err(error)) => {
                self.notes().used_tokens.extend(asked.idempotency.map(|kept| kept.token));
                Err(error)
            }
            (_, Err(StoreError::LimitReached { .. })) => Err(StoreError::LimitReached { limit }),
            (Fault::ErrorsQuoteTheHash, Err(StoreError::Conflict(_))) => {
                Err(StoreError::Internal(format!("UNIQUE({})", asked.secret.hash).into()))
            }
            (
                Fault::DuplicateHashIsAccepted
                | Fault::RevokedKeyGivesItsHashFree
                | Fault::HashesAreUniqueInOneOrganization
                | Fault::DeletionFreesItsHashes,
                Err(StoreError::Conflict(Conflict::DuplicateHash)),
            ) if self.accepts_hash_of(&asked) => Ok(self.pretend_to_create(asked, by)),
            (Fault::DuplicateIdIsAccepted, Err(StoreError::Conflict(Conflict::DuplicateId))) => {
                Ok(self.pretend_to_create(asked, by))
            }
            (_, Err(error)) => Err(error),
            (fault, Ok(Issued::Replayed(mut key))) => {
                if fault == Fault::ReplayIsLogged {
                    self.log_needlessly(&asked.organization, by);
                }
                if fault == Fault::ReplayRevives {
                    key.state = KeyState::Active;
                    self.notes().retold.insert(key.id, KeyState::Active);
                }
                Ok(Issued::Replayed(key))
            }
            (fault, Ok(Issued::New(mut made))) => {
                let mut notes = self.notes();
                notes.stored.push(made.value.clone());
                if let Some(idempotency) = asked.idempotency {
                    notes.tokens.insert(idempotency.token, made.value.clone());
                }
                if fault == Fault::CommittedPositionIsTooEarly {
                    made.position = FeedPosition::new(made.position.get() - 1);
                }
                Ok(Issued::New(made))
            }
        }
    }

    fn accepts_hash_of(&self, asked: &NewKey) -> bool {
        let found =
            now(self.honest.find(&[asked.secret.hash])).unwrap().keys.remove(0).unwrap().unwrap();
        match self.fault {
            Fault::RevokedKeyGivesItsHashFree => found.state == FoundState::Revoked,
            Fault::HashesAreUniqueInOneOrganization => found.organization != asked.organization,
            Fault::DeletionFreesItsHashes => found.state == FoundState::OrganizationDeleted,
            _ => true,
        }
    }

    fn pretend_to_create(&self, asked: NewKey, by: &Attribution) -> Issued {
        let position = now(self.honest.position()).unwrap().position();
        Issued::New(Committed { value: asked.into_record(by), position })
    }

    pub(crate) fn log_needlessly(&self, organization: &OrganizationId, by: &Attribution) {
        let event = NewEvent {
            organization: organization.clone(),
            action: Action::custom("store.noted").unwrap(),
            details: Details::new(),
        };
        now(self.honest.append_event(event, by.clone())).unwrap();
    }
}

pub(crate) fn sorted(scopes: &ScopeNames) -> ScopeNames {
    let mut names: Vec<_> = scopes.iter().collect();
    names.sort_unstable();
    ScopeNames::parse(&names.join(" ")).unwrap()
}

fn less(most: u64, taken: usize) -> KeyLimit {
    KeyLimit::AtMost(most.saturating_sub(taken as u64))
}
