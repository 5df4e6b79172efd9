//! The Lambda binary that follows payments on chain.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::job::<settle::Settler>().await
}
