//! `GET /openapi.json`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use http::{Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Generated from every group's table of contents by `cargo xtask openapi`; a test holds it to the code. It is
/// compiled in because one function cannot link all groups without becoming as slow to start as all of them.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// An OpenAPI 3.1 document.
#[derive(Debug, Serialize, ToSchema)]
struct OpenApiDocument {
    /// `3.1.0`
    openapi: String,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<OpenApiDocument>(
        "getOpenApi",
        Method::GET,
        "/api/v1/openapi.json",
        Access::Public,
        StatusCode::OK,
        "Describe this API as OpenAPI 3.1",
    )
    .handled_by(document)
}

async fn document(call: Arc<Call>, _: Caller) -> Result<Answer, ApiError> {
    let mut answer = call.answer(StatusCode::OK, &())?;
    answer.body = DOCUMENT.as_bytes().to_vec();
    Ok(answer)
}
