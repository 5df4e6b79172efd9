//! The Lambda binary that counts statistics, on a schedule.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::job::<rollup_stats::RollupStats>().await
}
