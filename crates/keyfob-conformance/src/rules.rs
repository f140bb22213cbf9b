//! The checks, a file for each family. A new rule of the contract gets a file here, a line in
//! [`checks`], and a fault for each of its checks in `tests/proof`.

use crate::check::Check;

mod duplicates;
mod durability;
mod errors;
mod events;
mod feed;
mod feed_races;
mod find;
mod idempotency;
mod insert;
mod list;
mod list_races;
mod positions;
mod races;
mod revoke;
mod tenancy;
mod values;

/// Every check, in the order of the contract.
pub(crate) fn checks() -> impl Iterator<Item = &'static Check> {
    [
        insert::CHECKS,
        duplicates::CHECKS,
        idempotency::CHECKS,
        races::CHECKS,
        find::CHECKS,
        tenancy::CHECKS,
        revoke::CHECKS,
        list::CHECKS,
        list_races::CHECKS,
        events::CHECKS,
        feed::CHECKS,
        feed_races::CHECKS,
        positions::CHECKS,
        durability::CHECKS,
        values::CHECKS,
        errors::CHECKS,
    ]
    .into_iter()
    .flatten()
}
