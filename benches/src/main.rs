//! `cargo xtask bench`: what the platform costs, measured beside the least it could cost, in one run on one machine.
//!
//! Absolute times say little about another machine, so every figure stands beside its baseline: a Lambda beside a
//! bare hello world under the same emulator, the local runner beside the embedded engine it asks. Measurements that
//! are compared take turns, so that a noisy moment hits both.

mod child;
mod connection;
mod emulator;
mod figures;
mod lambda;
mod local;
mod programs;
mod test_bed;

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use test_bed::TestBed;

/// Measures the platform beside its baselines.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// The Lambda runtime interface emulator; by default the one `cargo xtask tools` has installed.
    #[arg(long, env = "LAMBDA_RIE", value_name = "FILE")]
    emulator: Option<PathBuf>,

    /// Measure the release programs as they are, without building them first.
    #[arg(long)]
    no_build: bool,

    /// Measure the Lambda only.
    #[arg(long, conflicts_with = "only_local")]
    only_lambda: bool,

    /// Measure the local runner only.
    #[arg(long)]
    only_local: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    if !options.no_build {
        if !options.only_local {
            programs::build_lambdas()?;
        }
        if !options.only_lambda {
            programs::build_runner()?;
        }
    }
    let bed = Arc::new(TestBed::start().await?);
    if !options.only_local {
        let emulator = programs::emulator(options.emulator.as_deref())?;
        say(&lambda::measure(&bed, &emulator).await?)?;
    }
    if !options.only_lambda {
        say(&local::measure(&bed).await?)?;
    }
    Ok(())
}

fn say(report: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{report}").map_err(|error| format!("cannot write the figures: {error}"))
}
