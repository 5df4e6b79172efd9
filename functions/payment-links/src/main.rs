//! The Lambda binary of the payment-links group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(payment_links::routes()).await
}
