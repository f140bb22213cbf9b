//! A gRPC server of tonic, over a socket.

use http::request::Parts;
use http::{Response, StatusCode};
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey, Rejection};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{BoxStream, tokio_stream::wrappers::TcpListenerStream};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::{Keys, Scope, ToldStore, create, good_key, keys};

/// Serves whoever has a key: 1, which the protocol calls `SERVING`.
struct WithKey;

#[tonic::async_trait]
impl Health for WithKey {
    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        let key = request.extensions().get::<AuthenticatedKey<Scope>>();
        assert_eq!(key.expect("a handler runs with a key only").organization.as_str(), "acme");
        Ok(tonic::Response::new(HealthCheckResponse { status: 1 }))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

/// A status of gRPC, in a response of 200, as the protocol wants it.
fn status(rejection: &Rejection, _: &Parts) -> Response<Body> {
    let message = rejection.to_string();
    let status = match rejection.status() {
        StatusCode::UNAUTHORIZED => Status::unauthenticated(message),
        StatusCode::FORBIDDEN => Status::permission_denied(message),
        StatusCode::BAD_REQUEST => Status::invalid_argument(message),
        StatusCode::SERVICE_UNAVAILABLE => Status::unavailable(message),
        _ => Status::internal(message),
    };
    status.into_http()
}

async fn start(keys: &Keys) -> HealthClient<Channel> {
    let layer = ApiKeyLayer::new(keys.clone()).with_responder(status);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder()
        .layer(layer.clone())
        .layer(layer.require_scope(Scope::Write))
        .add_service(HealthServer::new(WithKey));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    HealthClient::new(channel.connect().await.unwrap())
}

async fn check(client: &mut HealthClient<Channel>, keys: &[&str]) -> Result<i32, Status> {
    let mut request = Request::new(HealthCheckRequest::default());
    for key in keys {
        let value = MetadataValue::try_from(format!("Bearer {key}")).unwrap();
        request.metadata_mut().append("authorization", value);
    }
    client.check(request).await.map(|response| response.into_inner().status)
}

#[tokio::test]
async fn rejections_are_statuses_of_grpc() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let mut client = start(&keys).await;
    let good = good_key(&keys).await;
    let unseen = good_key(&keys).await;
    let reader = create(&keys, keyfob::Environment::Live, Scope::Read.into()).await;

    assert_eq!(check(&mut client, &[&good]).await.unwrap(), 1);

    let missing = check(&mut client, &[]).await.unwrap_err();
    assert_eq!(missing.code(), Code::Unauthenticated);
    let refused = check(&mut client, &["nonsense"]).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unauthenticated, "The API key is not accepted.")
    );
    let challenge = refused.metadata().get("www-authenticate").unwrap();
    assert_eq!(challenge, r#"Bearer realm="api", error="invalid_token""#);
    let two = check(&mut client, &[&good, &good]).await.unwrap_err();
    assert_eq!(two.code(), Code::InvalidArgument);
    let forbidden = check(&mut client, &[reader.api_key.expose_secret()]).await.unwrap_err();
    assert_eq!(forbidden.code(), Code::PermissionDenied);

    store.break_down();
    assert_eq!(check(&mut client, &[&good]).await.unwrap(), 1, "it is remembered");
    let outage = check(&mut client, &[&unseen]).await.unwrap_err();
    assert_eq!(outage.code(), Code::Unavailable);
}
