//! Addresses of pages with parameters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The path with these parameters, each encoded so that it is read as it was.
pub(super) fn address(path: &str, parameters: &[(&str, String)]) -> String {
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { path.into() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Every byte but the unreserved ones of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_can_not_become_another() {
        let parameters = [("q", "a&b=c #é".to_owned()), ("status", "active".to_owned())];
        assert_eq!(address("/x", &parameters), "/x?q=a%26b%3Dc%20%23%C3%A9&status=active");
        assert_eq!(address("/x", &[]), "/x");
    }
}
