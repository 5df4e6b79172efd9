//! The programs that are measured: where they are, and how they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages measured as Lambdas: ours, and the baseline.
pub(crate) const LAMBDAS: [&str; 2] = ["payment-links", "hello-world"];

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Where `cargo xtask tools` installs Python packages.
fn tools() -> PathBuf {
    root().join(".tools/venv")
}

/// A Lambda's binary, as `cargo lambda` leaves it.
pub(crate) fn lambda(package: &str) -> PathBuf {
    root().join("target/lambda").join(package).join("bootstrap")
}

/// The local runner.
pub(crate) fn runner() -> PathBuf {
    root().join("target/release/anyspend")
}

/// Builds both Lambdas as they are deployed.
pub(crate) fn build_lambdas() -> Result<(), String> {
    let installed = tools().join("bin/cargo-lambda");
    let cargo_lambda = if installed.exists() { installed } else { PathBuf::from("cargo-lambda") };
    let mut command = Command::new(cargo_lambda);
    command.args(["lambda", "build", "--release", "--locked"]);
    for package in LAMBDAS {
        command.args(["--package", package]);
    }
    run(&mut command).map_err(|error| {
        format!("{error}\ncargo-lambda comes with 'cargo xtask tools'; --no-build measures what was built before")
    })
}

/// Builds the local runner.
pub(crate) fn build_runner() -> Result<(), String> {
    run(Command::new("cargo").args(["build", "--release", "--locked", "--package", "anyspend-local"]))
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.current_dir(root()).status().map_err(|error| format!("cannot run {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed")) }
}

/// The runtime interface emulator: the one named, or the one that comes with SAM.
pub(crate) fn emulator(named: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(named) = named {
        return if named.exists() { Ok(named.to_owned()) } else { Err(format!("{} does not exist", named.display())) };
    }
    let file = match std::env::consts::ARCH {
        "aarch64" => "aws-lambda-rie-arm64",
        _ => "aws-lambda-rie-x86_64",
    };
    let pythons = std::fs::read_dir(tools().join("lib")).into_iter().flatten().flatten();
    pythons
        .map(|python| python.path().join("site-packages/samcli/local/rapid").join(file))
        .find(|path| path.exists())
        .ok_or_else(|| {
            format!("no {file}: run 'cargo xtask tools', or name one with --emulator or the variable LAMBDA_RIE")
        })
}
