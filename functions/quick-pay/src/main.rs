//! The Lambda binary of the quick-pay group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(quick_pay::routes()).await
}
