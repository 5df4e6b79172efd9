//! The Lambda binary of the checkout-sessions group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(checkout_sessions::routes()).await
}
