//! The Lambda binary that follows payments on chain.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::on_events(settle::job).await
}
