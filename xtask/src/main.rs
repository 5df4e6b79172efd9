//! What a developer asks of the repository besides `cargo run`: `cargo xtask help` lists it.
//!
//! What must stay true: it needs nothing but Rust and Python 3, installs the rest into `.tools/`, and has no
//! dependencies, so that it is built before anything else in a moment.

mod shell;
mod steps;
mod tools;

use shell::Command;
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <COMMAND>

  test [STEP...]      everything that must hold before a change is accepted, or only the steps named
  openapi             writes docs/openapi.json anew from the code
  lambda [--arm64]    builds every Lambda binary for release into target/lambda
  bench [OPTIONS]     measures; `cargo xtask bench --help` explains the options
  catalogue [N...]    lists catalogues of N links and prints what that costs; 1000, 100000 and 1000000 by default
  tools               installs what `test` needs into .tools/
  help                this text
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let done = match command.as_str() {
        "test" => steps::test(&rest),
        "openapi" => openapi(),
        "lambda" => tools::install().and_then(|()| steps::lambda(&rest)),
        "bench" => Command::new("cargo").args(&["run", "--release", "--package", "bench", "--"]).args(&rest).run(),
        "catalogue" => catalogue(&rest),
        "tools" => tools::install(),
        "help" | "--help" | "-h" => {
            print!("{HELP}\nSteps of `test`, in order: {}\n", steps::names());
            Ok(())
        }
        "" => Err(format!("a command is missing\n\n{HELP}")),
        unknown => Err(format!("there is no command '{unknown}'\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The test that compares the document with the code writes it instead when asked to.
fn openapi() -> Result<(), String> {
    Command::new("cargo")
        .args(&["test", "--package", "stories", "--test", "stories", "openapi::"])
        .env("UPDATE_OPENAPI", "1")
        .run()
}

/// The test that asserts what lists cost measures larger ones when it is asked for by name.
fn catalogue(sizes: &[&str]) -> Result<(), String> {
    let sizes = if sizes.is_empty() { "1000 100000 1000000".to_owned() } else { sizes.join(" ") };
    Command::new("cargo")
        .args(&["test", "--quiet", "--package", "stories", "--test", "stories", "catalogue::the_costs"])
        .args(&["--", "--ignored", "--nocapture"])
        .env("CATALOGUE", &sizes)
        .run()
}
