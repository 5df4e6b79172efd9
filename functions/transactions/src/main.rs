//! The Lambda binary of the transactions group.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::lambda(transactions::routes()).await
}
