use core::fmt;
use core::marker::PhantomData;
use core::ops::{BitOr, BitOrAssign, Sub};
use core::str::FromStr;

use crate::{Scope, UnknownScope};

/// A set of scopes: a bitset of 128 places, by value, without allocation.
///
/// An empty set grants nothing. The bits are this process's own: what is stored or sent is the
/// list of names, so that reordering the enum can't change what a key may do.
///
/// ```
/// keyfob_core::scopes! { enum Scope { Read => "org:read", Write => "org:write" } }
/// use keyfob_core::ScopeSet;
///
/// let granted: ScopeSet<Scope> = "org:read".parse()?;
/// assert!(granted.contains(Scope::Read));
/// assert!(!granted.is_superset(Scope::Read | Scope::Write));
/// assert_eq!((Scope::set_of(&[Scope::Read, Scope::Write]) - granted).to_string(), "org:write");
/// # Ok::<(), keyfob_core::UnknownScope>(())
/// ```
pub struct ScopeSet<S> {
    /// Two words instead of a `u128`, whose alignment would pad every record that holds a set.
    words: [u64; 2],
    scope: PhantomData<fn() -> S>,
}

impl<S> ScopeSet<S> {
    /// The set that grants nothing.
    pub const EMPTY: Self = Self::of_bits(0);

    /// Whether it grants nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits() == 0
    }

    /// How many scopes it holds.
    #[must_use]
    pub const fn len(self) -> usize {
        self.bits().count_ones() as usize
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self::of_bits(self.bits() | other.bits())
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self::of_bits(self.bits() & other.bits())
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self::of_bits(self.bits() & !other.bits())
    }

    /// Whether it holds all of the other.
    #[must_use]
    pub const fn is_superset(self, other: Self) -> bool {
        other.difference(self).is_empty()
    }

    /// For `scopes!`, which can't call a trait's method in const position.
    #[doc(hidden)]
    #[must_use]
    pub const fn __of_index(index: usize) -> Self {
        // A shift by 128 or more would wrap around in a release build and name another scope.
        assert!(index < 128, "a service has at most 128 scopes");
        Self::of_bits(1 << index)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the halves of a u128 are its two words")]
    const fn of_bits(bits: u128) -> Self {
        Self { words: [bits as u64, (bits >> 64) as u64], scope: PhantomData }
    }

    const fn bits(self) -> u128 {
        self.words[0] as u128 | (self.words[1] as u128) << 64
    }
}

impl<S: Scope> ScopeSet<S> {
    /// Every scope of the service as it is compiled. It is a value, not a wildcard: a scope that is
    /// added later is not in it.
    #[must_use]
    pub fn all() -> Self {
        S::ALL.iter().copied().collect()
    }

    /// Whether it holds the scope.
    #[must_use]
    pub fn contains(self, scope: S) -> bool {
        self.is_superset(scope.into())
    }

    /// The same set with one more scope.
    #[must_use]
    pub fn with(self, scope: S) -> Self {
        self.union(scope.into())
    }

    /// Its scopes, in the order of declaration.
    #[must_use]
    pub fn iter(self) -> Scopes<S> {
        Scopes { rest: self }
    }

    /// Those of the names that this service knows. A stored name that it does not know grants
    /// nothing: the record keeps it for the release that does.
    #[must_use]
    pub fn from_known_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        names.into_iter().filter_map(|name| S::from_name(name).ok()).collect()
    }
}

/// The scopes of a set, in the order of declaration.
#[derive(Clone)]
pub struct Scopes<S> {
    rest: ScopeSet<S>,
}

impl<S: Scope> Iterator for Scopes<S> {
    type Item = S;

    fn next(&mut self) -> Option<S> {
        let index = self.rest.bits().trailing_zeros() as usize;
        let scope = S::ALL.get(index).copied()?;
        self.rest = self.rest - ScopeSet::__of_index(index);
        Some(scope)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len(), Some(self.rest.len()))
    }
}

impl<S: Scope> ExactSizeIterator for Scopes<S> {}

impl<S: Scope> core::iter::FusedIterator for Scopes<S> {}

impl<S: Scope> fmt::Debug for Scopes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scopes").field(&self.rest).finish()
    }
}

impl<S: Scope> IntoIterator for ScopeSet<S> {
    type Item = S;
    type IntoIter = Scopes<S>;

    fn into_iter(self) -> Scopes<S> {
        self.iter()
    }
}

impl<S: Scope> From<S> for ScopeSet<S> {
    fn from(scope: S) -> Self {
        Self::__of_index(scope.index())
    }
}

impl<S: Scope> FromIterator<S> for ScopeSet<S> {
    fn from_iter<I: IntoIterator<Item = S>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl<S: Scope> Extend<S> for ScopeSet<S> {
    fn extend<I: IntoIterator<Item = S>>(&mut self, scopes: I) {
        *self |= scopes.into_iter().collect();
    }
}

impl<S> BitOr for ScopeSet<S> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl<S> BitOrAssign for ScopeSet<S> {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl<S> Sub for ScopeSet<S> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.difference(other)
    }
}

/// The names, in the order of declaration, one space between them (RFC 6749 §3.3).
impl<S: Scope> fmt::Display for ScopeSet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl<S: Scope> FromStr for ScopeSet<S> {
    type Err = UnknownScope;

    /// Reads names with white space between them, in any order.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_ascii_whitespace().map(S::from_name).collect()
    }
}

// Not derived: a derive would ask the same of `S`, of which a set holds none.
impl<S> Clone for ScopeSet<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for ScopeSet<S> {}

impl<S> PartialEq for ScopeSet<S> {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl<S> Eq for ScopeSet<S> {}

impl<S> core::hash::Hash for ScopeSet<S> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.words.hash(state);
    }
}

impl<S> Default for ScopeSet<S> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// The set of names: `{"shield:read", "org:read"}`.
impl<S: Scope> fmt::Debug for ScopeSet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(S::name)).finish()
    }
}

#[cfg(feature = "serde")]
impl<S: Scope> serde::Serialize for ScopeSet<S> {
    fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_seq(self.iter().map(S::name))
    }
}

#[cfg(feature = "serde")]
impl<'de, S: Scope> serde::Deserialize<'de> for ScopeSet<S> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<S>(PhantomData<fn() -> S>);

        impl<'de, S: Scope> serde::de::Visitor<'de> for Names<S> {
            type Value = ScopeSet<S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scope names")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut names: A,
            ) -> Result<Self::Value, A::Error> {
                let mut set = ScopeSet::EMPTY;
                while let Some(name) = names.next_element::<alloc::string::String>()? {
                    set = set.with(S::from_name(&name).map_err(serde::de::Error::custom)?);
                }
                Ok(set)
            }

            fn visit_str<E: serde::de::Error>(self, _text: &str) -> Result<Self::Value, E> {
                Err(E::invalid_type(serde::de::Unexpected::Other("a string"), &self))
            }
        }

        // A reader that is asked for a list and finds a text quotes the text in its error, and it
        // could be a key in the wrong field. Asked for anything, it leaves the error to the visitor.
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Names(PhantomData))
        } else {
            deserializer.deserialize_seq(Names(PhantomData))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The enum that `scopes!` writes can't have one; an implementation by hand could.
    #[test]
    #[should_panic(expected = "at most 128 scopes")]
    fn index_beyond_the_last_place_is_no_other_scope() {
        let _ = ScopeSet::<()>::__of_index(128);
    }
}
