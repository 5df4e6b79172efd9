//! The Lambda binary that ends sessions, on a schedule.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    anyspend_api::serve::job::<end_sessions::EndSessions>().await
}
