use keyfob_store::{Action, Attribution, Committed, OrganizationId, StoreError};
use rusqlite::params;

use super::Writes;
use crate::sqlite_error::store_error;

/// A new epoch. All that bears the one before is out of reach by that, however much it is.
pub(super) const DELETE: &str = "INSERT INTO {prefix}organizations (organization, epoch) \
     VALUES (?1, ?2) ON CONFLICT (organization) DO UPDATE SET epoch = excluded.epoch";

impl Writes<'_> {
    pub(crate) fn delete_organization(
        &mut self,
        organization: &OrganizationId,
        by: &Attribution,
    ) -> Result<Committed<()>, StoreError> {
        let position = self.log_organization(organization, &Action::ORGANIZATION_DELETED, by)?;
        let epoch = i64::try_from(position.get())
            .map_err(|_| StoreError::corrupt("a position of the log beyond 64 bits"))?;
        let values = params![organization.as_str(), epoch];
        self.delete_organization.execute(values).map_err(store_error)?;
        Ok(Committed { value: (), position })
    }
}
