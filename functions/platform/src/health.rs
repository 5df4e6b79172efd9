//! `GET /health`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::versions::Version;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Timestamp;
use http::{Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use utoipa::ToSchema;

/// How long a good answer of the table is believed, so that an open route cannot be made to cost reads.
const BELIEVED_MILLIS: u64 = 2_000;

/// When the table last answered, in milliseconds.
static LAST_GOOD: AtomicU64 = AtomicU64::new(0);

/// How the platform is.
#[derive(Debug, Serialize, ToSchema)]
struct HealthView {
    /// `health`
    object: &'static str,
    /// `ok`; otherwise the answer is 503.
    status: &'static str,
    /// The current API version.
    api_version: &'static str,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<HealthView>(
        "getHealth",
        Method::GET,
        "/api/v1/health",
        Access::Public,
        StatusCode::OK,
        "See whether the platform works",
    )
    .described("Asks the database, at most every two seconds; 503 when it does not answer.")
    .handled_by(health)
}

async fn health(call: Arc<Call>, _: Caller) -> Result<Answer, ApiError> {
    let last_good = Timestamp::from_millis(LAST_GOOD.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX);
    if call.now.millis_since(last_good) > BELIEVED_MILLIS || call.now < last_good {
        call.db.probe().await?;
        LAST_GOOD.store(call.now.millis(), Ordering::Relaxed);
    }
    let view = HealthView { object: "health", status: "ok", api_version: Version::current().name() };
    call.answer(StatusCode::OK, &view)
}
