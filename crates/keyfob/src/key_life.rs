//! What a service does with a key after it was made.

use std::time::Duration;

use keyfob_core::{EntropyError, Environment, KeyHash, KeyHint, Scope, ScopeSet};
use keyfob_store::{
    Author, Change, Changed, Committed, IdempotencyToken, ImportError, KeyEdit, KeyId, KeyLimit,
    KeyName, KeyRecord, KeyStore, NewKey, NewSecret, OrganizationId, Rotation, StoreError, Switch,
};

use crate::create_key::{fingerprint, idempotency, new_key_id};
use crate::{Expiry, IssuedKey, IssuedOnce, KeyChange, KeyService};

/// The longest that an old secret may work beside a new one: 7 days.
pub const MOST_OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl<S: Scope, St: KeyStore> KeyService<S, St> {
    /// Gives a key a new secret, in the answer and nowhere else. The old one works on for the
    /// overlap; with zero it is refused here when this returns, and everywhere else within the
    /// staleness bound. The key keeps its id, name, scopes, usage and its one slot in the plan.
    ///
    /// # Errors
    /// [`RotateError`]; then nothing was changed, unless the store was unavailable.
    pub async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        overlap: Duration,
        by: impl Into<Author> + Send,
    ) -> Result<IssuedKey, RotateError> {
        match self.renew(organization, key, overlap, None, by.into()).await? {
            IssuedOnce::New(rotated) => Ok(rotated),
            IssuedOnce::Replayed(_) => Err(StoreError::corrupt("a replay without a token").into()),
        }
    }

    /// Rotates a key once, however often the request is sent with this token within 24 hours.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate), and
    /// [`IdempotencyMismatch`](keyfob_store::Conflict::IdempotencyMismatch) when the token came with
    /// another request before.
    pub async fn rotate_once(
        &self,
        token: IdempotencyToken,
        organization: &OrganizationId,
        key: KeyId,
        overlap: Duration,
        by: impl Into<Author> + Send,
    ) -> Result<IssuedOnce, RotateError> {
        self.renew(organization, key, overlap, Some(token), by.into()).await
    }

    /// Ends the overlap of a rotation now: the old secret is refused.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`Conflict::Revoked`](keyfob_store::Conflict::Revoked), and the
    /// failures of the store.
    pub fn retire_old_secret<'s>(
        &'s self,
        organization: &'s OrganizationId,
        key: KeyId,
        by: impl Into<Author>,
    ) -> KeyChange<'s, S, St> {
        let by = by.into();
        KeyChange::new(self, "retired", async move {
            self.store().retire_old_secret(organization, key, self.attribute(by)).await
        })
    }

    /// Switches a key off, until it is [`enabled`](Self::enable) again. It keeps its slot.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`Conflict::Revoked`](keyfob_store::Conflict::Revoked), and the
    /// failures of the store.
    pub fn disable<'s>(
        &'s self,
        organization: &'s OrganizationId,
        key: KeyId,
        by: impl Into<Author>,
    ) -> KeyChange<'s, S, St> {
        let by = by.into();
        KeyChange::new(self, "disabled", async move {
            self.store().switch(organization, key, Switch::Off, self.attribute(by)).await
        })
    }

    /// Switches a key on again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`Conflict::Revoked`](keyfob_store::Conflict::Revoked), and the
    /// failures of the store.
    pub fn enable<'s>(
        &'s self,
        organization: &'s OrganizationId,
        key: KeyId,
        by: impl Into<Author>,
    ) -> KeyChange<'s, S, St> {
        let by = by.into();
        KeyChange::new(self, "enabled", async move {
            self.store().switch(organization, key, Switch::On, self.attribute(by)).await
        })
    }

    /// Changes a key's name, scopes or expiry. The limit counts when this makes an expired key live
    /// again, and only then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`Conflict::Revoked`](keyfob_store::Conflict::Revoked),
    /// [`StoreError::LimitReached`], and the failures of the store.
    pub fn edit<'s>(
        &'s self,
        organization: &'s OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: impl Into<Author>,
    ) -> KeyChange<'s, S, St> {
        let by = by.into();
        KeyChange::new(self, "edited", async move {
            self.store().edit(organization, key, edit, limit, self.attribute(by)).await
        })
    }

    /// Deletes an organization: all its keys at once, for ever. One of the same id that comes later
    /// has nothing of it.
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: impl Into<Author> + Send,
    ) -> Result<(), StoreError> {
        let by = self.attribute(by.into());
        let Committed { position, .. } = self.store().delete_organization(organization, by).await?;
        let changed = Changed::Organization(organization.clone());
        self.apply(&Change { position, changed });
        Ok(())
    }

    /// Takes over keys of another system by their hashes, all or none. They verify with their old
    /// plaintext, if that is spelled as this service's format asks.
    ///
    /// # Errors
    /// [`ImportError`] for the first that can't be taken over; then none was.
    pub async fn import(
        &self,
        organization: &OrganizationId,
        keys: Vec<ImportKey<S>>,
        limit: KeyLimit,
        by: impl Into<Author> + Send,
    ) -> Result<Vec<KeyRecord>, ImportError> {
        let by = self.attribute(by.into());
        let format = *self.format();
        let new_key = |(index, key): (usize, ImportKey<S>)| {
            let internal = |error: EntropyError| StoreError::Internal(error.into());
            let id =
                new_key_id(by.at).map_err(|error| ImportError { index, error: internal(error) })?;
            let hint = key.hint.unwrap_or_else(|| format.blank_hint(key.environment));
            Ok(NewKey {
                id,
                organization: organization.clone(),
                name: key.name,
                environment: key.environment,
                scopes: key.scopes.into(),
                expires_at: key.expiry.at(by.at),
                secret: NewSecret { hash: key.hash, hint },
                idempotency: None,
            })
        };
        let keys = keys.into_iter().enumerate().map(new_key).collect::<Result<_, ImportError>>()?;
        let Committed { value: keys, position } = self.store().import(keys, limit, by).await?;
        for key in &keys {
            let hashes = key.secrets.iter().map(|secret| secret.hash).collect();
            self.apply(&Change { position, changed: Changed::Key { key: key.id, hashes } });
        }
        Ok(keys)
    }

    async fn renew(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        overlap: Duration,
        token: Option<IdempotencyToken>,
        by: Author,
    ) -> Result<IssuedOnce, RotateError> {
        if overlap > MOST_OVERLAP {
            return Err(RotateError::OverlapTooLong);
        }
        let environment = self.get(organization, key).await?.environment;
        let api_key = self.format().generate(environment)?;
        let by = self.attribute(by);
        let asked = ["rotate", &key.to_string(), &overlap.as_micros().to_string()];
        let rotation = Rotation {
            secret: NewSecret { hash: api_key.hash(), hint: api_key.hint() },
            overlap_ends: by.at.saturating_add(overlap),
            idempotency: token.map(|token| idempotency(token, fingerprint(&asked), by.at)),
        };
        let issued = self.store().rotate(organization, key, rotation, by).await?;
        Ok(self.issued("rotated", issued, api_key))
    }
}

/// A key of another system.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportKey<S> {
    /// SHA-256 of its plaintext.
    pub hash: KeyHash,
    /// What a list shall show of it, if that is known.
    pub hint: Option<KeyHint>,
    /// What a person calls it.
    pub name: KeyName,
    /// Live or test: it must be what its prefix says.
    pub environment: Environment,
    /// What it may do.
    pub scopes: ScopeSet<S>,
    /// When it stops being accepted.
    pub expiry: Expiry,
}

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The old secret would work on for too long.
    #[error("an old secret may work beside a new one for 7 days at most")]
    OverlapTooLong,
    /// There are no random bytes to make a secret of.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store did not do it: the key is not there, is revoked or has expired, its last rotation
    /// still goes on, the idempotency token was used for another request, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
