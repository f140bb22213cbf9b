use std::cmp::Reverse;
use std::collections::HashSet;

use keyfob_store::{
    BackendError, DamagedRecord, FoundKey, FoundKeys, FoundState, KeyHash, KeyId, KeyQuery,
    KeyRecord, KeyState, KeyStore, OrganizationId, Page, PageSize, StoreError, Timestamp,
};

use crate::fault::Fault;
use crate::faulty_insert::sorted;
use crate::faulty_store::{FaultyStore, dawdle, now};

impl FaultyStore {
    pub(crate) async fn faulty_find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        let mut hashes = hashes.to_vec();
        match self.fault {
            Fault::AnswersAreSorted => hashes.sort_by_key(|hash| *hash.as_bytes()),
            Fault::AnswersDropRepeats => {
                let mut seen = HashSet::new();
                hashes.retain(|hash| seen.insert(*hash));
            }
            Fault::EmptyBatchIsRefused if hashes.is_empty() => {
                return Err(StoreError::Internal(BackendError::from("syntax error near ')'")));
            }
            Fault::PrefixOfTheHashIsEnough => {
                let notes = self.notes();
                let stored = || notes.stored.iter().flat_map(|key| &key.secrets);
                for hash in &mut hashes {
                    if let Some(alike) = stored().find(|at| at.hash.prefix() == hash.prefix()) {
                        *hash = alike.hash;
                    }
                }
            }
            _ => {}
        }

        let found = now(self.honest.find(&hashes))?;
        let mut position = found.position;
        let mut keys = found.all()?;
        for key in keys.iter_mut().flatten() {
            match self.notes().retold.get(&key.id) {
                Some(KeyState::Active) => key.state = FoundState::Active,
                _ if self.fault == Fault::FoundScopesAreSorted => key.scopes = sorted(&key.scopes),
                _ => {}
            }
            self.misjudge(key);
        }
        match self.fault {
            Fault::AnswersOmitTheUnknown => keys.retain(Option::is_some),
            Fault::LargeBatchIsCut => {
                keys.iter_mut().skip(32_766).for_each(|key| *key = None);
            }
            Fault::RevokedKeyIsNotFound => {
                for key in &mut keys {
                    key.take_if(|key| key.state == FoundState::Revoked);
                }
            }
            Fault::OnlyTwoSecretsAreKept => {
                for key in &mut keys {
                    key.take_if(|key| {
                        let record = now(self.honest.get(&key.organization, key.id));
                        record.is_ok_and(|record| key.secret + 1 < record.secrets[0].generation)
                    });
                }
            }
            Fault::OldSecretIsLostAtRotation => {
                for (key, hash) in keys.iter_mut().zip(&hashes) {
                    key.take_if(|_| self.notes().lost.contains(hash));
                }
            }
            Fault::OverlapEndsWhenItIsTold => {
                for (key, hash) in keys.iter_mut().zip(&hashes) {
                    if let (Some(key), Some(told)) = (key, self.notes().moved.get(hash)) {
                        key.retires_at = Some(*told);
                    }
                }
            }
            Fault::LookupIsLogged => {
                let stored = self.notes().stored.clone();
                for key in keys.iter().flatten() {
                    let record = stored.iter().find(|stored| stored.id == key.id).unwrap();
                    let by = keyfob_store::Author::from(record.created_by.clone());
                    self.log_needlessly(&key.organization, &by.at(record.created_at));
                }
            }
            Fault::LookupPositionStandsStill => position = keyfob_store::FeedPosition::START,
            Fault::LookupPositionIsReadAfter => {
                dawdle().await;
                position = self.honest.position().await?.position();
            }
            _ => {}
        }
        let keys: Vec<_> = keys.into_iter().map(|key| self.damage(key)).collect();
        match self.fault {
            Fault::DamagedKeyFailsItsBatch if keys.iter().any(Result::is_err) => Err(damaged()),
            _ => Ok(FoundKeys { position, keys }),
        }
    }

    fn damage(&self, key: Option<FoundKey>) -> Result<Option<FoundKey>, DamagedRecord> {
        let is_damaged = |key: &FoundKey| self.notes().damaged.contains(&key.id);
        if !key.as_ref().is_some_and(is_damaged) {
            return Ok(key);
        }
        match self.fault {
            Fault::DamagedKeyIsNotFound => Ok(None),
            _ => Err(DamagedRecord::of(damaged()).unwrap()),
        }
    }

    /// Tells the state of a key, or its scopes, as they are not.
    fn misjudge(&self, key: &mut FoundKey) {
        let deleted = key.state == FoundState::OrganizationDeleted;
        let is_spared = match self.fault {
            Fault::DisabledKeyIsFoundActive => key.state == FoundState::Disabled,
            Fault::RevocationLeavesTheOldSecret => key.retires_at.is_some(),
            Fault::DeletionIsNotFound => deleted,
            Fault::DeletionSparesRetiredSecrets => deleted && key.retires_at.is_some(),
            Fault::DeletionMissesConcurrentInsertions => self.notes().spared.contains(&key.id),
            Fault::NewOrganizationRevivesTheOld => {
                let any_time = Timestamp::from_micros(0);
                let successors = self.honest.keys_in_use(&key.organization, any_time);
                deleted && now(successors).unwrap() > 0
            }
            _ => false,
        };
        if is_spared {
            key.state = FoundState::Active;
        }
        if self.fault == Fault::EditedScopesAreFoundLate {
            let notes = self.notes();
            let stored = notes.stored.iter().find(|stored| stored.id == key.id);
            key.scopes = stored.map_or_else(|| key.scopes.clone(), |key| key.scopes.clone());
        }
    }

    /// Whether the organization of a key that was stored is gone.
    pub(crate) fn is_deleted(&self, key: &KeyRecord) -> bool {
        let found = now(self.honest.find(&[key.secrets[0].hash])).unwrap().keys.remove(0).unwrap();
        found.is_some_and(|found| found.state == FoundState::OrganizationDeleted)
    }

    pub(crate) async fn faulty_get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        let organization = match self.fault {
            Fault::ReadIgnoresTheOrganization => {
                self.owner_of(key).unwrap_or_else(|| organization.clone())
            }
            _ => self.read_as(organization),
        };
        Ok(self.retell(self.honest.get(&organization, key).await?))
    }

    pub(crate) fn faulty_count(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        match self.fault {
            Fault::CountIgnoresTheOrganization => {
                let stored = self.notes().stored.clone();
                let owners: HashSet<_> = stored.iter().map(|key| &key.organization).collect();
                owners.into_iter().map(|owner| now(self.honest.keys_in_use(owner, at))).sum()
            }
            Fault::SecondSecretTakesASlot | Fault::DisabledKeyFreesItsSlot => {
                let every = self.whole_list(organization, &KeyQuery::new(PageSize::MAX), at);
                let rotating = |key: &&KeyRecord| {
                    key.secrets.iter().any(|secret| secret.retires_at.is_some_and(|end| end > at))
                };
                let disabled = |key: &&KeyRecord| key.state == KeyState::Disabled;
                let in_use = now(self.honest.keys_in_use(organization, at))?;
                Ok(match self.fault {
                    Fault::SecondSecretTakesASlot => {
                        in_use + every.iter().filter(rotating).count() as u64
                    }
                    _ => in_use - every.iter().filter(disabled).count() as u64,
                })
            }
            _ => now(self.honest.keys_in_use(&self.read_as(organization), at)),
        }
    }

    pub(crate) async fn faulty_list(
        &self,
        organization: &OrganizationId,
        mut query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        let organization = &self.read_as(organization);
        let mut at = at;
        match self.fault {
            Fault::StatusFilterIsIgnored => query.status = None,
            Fault::EnvironmentFilterIsIgnored => query.environment = None,
            Fault::ExpiryIsAMomentLate => at = Timestamp::from_micros(at.as_micros() - 1),
            Fault::CursorMustBeAKey => {
                if let Some(after) = query.after {
                    self.honest.get(organization, after).await?;
                }
            }
            Fault::ListIgnoresTheOrganization => {
                let owned_by = |key: &KeyRecord| key.organization.clone();
                let owners: HashSet<_> = self.notes().stored.iter().map(owned_by).collect();
                let mut every = Vec::new();
                for owner in owners {
                    every.extend(self.whole_list(&owner, &query, at));
                }
                every.sort_by_key(|key| Reverse(key.id));
                return Ok(page(every, &query));
            }
            Fault::IdsAreSigned => {
                let mut every = self.whole_list(organization, &KeyQuery::new(query.size), at);
                every.sort_by_key(|key| Reverse(i128::from_be_bytes(*key.id.as_bytes())));
                let last = query.after.and_then(|last| every.iter().position(|at| at.id == last));
                every.drain(..last.map_or(0, |last| last + 1));
                return Ok(page(every, &KeyQuery::new(query.size)));
            }
            Fault::PagesAreOffsets => {
                dawdle().await;
                let mut every = self.whole_list(organization, &KeyQuery::new(query.size), at);
                let notes = &mut self.notes();
                let offset = query.after.and_then(|last| notes.offsets.get(&last).copied());
                let offset = offset.unwrap_or(0);
                every.drain(..offset);
                let page = page(every, &KeyQuery::new(query.size));
                notes.offsets.extend(page.next.map(|last| (last, offset + page.items.len())));
                return Ok(page);
            }
            Fault::FilterEndsTheList => {
                let unfiltered = KeyQuery { status: None, environment: None, ..query.clone() };
                let mut page = self.honest.list(organization, unfiltered, at).await?;
                let read = page.items.len();
                page.items.retain(|key| {
                    query.status.is_none_or(|status| key.status(at) == status)
                        && query.environment.is_none_or(|only| key.environment == only)
                });
                page.next = page.next.filter(|_| page.items.len() == read);
                return Ok(page);
            }
            _ => {}
        }

        let first = query.after.is_none();
        let size = usize::from(query.size.get());
        let mut page = self.honest.list(organization, query, at).await?;
        page.items = page.items.into_iter().map(|key| self.retell(key)).collect();
        match self.fault {
            Fault::CursorSkipsOne if !first && page.items.len() > 1 => drop(page.items.remove(0)),
            Fault::FullPageLeadsOn if page.items.len() == size => {
                page.next = page.items.last().map(|key| key.id);
            }
            Fault::ListIsInOrderOfStorage => {
                let notes = self.notes();
                let place = |key: &KeyRecord| notes.stored.iter().position(|at| at.id == key.id);
                page.items.sort_by_key(|key| Reverse(place(key)));
            }
            _ => {}
        }
        Ok(page)
    }

    fn whole_list(
        &self,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Vec<KeyRecord> {
        let whole = KeyQuery { size: PageSize::MAX, ..query.clone() };
        now(self.honest.list(organization, whole, at)).unwrap().items
    }
}

fn page(keys: Vec<KeyRecord>, query: &KeyQuery) -> Page<KeyRecord, KeyId> {
    Page::of_read_ahead(keys, query.size, |last| last.id)
}

fn damaged() -> StoreError {
    StoreError::corrupt("a value of keys.scopes")
}
