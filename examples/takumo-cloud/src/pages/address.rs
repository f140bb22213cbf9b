//! Addresses of pages with parameters.

/// The path with these parameters, each encoded so that it is read as it was.
pub(super) fn address(path: &str, parameters: &[(&str, String)]) -> String {
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { path.into() } else { format!("{path}?{}", pairs.join("&")) }
}

/// RFC 3986, section 2.3: what is not reserved stands for itself.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
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
