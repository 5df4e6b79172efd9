//! The Lambda binary of the platform group.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(platform::routes()).await
}
