use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};

use crate::public_url::PublicUrl;

/// How browsers reach the pages. By it go which origin is this site's, how cookies are sent, and
/// from which address somebody signs in.
#[derive(Clone, Debug)]
pub(crate) enum Front {
    /// On this machine, without TLS, which would protect nothing.
    Loopback,
    /// From elsewhere. Where TLS ends is not known; that it must be there is.
    Network,
    /// Through a proxy that ends TLS.
    Proxy(PublicUrl),
}

impl Front {
    pub(crate) fn new(listens_on: SocketAddr, public_url: Option<PublicUrl>) -> Self {
        match public_url {
            Some(url) => Self::Proxy(url),
            None if listens_on.ip().is_loopback() => Self::Loopback,
            None => Self::Network,
        }
    }

    /// Whether a page of this origin is one of this site's.
    pub(super) fn is_origin(&self, origin: &str, headers: &HeaderMap) -> bool {
        if let Self::Proxy(url) = self {
            // A proxy may have put its own name for this server into `Host`.
            return origin.eq_ignore_ascii_case(url.origin());
        }
        let host =
            headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
        !host.is_empty() && authority.eq_ignore_ascii_case(host)
    }

    /// Where a browser that sent these headers finds this site, for an address that is handed on.
    /// `Host` is what that browser asked for, and nobody else gets to see what is made of it.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Option<String> {
        let host = || headers.get(header::HOST)?.to_str().ok().filter(|host| !host.is_empty());
        match self {
            Self::Proxy(url) => Some(url.origin().to_owned()),
            Self::Loopback => host().map(|host| format!("http://{host}")),
            Self::Network => host().map(|host| format!("https://{host}")),
        }
    }

    /// The address that somebody comes from. A proxy on this machine is believed about the one that
    /// it names last, which is the one that it has seen itself; nobody else is.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let named = || {
            let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            last.rsplit(',').next()?.trim().parse().ok()
        };
        match self {
            Self::Proxy(_) if peer.ip().is_loopback() => named().unwrap_or(peer.ip()),
            _ => peer.ip(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn proxy() -> Front {
        Front::Proxy("https://keys.example.com".parse().unwrap())
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn only_what_stays_on_this_machine_goes_without_tls() {
        let front = |address: &str| Front::new(address.parse().unwrap(), None);
        for here in ["127.0.0.1:80", "[::1]:80"] {
            assert!(matches!(front(here), Front::Loopback), "{here}");
        }
        for anywhere in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80"] {
            assert!(matches!(front(anywhere), Front::Network), "{anywhere}");
        }
    }

    #[test]
    fn origin_behind_a_proxy_is_the_public_one_and_no_other() {
        let renamed = headers(&[("host", "127.0.0.1:8080")]);
        assert!(proxy().is_origin("https://keys.example.com", &renamed));
        for other in ["http://keys.example.com", "http://127.0.0.1:8080", "https://evil.example"] {
            assert!(!proxy().is_origin(other, &renamed), "{other}");
        }
    }

    #[test]
    fn address_that_is_handed_on_is_the_one_that_browsers_use() {
        let asked = headers(&[("host", "127.0.0.1:8080")]);
        let origin = |front: &Front| front.origin(&asked);
        assert_eq!(origin(&Front::Loopback).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(origin(&Front::Network).unwrap(), "https://127.0.0.1:8080");
        assert_eq!(origin(&proxy()).unwrap(), "https://keys.example.com");
        assert_eq!(Front::Loopback.origin(&HeaderMap::new()), None);
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed_about_the_client() {
        let forwarded = headers(&[("x-forwarded-for", "203.0.113.9, 198.51.100.7")]);
        let (here, elsewhere) = ("127.0.0.1:9".parse().unwrap(), "192.0.2.1:9".parse().unwrap());
        let text = |front: &Front, peer| front.client(peer, &forwarded).to_string();
        assert_eq!(text(&proxy(), here), "198.51.100.7");
        assert_eq!(text(&proxy(), elsewhere), "192.0.2.1");
        assert_eq!(text(&Front::Loopback, here), "127.0.0.1");
        assert_eq!(proxy().client(here, &HeaderMap::new()).to_string(), "127.0.0.1");
    }
}
