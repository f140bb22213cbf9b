//! The checks, a file for each family. A new rule of the contract gets a file here, a line in
//! [`checks`], and a fault for each of its checks in `tests/proof`.

use crate::check::Check;

mod changes_logged;
mod changes_refused;
mod changes_told;
mod delete_organization;
mod deleted_events;
mod duplicates;
mod durability;
mod edit;
mod errors;
mod events;
mod feed;
mod feed_races;
mod find;
mod idempotency;
mod import;
mod insert;
mod list;
mod list_races;
mod new_organization;
mod nodes;
mod positions;
mod races;
mod retire;
mod revoke;
mod rotate;
mod rotate_races;
mod rotate_tokens;
mod switch;
mod tenancy;
mod usage;
mod usage_batches;
mod usage_queries;
mod values;

/// Every check, in the order of the contract.
pub(crate) fn checks() -> impl Iterator<Item = &'static Check> {
    [
        insert::CHECKS,
        duplicates::CHECKS,
        idempotency::CHECKS,
        races::CHECKS,
        import::CHECKS,
        find::CHECKS,
        tenancy::CHECKS,
        revoke::CHECKS,
        changes_refused::CHECKS,
        switch::CHECKS,
        edit::CHECKS,
        list::CHECKS,
        list_races::CHECKS,
        events::CHECKS,
        changes_logged::CHECKS,
        feed::CHECKS,
        feed_races::CHECKS,
        changes_told::CHECKS,
        positions::CHECKS,
        durability::CHECKS,
        values::CHECKS,
        errors::CHECKS,
        rotate::CHECKS,
        rotate_tokens::CHECKS,
        rotate_races::CHECKS,
        retire::CHECKS,
        usage::CHECKS,
        usage_batches::CHECKS,
        usage_queries::CHECKS,
        delete_organization::CHECKS,
        new_organization::CHECKS,
        deleted_events::CHECKS,
        nodes::CHECKS,
    ]
    .into_iter()
    .flatten()
}
