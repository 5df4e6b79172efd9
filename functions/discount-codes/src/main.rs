//! The Lambda binary of the discount_codes group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(discount_codes::routes()).await
}
