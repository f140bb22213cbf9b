use std::borrow::Borrow;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::Rejection;

/// The header that holds a key and nothing else.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a request presents as its key: the bytes, exactly as they were sent.
///
/// `V` is a header value, borrowed from the request or shared with it; the key is never copied.
pub(crate) struct Credential<V> {
    value: V,
    start: usize,
}

impl<'h> Credential<&'h HeaderValue> {
    /// Finds the credential in a request's headers, and marks it as sensitive there, so that
    /// whoever prints the headers after this prints `Sensitive`.
    ///
    /// Every `Authorization` and every `X-API-Key` header is a credential, whatever it holds. Of
    /// two, neither is chosen: what checks one and what acts on the other must not differ.
    pub(crate) fn find(headers: &'h mut HeaderMap) -> Result<Option<Self>, Rejection> {
        let mut found = None;
        let mut credentials = 0;
        for (name, value) in headers {
            let is_authorization = *name == AUTHORIZATION;
            if is_authorization || *name == X_API_KEY {
                value.set_sensitive(true);
                credentials += 1;
                found = Some((is_authorization, &*value));
            }
        }
        match found {
            _ if credentials > 1 => Err(Rejection::TwoCredentials),
            None => Ok(None),
            Some((false, value)) => Ok(Some(Self { value, start: 0 })),
            Some((true, value)) => match key_start(value.as_bytes()) {
                Some(start) => Ok(Some(Self { value, start })),
                None => Err(Rejection::UnsupportedScheme),
            },
        }
    }

    /// The same, without the borrow.
    pub(crate) fn cloned(&self) -> Credential<HeaderValue> {
        Credential { value: self.value.clone(), start: self.start }
    }
}

impl<V: Borrow<HeaderValue>> AsRef<[u8]> for Credential<V> {
    fn as_ref(&self) -> &[u8] {
        &self.value.borrow().as_bytes()[self.start..]
    }
}

/// Where the key starts in an `Authorization` header of the `Bearer` scheme: after the scheme, in
/// any case, and one or more spaces (RFC 9110 §11.4). A scheme alone presents an empty key.
fn key_start(authorization: &[u8]) -> Option<usize> {
    const SCHEME: &[u8] = b"Bearer";

    let (scheme, rest) = authorization.split_at_checked(SCHEME.len())?;
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let scheme_ends = spaces > 0 || rest.is_empty();
    (scheme.eq_ignore_ascii_case(SCHEME) && scheme_ends).then_some(SCHEME.len() + spaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Found {
        Nothing,
        Key(Vec<u8>),
        OtherScheme,
        Two,
    }

    fn find(headers: &[(HeaderName, &[u8])]) -> Found {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        match Credential::find(&mut map) {
            Ok(None) => Found::Nothing,
            Ok(Some(credential)) => Found::Key(credential.as_ref().to_vec()),
            Err(Rejection::UnsupportedScheme) => Found::OtherScheme,
            Err(Rejection::TwoCredentials) => Found::Two,
            Err(other) => panic!("{other:?}"),
        }
    }

    fn presents(key: &[u8]) -> Found {
        Found::Key(key.to_vec())
    }

    #[test]
    fn bearer_is_read_in_any_case_and_after_any_spaces() {
        for text in ["Bearer k", "bearer k", "BEARER k", "bEaReR     k"] {
            assert_eq!(find(&[(AUTHORIZATION, text.as_bytes())]), presents(b"k"), "{text}");
        }
    }

    #[test]
    fn key_is_what_follows_untrimmed() {
        assert_eq!(find(&[(AUTHORIZATION, b"Bearer k ")]), presents(b"k "));
        assert_eq!(find(&[(AUTHORIZATION, b"Bearer k1, k2")]), presents(b"k1, k2"));
        assert_eq!(find(&[(AUTHORIZATION, b"Bearer \xff")]), presents(b"\xff"));
        assert_eq!(find(&[(X_API_KEY, b" k ")]), presents(b" k "));
        assert_eq!(find(&[(X_API_KEY, b"Bearer k")]), presents(b"Bearer k"));
    }

    #[test]
    fn scheme_or_header_without_key_presents_an_empty_one() {
        for text in ["Bearer", "Bearer ", "bearer   "] {
            assert_eq!(find(&[(AUTHORIZATION, text.as_bytes())]), presents(b""), "{text:?}");
        }
        assert_eq!(find(&[(X_API_KEY, b"")]), presents(b""));
    }

    #[test]
    fn other_schemes_are_not_read() {
        for text in ["", "Basic k", "Bearerk", "Bearer\tk", "Bearer=k", "Beare", " Bearer k", "k"] {
            assert_eq!(find(&[(AUTHORIZATION, text.as_bytes())]), Found::OtherScheme, "{text:?}");
        }
    }

    #[test]
    fn no_header_is_no_credential() {
        let cookie = HeaderName::from_static("cookie");
        assert_eq!(find(&[(cookie, b"Authorization=Bearer k; X-API-Key=k")]), Found::Nothing);
    }

    #[test]
    fn two_credentials_are_refused_whatever_they_hold() {
        let bearer = (AUTHORIZATION, b"Bearer k".as_slice());
        let basic = (AUTHORIZATION, b"Basic k".as_slice());
        let api_key = (X_API_KEY, b"k".as_slice());
        let empty = (X_API_KEY, b"".as_slice());
        for first in [&bearer, &basic, &api_key, &empty] {
            for second in [&bearer, &basic, &api_key, &empty] {
                let both = [first.clone(), second.clone()];
                assert_eq!(find(&both), Found::Two, "{both:?}");
            }
        }
    }

    #[test]
    fn every_credential_is_marked_sensitive_and_nothing_else() {
        let accept = HeaderName::from_static("accept");
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        headers.append(X_API_KEY, HeaderValue::from_static("c"));
        headers.append(&accept, HeaderValue::from_static("*/*"));
        assert!(Credential::find(&mut headers).is_err());
        for (name, value) in &headers {
            assert_eq!(value.is_sensitive(), *name != accept, "{name}");
        }
        assert_eq!(headers.len(), 4);
    }

    fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
        // What a `HeaderValue` can hold: no control characters but the tab.
        let byte = any::<u8>().prop_filter("allowed", |b| *b == b'\t' || (*b >= 32 && *b != 127));
        prop::collection::vec(byte, 0..100)
    }

    proptest! {
        #[test]
        fn any_key_is_read_as_it_was_sent(key in header_bytes(), spaces in 1..5_usize) {
            prop_assert_eq!(find(&[(X_API_KEY, &key)]), presents(&key));

            prop_assume!(key.first() != Some(&b' '));
            let bearer = [b"Bearer", b" ".repeat(spaces).as_slice(), &key].concat();
            prop_assert_eq!(find(&[(AUTHORIZATION, &bearer)]), presents(&key));
        }

        #[test]
        fn only_bearer_is_ever_read(value in header_bytes()) {
            let is_bearer = value.len() >= 6
                && value[..6].eq_ignore_ascii_case(b"bearer")
                && value.get(6).is_none_or(|byte| *byte == b' ');
            prop_assert_eq!(find(&[(AUTHORIZATION, &value)]) == Found::OtherScheme, !is_bearer);
        }
    }
}
