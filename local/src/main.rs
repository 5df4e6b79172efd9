//! `cargo run --release`: the whole platform in one process.

use anyspend_local::options::Options;
use anyspend_local::runner::Runner;
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    anyspend_api::access_log::install(&anyspend_api::config::log_filter());
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "anyspend: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    let stop = stop_signal()?;
    let runner = Runner::prepare(options).await?;
    greet(&runner.url, &runner.api_key).map_err(|error| format!("cannot write to stdout: {error}"))?;
    runner.serve(stop).await
}

fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// One JSON line for programs, then a few for people. The listener is open by now: connections wait in its queue.
fn greet(url: &str, api_key: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::json!({"event": "ready", "url": url, "api_key": api_key}))?;
    writeln!(
        out,
        "\nAnySpend Platform API is ready at {url}\n\nCreate a payment link:\n\n  \
         curl -X POST {url}/api/v1/payment-links \\\n    \
         -H 'Authorization: Bearer {api_key}' \\\n    \
         -H 'Content-Type: application/json' \\\n    \
         -d '{{\"name\": \"Premium Membership\", \"amount\": \"10000000\", \
         \"token_address\": \"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\", \"chain_id\": 8453, \
         \"recipient_address\": \"0x1234567890abcdef1234567890abcdef12345678\"}}'\n\n\
         Open its page, with the short_code of the answer:\n\n  \
         curl -i {url}/pay/SHORT_CODE\n"
    )?;
    out.flush()
}
