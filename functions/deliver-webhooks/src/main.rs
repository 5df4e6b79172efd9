//! The Lambda binary that delivers webhooks.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::on_events(deliver_webhooks::host::job).await
}
