use axum::Json;
use axum::extract::State;
use keyfob::{Environment, UsageError};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::time::Moment;
use crate::usage_view::{Grain, UsageView, range};

/// `GET /v1/usage`, with `from`, `to` and `granularity`
///
/// A test key is told of test keys only.
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<UsageView>, ApiError> {
    let from = parameters.take::<Moment>("from")?.map(|Moment(from)| from);
    let to = parameters.take::<Moment>("to")?.map(|Moment(to)| to);
    let grain = parameters.take::<Grain>("granularity")?.unwrap_or_default();
    parameters.finish()?;

    let range = range(from, to, grain, app.keys.now());
    let report = app.keys.usage(&caller.principal.organization, range).await?;
    let only = (!caller.reaches(Environment::Live)).then_some(Environment::Test);
    Ok(Json(UsageView::new(report, grain, only)))
}

impl From<UsageError> for ApiError {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Store(error) => error.into(),
            UsageError::EmptyRange | UsageError::TooManyBuckets { .. } => {
                Self::bad_request(error.to_string())
            }
            _ => Self::failure(&error, false),
        }
    }
}
