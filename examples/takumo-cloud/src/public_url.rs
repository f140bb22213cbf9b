use std::fmt;
use std::str::FromStr;

use axum::http::uri::Authority;

/// The URL by which browsers reach the pages when something stands in front of the server that
/// ends TLS: `https://keys.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// In lower case, without a port that is the scheme's own, as a browser writes an origin.
    origin: String,
}

impl PublicUrl {
    /// The origin of every page: scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let url = url.to_ascii_lowercase();
        let authority = url.strip_prefix("https://").ok_or(InvalidPublicUrl)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let parsed: Authority = authority.parse().map_err(|_| InvalidPublicUrl)?;
        let host = parsed.host();
        let port = authority.strip_prefix(host).filter(|_| !host.is_empty());
        let origin = match port.ok_or(InvalidPublicUrl)? {
            "" | ":443" => format!("https://{host}"),
            port => {
                let number: Option<u16> = port.strip_prefix(':').and_then(|port| port.parse().ok());
                format!("https://{host}:{}", number.ok_or(InvalidPublicUrl)?)
            }
        };
        Ok(Self { origin })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.origin)
    }
}

/// The text is no URL that the pages can be reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public URL is https:// and a host, with a port if need be, and nothing else")]
pub struct InvalidPublicUrl;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_url_is_an_origin_as_browsers_write_it() {
        for (url, origin) in [
            ("https://keys.example.com", "https://keys.example.com"),
            ("https://Keys.Example.com/", "https://keys.example.com"),
            ("HTTPS://keys.example.com:443", "https://keys.example.com"),
            ("https://keys.example.com:8443", "https://keys.example.com:8443"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(url.parse::<PublicUrl>().unwrap().origin(), origin);
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for url in [
            "",
            "keys.example.com",
            "http://keys.example.com",
            "https://",
            "https://keys.example.com/takumo",
            "https://keys.example.com?x",
            "https://user@keys.example.com",
            "https://keys.example.com:",
            "https://keys.example.com:99999",
            "https://keys example.com",
        ] {
            assert_eq!(url.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{url}");
        }
    }
}
