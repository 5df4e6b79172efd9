//! One instance of a function: its release binary behind AWS's own Runtime Interface Emulator.

use crate::event::{Answer, Event};
use crate::gate::Gate;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long an emulator may take to listen. It takes milliseconds, unless the machine is busy with a build.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often another pair of ports is tried, when somebody else took one in between.
const PORT_PAIRS: u32 = 5;

/// A running instance. Dropping it ends its processes.
pub(crate) struct Instance {
    /// What stands between it and the table.
    pub(crate) gate: Gate,
    emulator: Child,
    url: String,
    log: PathBuf,
    client: reqwest::Client,
    /// Like Lambda itself, an instance serves one event at a time; the emulator would crash.
    turn: tokio::sync::Mutex<()>,
}

impl Instance {
    pub(crate) async fn start(package: &str, environment: &BTreeMap<String, String>, gate: Gate) -> Self {
        let binary = crate::given("LAMBDA_DIR").join(package).join("bootstrap");
        assert!(binary.is_file(), "{} is not built: run `cargo xtask test`", binary.display());
        for _ in 0..PORT_PAIRS {
            let (interface, api) = (free_address(), free_address());
            let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("lambda-{package}-{}.log", api.port()));
            let output = File::create(&log).unwrap();
            let mut emulator = Command::new(crate::given("LAMBDA_RIE"))
                .args(["--runtime-interface-emulator-address", &interface.to_string()])
                .args(["--runtime-api-address", &api.to_string()])
                .arg(&binary)
                .env_clear()
                .envs(environment)
                .stdin(Stdio::null())
                .stdout(output.try_clone().unwrap())
                .stderr(output)
                // The emulator starts the binary, so both are ended together, as a group.
                .process_group(0)
                .spawn()
                .unwrap();
            if listens(interface, &mut emulator).await {
                let (url, client) = (format!("http://{interface}"), reqwest::Client::new());
                return Self { gate, emulator, url, log, client, turn: tokio::sync::Mutex::default() };
            }
            end(&mut emulator);
        }
        panic!("no emulator could be started for {package}");
    }

    /// Sends a request's event and waits for the answer.
    pub(crate) async fn invoke(&self, event: &Value) -> Answer {
        Answer::read(&self.run(event).await)
    }

    /// Sends an event and waits for what the function makes of it.
    pub(crate) async fn run(&self, event: &Value) -> Value {
        let _turn = self.turn.lock().await;
        let url = format!("{}/2015-03-31/functions/function/invocations", self.url);
        let answer = self.client.post(url).json(event).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let response: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{}", self.log()));
        assert!(response.get("errorType").is_none(), "the function failed: {response}\n{}", self.log());
        response
    }

    /// The same, for a request that is built on the way.
    pub(crate) async fn send(&self, event: Event) -> Answer {
        self.invoke(&event.into_json()).await
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        end(&mut self.emulator);
        // What it wrote is of interest only where a test failed.
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}

/// Ends an emulator and the binary it started.
fn end(emulator: &mut Child) {
    let group = format!("-{}", emulator.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = emulator.wait();
}

/// An address nobody listens on at this moment.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn listens(address: SocketAddr, emulator: &mut Child) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if emulator.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}
