//! The Lambda binary of the webhooks group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(webhooks::routes()).await
}
