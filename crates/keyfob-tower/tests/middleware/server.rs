use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use keyfob::{Environment, KeyService};
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey, require_scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{FORMAT, Keys, Scope, ToldStore, clock};

/// An axum server on a socket of this machine, which takes live keys only.
pub(crate) struct Server {
    pub(crate) store: ToldStore,
    pub(crate) keys: Keys,
    address: SocketAddr,
    handled: Arc<AtomicUsize>,
}

/// A response as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, without `date`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let store = ToldStore::new();
        let keys = KeyService::builder(FORMAT, store.clone())
            .with_clock(clock())
            .with_environment(Environment::Live)
            .build();
        let handled = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app(&keys, &handled);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { store, keys, address, handled }
    }

    /// How many requests reached a handler.
    pub(crate) fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    /// Sends a request with these header lines, byte for byte.
    pub(crate) async fn get(&self, target: &str, headers: impl AsRef<[u8]>) -> Answer {
        let mut request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n").into_bytes();
        request.extend_from_slice(headers.as_ref());
        request.extend_from_slice(b"\r\nconnection: close\r\n\r\n");

        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        Answer::parse(&String::from_utf8(response).unwrap())
    }
}

fn app(keys: &Keys, handled: &Arc<AtomicUsize>) -> Router {
    let count = |name: &'static str| {
        let handled = Arc::clone(handled);
        move || {
            handled.fetch_add(1, Ordering::SeqCst);
            async move { name }
        }
    };
    let whoami = {
        let handled = Arc::clone(handled);
        async move |key: Option<AuthenticatedKey<Scope>>| {
            handled.fetch_add(1, Ordering::SeqCst);
            key.map_or_else(|| "nobody".to_owned(), |key| key.organization.to_string())
        }
    };
    let guarded = Router::new()
        .route("/scans", get(count("scans")))
        .route_layer(require_scope(Scope::Write))
        .route("/whoami", get(whoami.clone()))
        .layer(ApiKeyLayer::new(keys.clone()));
    let optional = Router::new()
        .route("/greeting", get(whoami))
        .layer(ApiKeyLayer::new(keys.clone()).optional());
    guarded.merge(optional)
}

impl Answer {
    fn parse(response: &str) -> Self {
        let (head, body) = response.split_once("\r\n\r\n").expect("a whole response");
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .filter(|(name, _)| name != "date")
            .collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether the text stands anywhere in it.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.body.contains(text) || self.headers.iter().any(|(_, value)| value.contains(text))
    }
}
