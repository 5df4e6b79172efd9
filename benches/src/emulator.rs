//! AWS's own runtime interface emulator around one Lambda binary.

use crate::child::Running;
use crate::connection::Connection;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How long the emulator may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// An emulator that listens. The function itself starts at the first invocation, and invocations must follow one
/// another: the emulator does not survive two at a time. When the emulator is killed the function ends as well,
/// because the runtime API it polls is gone.
pub(crate) struct Emulator {
    running: Running,
    bootstrap: PathBuf,
    connection: Connection,
}

impl Emulator {
    /// Starts an emulator for `bootstrap` with nothing but `environment` and what Lambda itself sets.
    pub(crate) async fn start(
        emulator: &Path,
        bootstrap: &Path,
        environment: &[(&str, String)],
    ) -> Result<Self, String> {
        let (own, api) = free_ports()?;
        let running = Running::start(
            Command::new(emulator)
                .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{own}")])
                .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
                .arg(bootstrap)
                .env_clear()
                .envs([
                    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
                    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                    ("AWS_REGION", "us-east-1"),
                    ("AWS_ACCESS_KEY_ID", "local"),
                    ("AWS_SECRET_ACCESS_KEY", "local"),
                ])
                .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let started = Instant::now();
        let socket = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, own)).await {
                Ok(socket) => break socket,
                Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(2)).await,
                Err(error) => return Err(format!("the emulator does not listen: {error}")),
            }
        };
        Ok(Self { running, bootstrap: bootstrap.to_owned(), connection: Connection::new(socket).await? })
    }

    /// Sends an event; from sending it to the answer's last byte. Anything but a 200 from the function is an error.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Duration, String> {
        let request = Request::post("/2015-03-31/functions/function/invocations")
            .header("host", "127.0.0.1")
            .body(Full::from(event.to_string()))
            .map_err(|error| error.to_string())?;
        let answer = self.connection.send(request).await?;
        // The emulator answers 200 to errors of the function, too.
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(body) if body["statusCode"] == 200 => Ok(answer.took),
            _ => Err(format!("{} answered {}", self.bootstrap.display(), String::from_utf8_lossy(&answer.body))),
        }
    }

    /// Most memory the function's process ever held, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64, String> {
        let of_children = || {
            children(self.running.id()).into_iter().find_map(|process| {
                let program = std::fs::read_link(process.join("exe")).ok()?;
                if program != self.bootstrap.canonicalize().ok()? {
                    return None;
                }
                let status = std::fs::read_to_string(process.join("status")).ok()?;
                let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim();
                line.strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1_024)
            })
        };
        of_children().ok_or_else(|| "the function's process cannot be found".to_owned())
    }
}

/// Two ports that were free a moment ago.
fn free_ports() -> Result<(u16, u16), String> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no free port: {error}"));
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port()).map_err(|e| e.to_string());
    // Both are held until both are known, or they could be the same.
    let (one, other) = (bind()?, bind()?);
    Ok((port(&one)?, port(&other)?))
}

/// The folders under `/proc` of a process's children.
fn children(parent: u32) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    processes
        .filter(|process| {
            let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
            // "pid (name) state ppid …", and the name may hold anything.
            let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            after_name.split_whitespace().nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent)
        })
        .collect()
}
