//! The Lambda binary that compacts lists, on a schedule.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::job::<compact_lists::CompactLists>().await
}
