use keyfob::{
    Attribution, Author, Clock, CreateError, CreateKey, Expiry, ImportKey, IssuedKey, KeyEdit,
    KeyHash, KeyId, KeyLimit, KeyName, KeyRecord, NewKey, NewSecret, OrganizationId, RotateError,
    Rotation, ScopeNames, StoreError, Switch, Timestamp,
};
use proptest::test_runner::TestCaseError;

use super::operation::{Change, Draft};
use super::player::{Player, failure, scopes_of};
use super::text::Text;
use crate::actor;

const ORGANIZATIONS: [&str; 2] = ["acme", "globex"];

impl Player {
    /// Makes a change by a node and in the model, and answers with the hashes that it is about:
    /// from then on the node has to know what they are worth.
    pub(super) async fn change(
        &mut self,
        node: usize,
        change: &Change,
    ) -> Result<Vec<KeyHash>, TestCaseError> {
        let hashes = match change {
            Change::Create { organization, key } => self.create(node, *organization, key).await?,
            Change::Import { organization, text, key } => {
                self.import(node, *organization, *text, key).await?
            }
            Change::Delete { organization } => self.delete(node, *organization).await?,
            Change::Rotate { key, .. }
            | Change::Retire { key }
            | Change::Switch { key, .. }
            | Change::Edit { key, .. }
            | Change::Revoke { key } => {
                match self.keys.get(key % self.keys.len().max(1)).cloned() {
                    Some((organization, id)) => {
                        self.change_key(node, &organization, id, change).await?
                    }
                    None => Vec::new(),
                }
            }
        };
        self.step += 1;
        let (step, now) = (self.step, self.clock.wall());
        for text in &mut self.texts {
            text.note(step, self.model.find(&text.hash), now);
            if !hashes.contains(&text.hash) {
                continue;
            }
            match change {
                Change::Delete { .. } => text.is_deleted(node, step),
                _ => text.is_known(node, step),
            }
        }
        Ok(hashes)
    }

    async fn create(
        &mut self,
        node: usize,
        organization: usize,
        draft: &Draft,
    ) -> Result<Vec<KeyHash>, TestCaseError> {
        let by = self.by();
        let organization = organization_of(organization);
        let expires_at = draft.expires.map(|seconds| after(by.at, seconds));
        let request = CreateKey::new(
            organization.clone(),
            name(),
            draft.environment,
            scopes_of(draft.scopes),
        )
        .with_expiry(expires_at.map_or(Expiry::Never, Expiry::At));
        match self.nodes[node].service.create(request, KeyLimit::Unlimited, actor()).await {
            Err(CreateError::NoScopes) if scopes_of(draft.scopes).is_empty() => Ok(Vec::new()),
            Err(CreateError::ExpiryNotInFuture) if expires_at.is_some_and(|at| at <= by.at) => {
                Ok(Vec::new())
            }
            Err(error) => Err(failure(error)),
            Ok(created) => {
                let secret = self.learn(&created);
                let key = new_key(created.key.id, &organization, draft, expires_at, secret);
                let expected = self.model.insert(&key, KeyLimit::Unlimited, &by);
                self.keys.push((organization, created.key.id));
                same(Ok(created.key), expected.as_ref())
            }
        }
    }

    async fn import(
        &mut self,
        node: usize,
        organization: usize,
        text: usize,
        draft: &Draft,
    ) -> Result<Vec<KeyHash>, TestCaseError> {
        let by = self.by();
        let organization = organization_of(organization);
        let hash = self.texts[text % self.texts.len()].hash;
        let hint = crate::FORMAT.blank_hint(draft.environment);
        let expires_at = draft.expires.map(|seconds| after(by.at, seconds));
        let key = ImportKey {
            hash,
            hint: Some(hint),
            name: name(),
            environment: draft.environment,
            scopes: scopes_of(draft.scopes),
            expiry: expires_at.map_or(Expiry::Never, Expiry::At),
        };
        let service = &self.nodes[node].service;
        let imported = service.import(&organization, vec![key], KeyLimit::Unlimited, actor()).await;
        let imported = imported.map(|mut keys| keys.remove(0)).map_err(|refused| refused.error);
        // Refused, it has no id; in the model its hash alone is enough to refuse it.
        let id = imported.as_ref().map_or(KeyId::from_bytes([0; 16]), |key| key.id);
        let secret = NewSecret { hash, hint };
        let key = new_key(id, &organization, draft, expires_at, secret);
        let expected = self.model.import(&[key], KeyLimit::Unlimited, &by);
        if imported.is_ok() {
            self.keys.push((organization, id));
        }
        same(imported, expected.as_ref().and_then(|keys| keys.first()))
    }

    async fn delete(
        &mut self,
        node: usize,
        organization: usize,
    ) -> Result<Vec<KeyHash>, TestCaseError> {
        let organization = organization_of(organization);
        let service = &self.nodes[node].service;
        service.delete_organization(&organization, actor()).await.map_err(failure)?;
        self.model.delete_organization(&organization, &self.by());
        let of =
            |text: &&Text| text.found().is_some_and(|found| found.organization == organization);
        Ok(self.texts.iter().filter(of).map(|text| text.hash).collect())
    }

    async fn change_key(
        &mut self,
        node: usize,
        organization: &OrganizationId,
        id: KeyId,
        change: &Change,
    ) -> Result<Vec<KeyHash>, TestCaseError> {
        let by = self.by();
        let service = self.nodes[node].service.clone();
        let unlimited = KeyLimit::Unlimited;
        let (seen, expected) = match change {
            Change::Rotate { overlap, .. } => {
                let overlap = std::time::Duration::from_secs(*overlap);
                let rotated = match service.rotate(organization, id, overlap, actor()).await {
                    Ok(rotated) => Ok(rotated),
                    Err(RotateError::Store(error)) => Err(error),
                    Err(error) => return Err(failure(error)),
                };
                let secret = rotated.as_ref().map_or_else(|_| nobodys(), |it| self.learn(it));
                let overlap_ends = by.at.saturating_add(overlap);
                let rotation = Rotation { secret, overlap_ends, idempotency: None };
                let expected = self.model.rotate(organization, id, &rotation, &by);
                (rotated.map(|rotated| rotated.key), expected)
            }
            Change::Retire { .. } => (
                service.retire_old_secret(organization, id, actor()).await,
                self.model.retire_old_secret(organization, id, &by),
            ),
            Change::Switch { on: true, .. } => (
                service.enable(organization, id, actor()).await,
                self.model.switch(organization, id, Switch::On, &by),
            ),
            Change::Switch { on: false, .. } => (
                service.disable(organization, id, actor()).await,
                self.model.switch(organization, id, Switch::Off, &by),
            ),
            Change::Edit { scopes, expires, .. } => {
                let edit = KeyEdit {
                    name: None,
                    scopes: scopes.map(|scopes| ScopeNames::from(scopes_of(scopes))),
                    expires_at: expires.map(|at| at.map(|seconds| after(by.at, seconds))),
                };
                (
                    service.edit(organization, id, edit.clone(), unlimited, actor()).await,
                    self.model.edit(organization, id, &edit, unlimited, &by),
                )
            }
            _ => (
                service.revoke(organization, id, None, actor()).await,
                self.model.revoke(organization, id, None, &by),
            ),
        };
        same(seen, expected.as_ref())
    }

    /// Keeps a plaintext that was just made.
    fn learn(&mut self, issued: &IssuedKey) -> NewSecret {
        let text = Text::new(issued.api_key.expose_secret().to_owned());
        let secret = NewSecret { hash: text.hash, hint: issued.api_key.hint() };
        self.texts.push(text);
        secret
    }

    fn by(&self) -> Attribution {
        Author::from(actor()).at(self.clock.wall())
    }
}

/// The hashes of the key, if the service and the model agree about it.
fn same(
    seen: Result<KeyRecord, StoreError>,
    expected: Option<&KeyRecord>,
) -> Result<Vec<KeyHash>, TestCaseError> {
    let seen = match seen {
        Ok(mut key) => {
            // Usage has no part in the model.
            key.secrets.iter_mut().for_each(|secret| secret.last_used_at = None);
            Some(key)
        }
        Err(StoreError::NotFound | StoreError::Conflict(_)) => None,
        Err(error) => return Err(failure(error)),
    };
    if seen.as_ref() != expected {
        let reason = format!("a change\n    expected: {expected:?}\n    seen: {seen:?}");
        return Err(TestCaseError::fail(reason));
    }
    Ok(seen.into_iter().flat_map(|key| key.secrets).map(|secret| secret.hash).collect())
}

fn new_key(
    id: KeyId,
    organization: &OrganizationId,
    draft: &Draft,
    expires_at: Option<Timestamp>,
    secret: NewSecret,
) -> NewKey {
    NewKey {
        id,
        organization: organization.clone(),
        name: name(),
        environment: draft.environment,
        scopes: scopes_of(draft.scopes).into(),
        expires_at,
        secret,
        idempotency: None,
    }
}

/// A secret for a rotation that is refused whatever it is.
fn nobodys() -> NewSecret {
    let environment = keyfob::Environment::Live;
    NewSecret { hash: KeyHash::from_bytes([0; 32]), hint: crate::FORMAT.blank_hint(environment) }
}

fn organization_of(number: usize) -> OrganizationId {
    OrganizationId::new(ORGANIZATIONS[number]).unwrap()
}

fn name() -> KeyName {
    KeyName::new("ci").unwrap()
}

fn after(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(seconds * 1_000_000))
}
