//! The Lambda binary that counts statistics, on a schedule.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::scheduled(rollup_stats::job).await
}
