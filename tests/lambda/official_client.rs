//! The published client of this API, unchanged, against the local runner: every method the platform serves so far.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A runner that is killed when the test ends.
struct Runner(Child);

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_published_client_works_unchanged() {
    // Cargo puts the runner beside this test's own folder.
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("anyspend");
    let arguments = ["--memory", "--listen", "127.0.0.1:0"];
    let mut runner = Command::new(binary).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(runner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _runner = Runner(runner);
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let script = crate::root().join("tests/lambda/official_client.cjs");
    let (url, key) = (ready["url"].as_str().unwrap(), ready["api_key"].as_str().unwrap());
    let output =
        Command::new("node").arg(script).arg(crate::given("OFFICIAL_CLIENT")).args([url, key]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("every method answered as typed"), "{said}");
}
