//! `cargo run`: the runner as a process, from the outside.

use crate::webhook_receivers::{Receivers, Seen};
use crate::{LINKS, link_body};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A runner that is killed when the test ends.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The runner's binary, which Cargo put beside this test's own folder.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let file = test.parent().unwrap().parent().unwrap().join("anyspend");
    assert!(file.exists(), "build the runner first: cargo build -p anyspend-local");
    file
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(["--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn start(arguments: &[&str]) -> Process {
    let mut child = command(arguments).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the first line is not JSON: {line}"));
    assert_eq!(ready["event"], "ready");
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    Process { child, url: text("url"), key: text("api_key"), stdout }
}

/// A folder of its own that is gone when the test ends.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anyspend-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(crate) fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Process {
    /// Where it listens: `host:port`.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) async fn create(&self) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}{LINKS}", self.url)).bearer_auth(&self.key);
        request.json(&link_body(json!({}))).send().await.unwrap()
    }

    async fn total(&self) -> Value {
        let request = reqwest::Client::new().get(format!("{}{LINKS}", self.url)).bearer_auth(&self.key);
        request.send().await.unwrap().json::<Value>().await.unwrap()["total_count"].clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[tokio::test]
async fn the_first_line_is_the_ready_event_and_a_greeting_with_a_working_curl_follows() {
    let mut process = start(&["--memory"]);
    let reply = process.create().await;
    assert_eq!(reply.status(), 201);
    assert!(reply.headers()["server-timing"].to_str().unwrap().contains("calls=2 depth=2"));
    let link: Value = reply.json().await.unwrap();
    assert!(link["url"].as_str().unwrap().starts_with(&format!("{}/pay/", process.url)));
    process.signal("-TERM");
    let mut greeting = String::new();
    process.stdout.read_to_string(&mut greeting).unwrap();
    assert!(greeting.contains(&format!("curl -X POST {}{LINKS}", process.url)) && greeting.contains(&process.key));
    assert!(process.wait().success());
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    let folder = Folder::new("kill");
    let mut answered = 0;
    for _ in 0..3 {
        let mut process = start(&["--data", folder.text()]);
        assert_eq!(process.total().await, answered);
        for _ in 0..5 {
            assert_eq!(process.create().await.status(), 201);
            answered += 1;
        }
        process.signal("-KILL");
        process.wait();
    }
    let process = start(&["--data", folder.text()]);
    assert_eq!(process.total().await, answered);
    assert_eq!(std::fs::read_to_string(folder.0.join("api_key")).unwrap(), process.key);
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish() {
    let folder = Folder::new("stop");
    let mut process = start(&["--data", folder.text()]);
    let requests: Vec<_> = (0..20).map(|_| process.create()).collect();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        process.signal("-INT");
    };
    let (replies, ()) = tokio::join!(futures_util::future::join_all(requests), stop);
    assert!(replies.iter().all(|reply| reply.status() == 201));
    assert!(process.wait().success());
    let process = start(&["--data", folder.text()]);
    assert_eq!(process.total().await, 20);
}

#[tokio::test]
async fn a_given_key_exists_with_either_mode_and_survives_a_restart() {
    let folder = Folder::new("key");
    for (key, live) in
        [("asp_test_0123456789abcdefghijABCDEFGHIJ0123", false), ("asp_live_0123456789abcdefghijABCDEFGHIJ0123", true)]
    {
        for _ in 0..2 {
            let mut process = start(&["--data", folder.text(), "--key", key, "--chain", "8453=http://127.0.0.1:9"]);
            assert_eq!(process.key, key);
            let link: Value = process.create().await.json().await.unwrap();
            assert_eq!(link["livemode"], live, "{link}");
            process.signal("-TERM");
            process.wait();
        }
    }
}

/// What a runner that cannot start says, and how it ends.
pub(crate) fn refusal(arguments: &[&str]) -> String {
    let output = command(arguments).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_runner_that_cannot_start_says_why_in_one_sentence() {
    let file = Folder::new("file");
    std::fs::write(&file.0, "not a folder").unwrap();
    assert!(refusal(&["--memory", "--listen", "0.0.0.0:0"]).contains("--allow-remote") || cfg!(not(unix)));
    assert!(refusal(&["--memory", "--key", "secret"]).contains("asp_test_"));
    assert!(refusal(&["--memory", "--chain", "base"]).contains("CHAIN_ID"));
    assert!(refusal(&["--data", file.text()]).contains("data directory"));
    assert!(refusal(&["--memory", "--jobs-every", "0"]).contains("--jobs-every"));
    let _ = std::fs::remove_file(&file.0);
}

#[tokio::test]
async fn two_runners_cannot_share_a_data_directory() {
    let folder = Folder::new("lock");
    let _first = start(&["--data", folder.text()]);
    assert!(refusal(&["--data", folder.text()]).contains("another process uses the data directory"));
}

#[tokio::test]
async fn another_dynamodb_endpoint_can_be_used_and_gets_its_table() {
    let engine = anyspend_embedded::Embedded::start(None).unwrap();
    let port = engine.listen().unwrap();
    let (one, other) = (Folder::new("remote-1"), Folder::new("remote-2"));
    let key = "asp_test_abcdefghijklmnopqrstuvwxyz012345";
    let start = |folder: &Folder| start(&["--data", folder.text(), "--dynamodb", port.url(), "--key", key]);
    let (one, other) = (start(&one), start(&other));
    assert_eq!(one.create().await.status(), 201);
    assert_eq!(other.total().await, 1);
}

#[test]
fn only_the_owner_can_read_the_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("mode");
    let _process = start(&["--data", folder.text()]);
    for name in ["api_key", "secret"] {
        let mode = std::fs::metadata(Path::new(folder.text()).join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[test]
fn exactly_120_of_the_requests_of_sixteen_threads_pass_through_one_process() {
    let process = start(&["--memory"]);
    let (url, key) = (format!("{}{LINKS}?limit=1", process.url), process.key.clone());
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (url, key) = (url.clone(), key.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let client = reqwest::Client::new();
                    let mut passed = 0;
                    for _ in 0..12 {
                        let status = client.get(&url).bearer_auth(&key).send().await.unwrap().status().as_u16();
                        assert!(status == 200 || status == 429, "{status}");
                        passed += usize::from(status == 200);
                    }
                    passed
                })
            })
        })
        .collect();
    let passed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(passed, 120);
}

#[tokio::test]
async fn bytes_that_are_no_http_do_not_disturb_the_process() {
    use std::io::Write;
    let process = start(&["--memory"]);
    let address = process.url.strip_prefix("http://").unwrap();
    let garbage: [&[u8]; 6] = [
        b"\x00\xff\xfe\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /api/v1/quick-pay HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /api/v1/quick-pay HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for bytes in garbage {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(bytes).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(process.create().await.status(), 201);
}

#[tokio::test]
async fn a_table_of_an_earlier_version_is_refused_at_the_start_and_not_by_every_list() {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let engine = anyspend_embedded::Embedded::start(None).unwrap();
    let port = engine.listen().unwrap();
    let client = anyspend_store::db::Connection::local(port.url().to_owned()).client();
    let mut table = client.create_table().table_name("old").billing_mode(BillingMode::PayPerRequest);
    for (name, role) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        table = table
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(name)
                    .attribute_type(ScalarAttributeType::S)
                    .build()
                    .unwrap(),
            )
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(role).build().unwrap());
    }
    table.send().await.unwrap();
    let said = refusal(&["--memory", "--dynamodb", port.url(), "--table", "old"]);
    assert!(said.contains("earlier version") && said.contains("its index 'list' lacks "), "{said}");
}

#[tokio::test]
async fn the_runners_jobs_deliver_webhooks_to_this_machine_also_after_a_kill() {
    let folder = Folder::new("webhooks");
    let receivers = Receivers::start().await;
    let arguments = ["--data", folder.text(), "--jobs-every", "1"];
    let runner = start(&arguments);
    let client = reqwest::Client::new();
    let post = async |runner: &Process, path: &str, body: Value| -> Value {
        let request = client.post(format!("{}/api/v1/webhooks{path}", runner.url)).bearer_auth(&runner.key);
        request.json(&body).send().await.unwrap().json().await.unwrap()
    };
    let webhook = post(&runner, "", json!({"url": receivers.url("/hook"), "events": ["*"]})).await;
    let test = format!("/{}/test", webhook["id"].as_str().unwrap());
    post(&runner, &test, json!({})).await;
    receivers.until(|seen| seen.len() == 1).await;
    assert!(receivers.seen()[0].verifies_by_standard(webhook["secret"].as_str().unwrap()));
    // What was answered is told, whether or not the process lived to do it.
    let told = post(&runner, &test, json!({})).await;
    drop(runner);
    let again = start(&arguments);
    let id = told["delivery_id"].as_str().unwrap();
    let arrived = |seen: &[Seen]| seen.iter().any(|seen| seen.header("x-anyspend-delivery-id") == id);
    receivers.until(arrived).await;
    drop(again);
}
