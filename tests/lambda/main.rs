//! The release binaries behind the Lambda Runtime Interface, the files that must agree with the code, and the published
//! client against the runner: what needs the tools of the test command.
//!
//! What must stay true: nothing is faked but AWS itself. A binary is the one that is deployed, its environment is
//! what `template.yaml` gives it, it is invoked with API Gateway's own events, and it may do to the table what its
//! policy allows and no more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
mod browser;
mod chain;
mod emulator;
mod event;
mod fixtures;
mod gate;
mod kms;
mod official_client;
mod runner;
mod stories;
mod template;
mod world;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A variable that only the test command sets.
#[expect(clippy::disallowed_methods, reason = "where the binaries are is not configuration of the platform")]
fn given(name: &str) -> PathBuf {
    let value = std::env::var_os(name).unwrap_or_else(|| {
        panic!(
            "{name} is not set: these tests need what the test command builds and installs, so run `cargo xtask test`"
        )
    });
    PathBuf::from(value)
}
