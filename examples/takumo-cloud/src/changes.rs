//! Requests that change something run to their end, whether or not their client waits for it.
//!
//! A server drops a handler when its client hangs up, at whichever `await` the handler is. What it
//! had done would stay, and what it had still to do would not be done.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::sync::watch;
use tracing::Instrument;

use crate::error::ApiError;

/// The changes that are under way. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    /// Each change holds a receiver until it has ended.
    running: Arc<watch::Sender<()>>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { running: Arc::new(watch::Sender::new(())) }
    }

    /// Serves a request. If its method may change something, the handlers run in a task of their own,
    /// within the same span. A panic is a 500.
    ///
    /// # Cancel safety
    /// A change that has begun runs to its end.
    pub(crate) async fn serve(&self, request: Request, next: Next) -> Response {
        let is_safe = request.method().is_safe();
        let handlers = AssertUnwindSafe(next.run(request)).catch_unwind();
        let served = if is_safe { Ok(handlers.await) } else { self.finish(handlers).await };
        match served {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => ApiError::panicked().into_response(),
            // The runtime ends.
            Err(_) => ApiError::unavailable().into_response(),
        }
    }

    /// Runs a change in a task.
    fn finish<T: Send + 'static>(
        &self,
        change: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let running = self.running.subscribe();
        let change = async move {
            let done = change.await;
            drop(running);
            done
        };
        tokio::spawn(change.in_current_span())
    }

    /// Returns when no change is under way.
    pub(crate) async fn ended(&self) {
        self.running.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use axum::Router;
    use axum::body::Body;
    use axum::http::{Method, StatusCode, header};
    use keyfob::{EventQuery, OrganizationId, PageSize};
    use serde_json::json;
    use tempfile::TempDir;
    use tower::ServiceExt;

    use super::*;
    use crate::app::{App, Purpose};
    use crate::config::DatabaseConfig;
    use crate::database_url::DatabaseUrl;
    use crate::pages::Front;
    use crate::store::IfMissing;
    use crate::{api, first_run};

    struct Site {
        app: App,
        router: Router,
        key: String,
        _directory: TempDir,
    }

    async fn site() -> Site {
        let directory = tempfile::tempdir().unwrap();
        let database =
            DatabaseConfig::from(DatabaseUrl::sqlite(directory.path().join("takumo.db")));
        let purpose = Purpose::Serve { only: None };
        let app = App::open(&database, IfMissing::Create, purpose).await.unwrap();
        let (key, _) = first_run::first_of_all(&app).await.unwrap().unwrap();
        let key = key.api_key.expose_secret().to_owned();
        let front = Front::new("127.0.0.1:1".parse().unwrap(), None);
        let router = api::router(app.clone(), front);
        Site { app, router, key, _directory: directory }
    }

    impl Site {
        fn request(&self, method: Method, path: &str, body: &serde_json::Value) -> Request {
            Request::builder()
                .method(method)
                .uri(path)
                .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .unwrap()
        }

        async fn lines(&self, action: &str) -> usize {
            let demo: OrganizationId = "demo".parse().unwrap();
            let query = EventQuery::new(PageSize::MAX);
            let events = self.app.keys.events(&demo, query).await.unwrap().items;
            events.iter().filter(|event| event.action.as_str() == action).count()
        }
    }

    /// Polls at most so often, each time that it is woken, and then drops the future.
    async fn hang_up_after<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut left = polls;
        std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            let polled = future.as_mut().poll(context);
            if left == 0 && polled.is_pending() {
                context.waker().wake_by_ref();
            }
            polled.map(Some)
        })
        .await
    }

    #[tokio::test]
    async fn client_that_hangs_up_at_any_await_leaves_no_change_without_its_line() {
        let site = site().await;
        let mut polls = 0;
        let mut saved = 0;
        let served = loop {
            let body = json!({ "number": polls });
            let request = site.request(Method::PUT, "/v1/policies/pii", &body);
            let served = hang_up_after(polls, site.router.clone().oneshot(request)).await;
            site.app.changes.ended().await;
            let tenant = crate::db::Tenant {
                organization: "demo".parse().unwrap(),
                environment: keyfob::Environment::Live,
            };
            let policy = site.app.db.policy(tenant, "pii".into()).await.unwrap();
            let version = policy.map_or(0, |policy| policy.version);
            assert_eq!(site.lines("policy.edited").await, version as usize, "{polls} polls");
            saved = saved.max(version);
            if let Some(served) = served {
                break served.unwrap();
            }
            polls += 1;
        };
        assert!(served.status().is_success(), "{}", served.status());
        assert!(saved > 1, "some changes were made after their client had gone");
        site.app.close().await;
    }

    #[tokio::test]
    async fn panic_of_a_handler_is_an_error_and_no_broken_connection() {
        let changes = Changes::new();
        let serve = move |request: Request, next: Next| {
            let changes = changes.clone();
            async move { changes.serve(request, next).await }
        };
        let router = Router::new()
            .route("/", axum::routing::any(async || -> StatusCode { panic!("a test's own") }))
            .layer(axum::middleware::from_fn(serve));
        for method in [Method::GET, Method::POST] {
            let request = Request::builder().method(method).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}
