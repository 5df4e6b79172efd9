//! A local runner as a process, for the tests that come at it from outside.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A runner that is killed when the test ends.
pub(crate) struct Runner {
    process: Child,
    /// Kept open: a runner that cannot write its greeting stops.
    _stdout: BufReader<ChildStdout>,
    pub(crate) url: String,
    pub(crate) key: String,
}

impl Runner {
    /// Starts one in memory, on any free port.
    pub(crate) fn start(options: &[&str]) -> Self {
        // Cargo puts the runner beside this test's own folder.
        let test = std::env::current_exe().unwrap();
        let binary = test.parent().unwrap().parent().unwrap().join("anyspend");
        let mut command = Command::new(binary);
        command.args(["--memory", "--listen", "127.0.0.1:0"]).args(options);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { process, _stdout: stdout, url: text("url"), key: text("api_key") }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a script in Node and demands that it ends by saying this.
pub(crate) fn node(script: &str, arguments: &[&std::ffi::OsStr], last_words: &str) {
    let output = Command::new("node").arg(crate::root().join(script)).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(last_words), "{said}");
}
