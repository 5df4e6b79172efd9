//! The Lambda binary that delivers webhooks.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::job::<deliver_webhooks::Deliverer>().await
}
