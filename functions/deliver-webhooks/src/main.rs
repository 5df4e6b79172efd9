//! The Lambda binary that delivers webhooks.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    deliver_webhooks::host::lambda().await
}
