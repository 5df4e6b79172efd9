//! Running programs: always from the repository's root, always with the tools of `.tools/` first in the path.

use crate::tools;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A program that is about to run.
pub(crate) struct Command {
    process: Process,
    shown: String,
}

impl Command {
    pub(crate) fn new(program: &str) -> Self {
        let mut process = Process::new(program);
        process.current_dir(root()).env("PATH", path());
        Self { process, shown: program.to_owned() }
    }

    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        for argument in arguments {
            self.process.arg(argument);
            self.shown = format!("{} {argument}", self.shown);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.process.env(name, value);
        self
    }

    /// Runs it to its end, with its output where ours goes.
    pub(crate) fn run(mut self) -> Result<(), String> {
        eprintln!("$ {}", self.shown);
        let status = self.process.stdin(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{}` failed: {status}", self.shown)),
            Err(error) => Err(format!("`{}` cannot be started: {error}", self.shown)),
        }
    }
}

/// The path programs are looked for on, with `.tools/` first.
#[expect(clippy::disallowed_methods, reason = "the path is not configuration of the platform")]
fn path() -> std::ffi::OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let ours: [PathBuf; 2] = [tools::python_bin(), tools::cargo_bin()];
    std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&inherited))).unwrap_or(inherited)
}
