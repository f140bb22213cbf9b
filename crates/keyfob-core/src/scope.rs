use alloc::string::String;
use core::fmt;

/// What a key may do: one value of the embedder's own enum, named `resource:action`.
///
/// [`scopes!`](crate::scopes) writes the implementation, and checks at compile time what a
/// [`ScopeSet`](crate::ScopeSet) relies on: at most 128 scopes, and each name once.
pub trait Scope: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// Every scope, in the order of declaration.
    const ALL: &'static [Self];

    /// The name, such as `shield:read`. It is what stores keep and clients see, so it never changes;
    /// the order of the enum may.
    fn name(self) -> &'static str;

    /// The place in [`ALL`](Self::ALL), below 128. It means nothing outside this process.
    fn index(self) -> usize;

    /// The scope of this name.
    ///
    /// # Errors
    /// [`UnknownScope`] when there is none.
    fn from_name(name: &str) -> Result<Self, UnknownScope> {
        let named = Self::ALL.iter().copied().find(|scope| scope.name() == name);
        named.ok_or_else(|| UnknownScope::new(name))
    }
}

/// Declares the scopes of a service: an enum, its names, and its [`Scope`](crate::Scope).
///
/// A name is `resource:action`, each part 1 or more of `[a-z0-9_-]`. More than 128 scopes, a
/// malformed name and a name given twice do not compile.
///
/// ```
/// keyfob_core::scopes! {
///     /// What a key may do.
///     pub enum Scope {
///         /// Read scan results.
///         ShieldRead => "shield:read",
///         /// Run scans.
///         ShieldWrite => "shield:write",
///     }
/// }
/// use keyfob_core::Scope as _;
/// assert_eq!(Scope::ShieldRead.name(), "shield:read");
/// assert_eq!("shield:write".parse(), Ok(Scope::ShieldWrite));
/// ```
///
/// ```compile_fail,E0080
/// keyfob_core::scopes! { enum Scope { A => "shield:read", B => "shield:read" } }
/// ```
///
/// ```compile_fail,E0080
/// keyfob_core::scopes! { enum Scope { A => "shield" } }
/// ```
#[macro_export]
macro_rules! scopes {
    (
        $(#[$meta:meta])*
        $vis:vis enum $Enum:ident {
            $( $(#[$variant_meta:meta])* $Variant:ident => $name:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $Enum {
            $( $(#[$variant_meta])* $Variant ),+
        }

        const _: () = $crate::__private::check_names(&[$($name),+]);

        impl $Enum {
            /// These scopes as a set, in const position too.
            #[must_use]
            #[allow(dead_code)]
            $vis const fn set_of(scopes: &[Self]) -> $crate::ScopeSet<Self> {
                let mut set = $crate::ScopeSet::EMPTY;
                let mut i = 0;
                while i < scopes.len() {
                    set = set.union($crate::ScopeSet::__of_index(scopes[i] as usize));
                    i += 1;
                }
                set
            }
        }

        impl $crate::Scope for $Enum {
            const ALL: &'static [Self] = &[$(Self::$Variant),+];

            fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name),+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }

        impl ::core::ops::BitOr for $Enum {
            type Output = $crate::ScopeSet<Self>;

            fn bitor(self, other: Self) -> Self::Output {
                Self::set_of(&[self, other])
            }
        }

        impl ::core::fmt::Display for $Enum {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad($crate::Scope::name(*self))
            }
        }

        impl ::core::str::FromStr for $Enum {
            type Err = $crate::UnknownScope;

            fn from_str(name: &str) -> ::core::result::Result<Self, Self::Err> {
                <Self as $crate::Scope>::from_name(name)
            }
        }

        $crate::__impl_scope_serde!($Enum);
    };
}

#[doc(hidden)]
#[cfg(not(feature = "serde"))]
#[macro_export]
macro_rules! __impl_scope_serde {
    ($Enum:ident) => {};
}

#[doc(hidden)]
#[cfg(feature = "serde")]
#[macro_export]
macro_rules! __impl_scope_serde {
    ($Enum:ident) => {
        impl<'de> $crate::__private::serde::Deserialize<'de> for $Enum {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::__private::deserialize_text(deserializer, "the name of a scope")
            }
        }

        impl $crate::__private::serde::Serialize for $Enum {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::Scope::name(*self))
            }
        }
    };
}

/// Fails the build on what a `ScopeSet` could not hold or a reader could not tell apart.
#[doc(hidden)]
pub const fn check_names(names: &[&str]) {
    assert!(names.len() <= 128, "a service has at most 128 scopes");
    let mut i = 0;
    while i < names.len() {
        assert!(
            is_scope_name(names[i].as_bytes()),
            "a scope is named resource:action, of [a-z0-9_-]"
        );
        let mut j = 0;
        while j < i {
            assert!(!equal(names[i].as_bytes(), names[j].as_bytes()), "two scopes have one name");
            j += 1;
        }
        i += 1;
    }
}

const fn is_scope_name(name: &[u8]) -> bool {
    let mut colon = None;
    let mut i = 0;
    while i < name.len() {
        match name[i] {
            b':' if colon.is_none() => colon = Some(i),
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => {}
            _ => return false,
        }
        i += 1;
    }
    matches!(colon, Some(at) if at > 0 && at + 1 < name.len())
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// No scope of the service has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownScope {
    name: Option<String>,
}

impl UnknownScope {
    const LONGEST_QUOTED: usize = 32;

    /// Keeps the name for the message if it could be a scope's or a wildcard. Anything else stays
    /// out of it: a key pasted in a scope's place has no colon and more than 32 bytes.
    pub(crate) fn new(name: &str) -> Self {
        let wildcards_named = name.replace('*', "x");
        let quotable =
            name.len() <= Self::LONGEST_QUOTED && is_scope_name(wildcards_named.as_bytes());
        Self { name: quotable.then(|| String::from(name)) }
    }

    /// The name that was asked for, if it has the shape of one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "there is no scope named {name:?}"),
            None => f.write_str("a scope is named resource:action, such as shield:read"),
        }
    }
}

impl core::error::Error for UnknownScope {}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn scope_name_is_resource_and_action() {
        for good in ["a:b", "shield:read", "key_2:re-issue"] {
            assert!(is_scope_name(good.as_bytes()), "{good}");
        }
        for bad in ["", ":", "a:", ":b", "ab", "a:b:c", "A:b", "a:*", "a b:c", "é:b"] {
            assert!(!is_scope_name(bad.as_bytes()), "{bad}");
        }
    }

    // The three panics are what fails the build of a bad `scopes!`: its examples show that they do.

    #[test]
    #[should_panic(expected = "a service has at most 128 scopes")]
    fn more_than_128_scopes_panic() {
        check_names(&["a:b"; 129]);
    }

    #[test]
    #[should_panic(expected = "a scope is named resource:action")]
    fn malformed_name_panics() {
        check_names(&["shield:read", "shield"]);
    }

    #[test]
    #[should_panic(expected = "two scopes have one name")]
    fn repeated_name_panics() {
        check_names(&["shield:read", "org:read", "shield:read"]);
    }

    #[test]
    fn only_what_could_be_a_scope_is_quoted() {
        assert_eq!(UnknownScope::new("shield:raed").name(), Some("shield:raed"));
        assert_eq!(UnknownScope::new("billing:*").name(), Some("billing:*"));
        let key = format!("tk_live_{}", "0123456789abcdef".repeat(4));
        for secret in [&key[..], &key[..24], &format!("key:{key}"), "a b:c", "é:b"] {
            assert_eq!(UnknownScope::new(secret).name(), None);
            assert!(!UnknownScope::new(secret).to_string().contains("0123"));
        }
    }
}
