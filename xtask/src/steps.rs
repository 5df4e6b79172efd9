//! The steps of `cargo xtask test`, cheapest first, so that what is wrong shows early.

use crate::shell::{Command, root};
use crate::tools;
use std::time::{Duration, Instant};

/// A name and what it runs.
type Step = (&'static str, fn() -> Result<(), String>);

const STEPS: &[Step] = &[
    ("format", || Command::new("cargo").args(&["fmt", "--all", "--check"]).run()),
    ("tools", tools::install),
    ("spelling", || Command::new("typos").run()),
    ("template", || sam(&["validate", "--lint"]).run()),
    ("licenses", || {
        Command::new("cargo").args(&["deny", "--workspace", "--locked", "check", "licenses", "bans", "sources"]).run()
    }),
    ("unused", || Command::new("cargo").args(&["shear"]).run()),
    ("clippy", || {
        Command::new("cargo")
            .args(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"])
            .run()
    }),
    ("lambda", || lambda(&[])),
    ("sam-build", sam_build),
    ("tests", tests),
];

/// The packages that are Lambda functions: each folder of `functions/` is one, of the same name.
fn functions() -> Result<Vec<String>, String> {
    let folder = root().join("functions");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// The steps' names, for the help.
pub(crate) fn names() -> String {
    STEPS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Runs all steps, or only those named, and stops at the first that fails.
pub(crate) fn test(wanted: &[&str]) -> Result<(), String> {
    if let Some(unknown) = wanted.iter().find(|name| STEPS.iter().all(|(step, _)| step != *name)) {
        return Err(format!("there is no step '{unknown}'; there are: {}", names()));
    }
    let started = Instant::now();
    let mut durations: Vec<(&str, Duration)> = Vec::new();
    for (name, run) in STEPS.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
        eprintln!("\n=== {name}");
        let began = Instant::now();
        run().map_err(|message| format!("step '{name}': {message}"))?;
        durations.push((*name, began.elapsed()));
    }
    eprintln!("\nAll of it holds:");
    for (name, duration) in durations {
        eprintln!("{name:>12} {:>7.1} s", duration.as_secs_f32());
    }
    eprintln!("{:>12} {:>7.1} s", "in all", started.elapsed().as_secs_f32());
    Ok(())
}

/// Builds every Lambda binary, all at once: one after the other would each compile the AWS SDK with features of its
/// own choice.
pub(crate) fn lambda(options: &[&str]) -> Result<(), String> {
    let functions = functions()?;
    let packages: Vec<&str> = functions.iter().flat_map(|name| ["--package", name]).collect();
    Command::new("cargo").args(&["lambda", "build", "--release", "--locked"]).args(&packages).args(options).run()
}

fn sam(arguments: &[&str]) -> Command {
    Command::new("sam").args(arguments).env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "us-east-1")
}

/// One function the way a deployment builds it, for this machine's processor. By itself a function has other features of
/// shared crates than all of them together, so each would be compiled anew; that every function is declared alike is held
/// by a test.
fn sam_build() -> Result<(), String> {
    let architecture = if cfg!(target_arch = "aarch64") { "Architecture=arm64" } else { "Architecture=x86_64" };
    sam(&["build", "QuickPayFunction", "--build-dir", "target/sam", "--parameter-overrides", architecture]).run()
}

/// All tests; those of the release binaries are told where the binaries and the emulator are.
fn tests() -> Result<(), String> {
    let emulator = tools::runtime_interface_emulator()?;
    // Tests start the runner as a process, and `cargo test` does not build what no test links.
    Command::new("cargo").args(&["build", "--locked", "--package", "anyspend-local"]).run()?;
    Command::new("cargo")
        // Not the functions' binaries as test harnesses: they have no tests, and linking a dozen takes a minute.
        .args(&["test", "--locked", "--workspace", "--lib", "--bin", "bench", "--test", "*"])
        .env("LAMBDA_DIR", &root().join("target/lambda").to_string_lossy())
        .env("MOTO_SERVER", &tools::python_bin().join("moto_server").to_string_lossy())
        .env("OFFICIAL_CLIENT", &tools::official_client().to_string_lossy())
        .env("BROWSER_MODULES", &tools::browser_modules().to_string_lossy())
        .env("CHROMIUM", &tools::chromium()?.to_string_lossy())
        .env("ANVIL", &tools::anvil().to_string_lossy())
        .env("LAMBDA_RIE", &emulator.to_string_lossy())
        .run()
}
