use std::fmt;

use http::HeaderValue;

use crate::Rejection;

/// The name of what is protected, told in every challenge: `WWW-Authenticate: Bearer realm="api"`.
///
/// ```
/// use keyfob_tower::Realm;
///
/// const REALM: Realm = Realm::new("takumo");
/// # let _ = REALM;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realm(&'static str);

impl Realm {
    /// A realm of this name.
    ///
    /// # Panics
    /// Unless the name is printable ASCII without `"` and `\`, which would have to be quoted (RFC
    /// 9110 §5.6.4). In const position that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            assert!(
                matches!(bytes[i], b' '..=b'~') && bytes[i] != b'"' && bytes[i] != b'\\',
                "a realm is printable ASCII without quotation marks and backslashes"
            );
            i += 1;
        }
        Self(name)
    }
}

/// `api`.
impl Default for Realm {
    fn default() -> Self {
        Self::new("api")
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What tells a client how to authenticate (RFC 6750 §3, RFC 9110 §11.6.1), or nothing where
/// another key would not help.
pub(crate) fn challenge(rejection: &Rejection, realm: Realm) -> Option<HeaderValue> {
    if !rejection.status().is_client_error() {
        return None;
    }
    let error = rejection.code().map(|code| format!(", error=\"{code}\"")).unwrap_or_default();
    let scope = rejection.scope().map(|scope| format!(", scope=\"{scope}\"")).unwrap_or_default();
    let text = format!("Bearer realm=\"{realm}\"{error}{scope}");
    Some(text.try_into().expect("realm, code and scope are checked to be printable ASCII"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob::{Refusal, ScopeNames};

    #[test]
    fn realm_needs_no_quoting() {
        assert_eq!(Realm::new("My API, v2").to_string(), "My API, v2");
        for bad in ["a\"b", "a\\b", "a\nb", "é"] {
            assert!(std::panic::catch_unwind(|| Realm::new(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn challenge_has_the_form_of_rfc_6750() {
        let challenge = |rejection| {
            let value = challenge(&rejection, Realm::default())?;
            Some(value.to_str().unwrap().to_owned())
        };
        let required = ScopeNames::parse("org:read org:write").unwrap();
        assert_eq!(challenge(Rejection::NoCredential).unwrap(), r#"Bearer realm="api""#);
        assert_eq!(
            challenge(Refusal::Unknown.into()).unwrap(),
            r#"Bearer realm="api", error="invalid_token""#
        );
        assert_eq!(
            challenge(Refusal::MissingScope { required }.into()).unwrap(),
            r#"Bearer realm="api", error="insufficient_scope", scope="org:read org:write""#
        );
        assert_eq!(challenge(Rejection::LayerMissing), None);
    }
}
