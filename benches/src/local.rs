//! The local runner under load, beside the embedded engine it asks.

use crate::child::Running;
use crate::connection::Connection;
use crate::figures::{Report, Sample, per_second, ratio};
use crate::programs;
use crate::test_bed::{TABLE, TestBed};
use anyspend_domain::api_key::KeyText;
use anyspend_domain::rate_limit::PER_API_KEY;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections that ask at the same time.
const CONNECTIONS: usize = 64;
/// Rounds, in which runner and engine take turns.
const ROUNDS: usize = 3;
/// Requests of a round, and as many pairs of calls.
const REQUESTS: usize = 6_000;
/// Requests before the first round, which open the connections.
const WARM_UP: usize = 1_000;
/// How long the runner may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures, and says what was found.
pub(crate) async fn measure(bed: &Arc<TestBed>) -> Result<String, String> {
    let keys = Arc::new(bed.create_keys((WARM_UP + ROUNDS * REQUESTS).div_ceil(PER_API_KEY as usize) + 1).await?);
    // The engine runs here, so that keys can be put into it: by the API, they could be made at 120 a minute.
    let mut running = Running::start(
        Command::new(programs::runner())
            .args(["--memory", "--listen", "127.0.0.1:0", "--dynamodb", bed.url(), "--table", TABLE])
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    )?;
    let ready = running.first_line(PATIENCE).map_err(|error| format!("the local runner: {error}"))?;
    let ready: Value = serde_json::from_str(&ready).map_err(|_| format!("the local runner said {ready}"))?;
    let address = ready["url"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://"))
        .ok_or("the local runner did not say where it listens")?;

    // One count over all connections and rounds, so that no key is asked for more than its limit.
    let turn = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let socket = TcpStream::connect(address).await.map_err(|error| format!("the local runner: {error}"))?;
        let (connection, bed, keys) = (Connection::new(socket).await?, bed.clone(), keys.clone());
        clients.push(Client { connection, bed, keys, turn: turn.clone() });
    }
    let turn = Arc::new(AtomicUsize::new(0));
    let mut callers: Vec<Caller> =
        (0..CONNECTIONS).map(|_| Caller { bed: bed.clone(), keys: keys.clone(), turn: turn.clone() }).collect();

    clients = load(clients, WARM_UP).await?.0;
    callers = load(callers, WARM_UP).await?.0;
    let (mut gets, mut pairs) = (Load::default(), Load::default());
    for _ in 0..ROUNDS {
        let (again, round) = load(clients, REQUESTS).await?;
        clients = again;
        gets.add(round);
        let (again, round) = load(callers, REQUESTS).await?;
        callers = again;
        pairs.add(round);
    }
    Ok(report(gets, pairs))
}

/// Something that is done over and over again on one connection.
trait Work: Send + 'static {
    /// Does it once.
    fn once(&mut self) -> impl Future<Output = Result<Duration, String>> + Send;
}

/// A client of the local runner.
struct Client {
    connection: Connection,
    bed: Arc<TestBed>,
    keys: Arc<Vec<KeyText>>,
    turn: Arc<AtomicUsize>,
}

impl Work for Client {
    async fn once(&mut self) -> Result<Duration, String> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let link = &self.bed.links[turn % self.bed.links.len()];
        let key = &self.keys[turn % self.keys.len()];
        let request = Request::get(format!("/api/v1/payment-links/{link}"))
            .header("host", "127.0.0.1")
            .header("authorization", format!("Bearer {}", key.expose()))
            .body(Full::default())
            .map_err(|error| error.to_string())?;
        let answer = self.connection.send(request).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.took),
            status => Err(format!("the local runner answered {status}: {}", String::from_utf8_lossy(&answer.body))),
        }
    }
}

/// A direct caller of the engine.
struct Caller {
    bed: Arc<TestBed>,
    keys: Arc<Vec<KeyText>>,
    turn: Arc<AtomicUsize>,
}

impl Work for Caller {
    async fn once(&mut self) -> Result<Duration, String> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.bed.two_calls(&self.bed.links[turn % self.bed.links.len()], &self.keys[turn % self.keys.len()]).await
    }
}

/// What a load took.
#[derive(Default)]
struct Load {
    durations: Vec<Duration>,
    elapsed: Duration,
}

impl Load {
    fn add(&mut self, other: Self) {
        self.durations.extend(other.durations);
        self.elapsed += other.elapsed;
    }
}

/// Lets all workers work at once until `times` are done in all, and gives them back.
async fn load<W: Work>(workers: Vec<W>, times: usize) -> Result<(Vec<W>, Load), String> {
    let taken = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut working = JoinSet::new();
    for mut worker in workers {
        let taken = taken.clone();
        working.spawn(async move {
            let mut durations = Vec::new();
            while taken.fetch_add(1, Ordering::Relaxed) < times {
                durations.push(worker.once().await?);
            }
            Ok::<_, String>((worker, durations))
        });
    }
    let (mut workers, mut load) = (Vec::with_capacity(working.len()), Load::default());
    while let Some(ended) = working.join_next().await {
        let (worker, durations) = ended.map_err(|error| error.to_string())??;
        workers.push(worker);
        load.durations.extend(durations);
    }
    load.elapsed = began.elapsed();
    Ok((workers, load))
}

fn report(gets: Load, pairs: Load) -> String {
    let rates = [&gets, &pairs].map(|load| per_second(load.durations.len(), load.elapsed));
    let (gets, pairs) = (Sample::new(gets.durations), Sample::new(pairs.durations));
    let mut report = Report::new(
        &format!("Local runner at {CONNECTIONS} connections, load and engine on the same machine"),
        ["GET by id", "engine, 2 calls", "ratio"],
    );
    let [get_rate, pair_rate] = rates;
    report.line("a second", [&get_rate.to_string(), &pair_rate.to_string(), &ratio(get_rate, pair_rate)]);
    report.durations("p50", gets.median(), pairs.median());
    report.durations("p99", gets.percentile(99), pairs.percentile(99));
    report.text()
}
