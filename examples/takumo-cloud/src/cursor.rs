//! Where the next page of a list begins, as text that means nothing to a client.

use keyfob::{FeedPosition, KeyId};
use sha2::{Digest, Sha256};

use crate::db::Tenant;

/// The lists that have pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Keys,
    Events,
    Scans,
    Gateways,
    Policies,
}

/// A place in a list: what its pages are `after`.
pub(crate) trait Place: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// Writes a cursor: the place, and a checksum of it with the list and the tenant it belongs to.
///
/// The checksum keeps honest clients from mixing up their cursors. It is no protection and needs
/// none: whatever place a cursor names, a list holds the caller's own rows only.
pub(crate) fn encode(list: List, tenant: &Tenant, place: &impl Place) -> String {
    let mut bytes = place.to_bytes();
    let checksum = checksum(list, tenant, &bytes);
    bytes.extend(checksum);
    hex::encode(bytes)
}

/// Reads a cursor back.
pub(crate) fn decode<P: Place>(
    list: List,
    tenant: &Tenant,
    cursor: &str,
) -> Result<P, InvalidCursor> {
    if cursor.len() > LONGEST {
        return Err(InvalidCursor);
    }
    let bytes = hex::decode(cursor).map_err(|_| InvalidCursor)?;
    let (place, found) = bytes.split_last_chunk::<CHECKSUM>().ok_or(InvalidCursor)?;
    if *found != checksum(list, tenant, place) {
        return Err(InvalidCursor);
    }
    P::from_bytes(place).ok_or(InvalidCursor)
}

const CHECKSUM: usize = 8;
/// In digits: the longest place is a policy's name.
const LONGEST: usize = 512;

fn checksum(list: List, tenant: &Tenant, place: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = Sha256::new();
    // Neither an organization's id nor the words around it can hold a line feed.
    let binding = format!("{list:?}\n{}\n{}\n", tenant.organization, tenant.environment);
    hasher.update(binding);
    hasher.update(place);
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&hasher.finalize()[..CHECKSUM]);
    checksum
}

impl Place for KeyId {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_bytes)
    }
}

impl Place for FeedPosition {
    fn to_bytes(&self) -> Vec<u8> {
        self.get().to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self::new)
    }
}

impl Place for i64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Place for String {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}

/// The text is no cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use a `next_cursor` that this list has answered, unchanged")]
pub(crate) struct InvalidCursor;

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob::{Environment, OrganizationId};

    fn tenant(organization: &str, environment: Environment) -> Tenant {
        Tenant { organization: OrganizationId::new(organization).unwrap(), environment }
    }

    #[test]
    fn cursor_reads_back_in_its_own_list_only() {
        let demo = tenant("demo", Environment::Live);
        let cursor = encode(List::Scans, &demo, &42_i64);
        assert_eq!(decode(List::Scans, &demo, &cursor), Ok(42_i64));
        let wrong = Err::<i64, _>(InvalidCursor);
        assert_eq!(decode(List::Gateways, &demo, &cursor), wrong);
        assert_eq!(decode(List::Scans, &tenant("demo2", Environment::Live), &cursor), wrong);
        assert_eq!(decode(List::Scans, &tenant("demo", Environment::Test), &cursor), wrong);
    }

    #[test]
    fn garbage_is_no_cursor() {
        let demo = tenant("demo", Environment::Live);
        let good = encode(List::Policies, &demo, &String::from("pii"));
        let cut = &good[..good.len() - 2];
        for bad in ["", "zz", "00", "é", cut, &good.replace('7', "8"), &"00".repeat(300)] {
            let bad_is_bad = bad == good || decode::<String>(List::Policies, &demo, bad).is_err();
            assert!(bad_is_bad, "{bad}");
        }
    }
}
