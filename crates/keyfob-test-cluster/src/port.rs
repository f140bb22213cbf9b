use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Where servers listen: below the ports that Linux gives to outgoing connections, so that none of
/// those takes a server's port while the server is down.
const FIRST: u16 = 16_000;
const COUNT: u16 = 16_000;

/// A port of the loopback that nobody listens on now.
///
/// No two calls of a process give the same. Another process may be faster to listen on it, which
/// whoever starts a server copes with: it starts again on the next.
pub(crate) fn free() -> u16 {
    /// Processes begin at different places.
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let random = RandomState::new().hash_one(std::process::id());
        AtomicU16::new(u16::try_from(random % u64::from(COUNT)).expect("less than COUNT"))
    });
    loop {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_that_is_listened_on_is_not_free() {
        let ports: Vec<_> = (0..50).map(|_| free()).collect();
        for (index, port) in ports.iter().enumerate() {
            assert!(!ports[..index].contains(port), "{port} twice");
        }
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, free())).unwrap();
        let taken = taken.local_addr().unwrap().port();
        assert!((0..50).all(|_| free() != taken));
    }
}
