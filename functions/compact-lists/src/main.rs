//! The Lambda binary that compacts lists, on a schedule.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::scheduled(compact_lists::job).await
}
