//! A Lambda function of ours beside a bare hello world, both under the runtime interface emulator.

use crate::emulator::Emulator;
use crate::figures::{Report, Sample, megabytes, milliseconds, ratio};
use crate::programs;
use crate::test_bed::{TABLE, TestBed};
use anyspend_domain::PaymentLinkId;
use anyspend_domain::api_key::KeyText;
use anyspend_domain::rate_limit::PER_API_KEY;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Cold starts of each function.
const COLD_STARTS: usize = 20;
/// Warm invocations of each function, and of the table by itself.
const WARM: usize = 1_000;
/// How many follow one another before it is the next one's turn.
const TURN: usize = 50;
/// Bytes of a zip file with one entry named `bootstrap`, besides the compressed entry.
const ZIP_FRAME: u64 = 30 + 46 + 22 + 2 * 9;

/// A first answer may take this many times the hello world's.
const MOST_COLD: u32 = 3;
/// Most bytes of the zipped function.
const MOST_ZIPPED: u64 = 4_000_000;
/// Most memory the function may hold, in bytes.
const MOST_MEMORY: u64 = 40_000_000;

/// A function under measurement.
struct Function {
    cold: Sample,
    warm: Vec<Duration>,
    memory: u64,
    zipped: u64,
}

/// Measures, and says what was found.
pub(crate) async fn measure(bed: &TestBed, emulator: &Path) -> Result<String, String> {
    let bootstraps = programs::LAMBDAS.map(programs::lambda);
    for bootstrap in &bootstraps {
        if !bootstrap.exists() {
            return Err(format!("{} is not built", bootstrap.display()));
        }
    }
    let environment = [
        ("AWS_ENDPOINT_URL_DYNAMODB", bed.url().to_owned()),
        ("TABLE_NAME", TABLE.to_owned()),
        ("PUBLIC_URL", "http://127.0.0.1".to_owned()),
    ];
    let start = async |bootstrap: &Path| Emulator::start(emulator, bootstrap, &environment).await;
    let [our_bootstrap, hello_bootstrap] = &bootstraps;

    // Each cold start has a key of its own: all find it unused, as a first request in a while does.
    let (mut ours_cold, mut hello_cold) = (Vec::new(), Vec::new());
    for (key, link) in bed.create_keys(COLD_STARTS).await?.iter().zip(bed.links.iter().cycle()) {
        let event = retrieve(link, key);
        hello_cold.push(start(hello_bootstrap).await?.invoke(&event).await?);
        ours_cold.push(start(our_bootstrap).await?.invoke(&event).await?);
    }

    let (mut ours_running, mut hello_running) = (start(our_bootstrap).await?, start(hello_bootstrap).await?);
    let (mut ours_warm, mut hello_warm, mut table) = (Vec::new(), Vec::new(), Vec::new());
    // No key is asked for more than its limit, even if everything happens within a minute.
    let turns = WARM.div_ceil(TURN);
    let limit = PER_API_KEY as usize;
    let keys = bed.create_keys((turns * TURN).div_ceil(limit) + 1).await?;
    let mut requests = bed.links.iter().cycle().zip(keys.iter().cycle());
    // The first answer is the cold start's.
    if let Some((link, key)) = requests.next() {
        hello_running.invoke(&retrieve(link, key)).await?;
        ours_running.invoke(&retrieve(link, key)).await?;
    }
    for _ in 0..turns {
        let turn: Vec<(&PaymentLinkId, &KeyText)> = requests.by_ref().take(TURN).collect();
        for (link, key) in &turn {
            hello_warm.push(hello_running.invoke(&retrieve(link, key)).await?);
        }
        for (link, key) in &turn {
            ours_warm.push(ours_running.invoke(&retrieve(link, key)).await?);
        }
        for (link, key) in &turn {
            table.push(bed.two_calls(link, key).await?);
        }
    }
    let function = |cold, warm, running: &Emulator, bootstrap: &Path| {
        Ok::<_, String>(Function {
            cold: Sample::new(cold),
            warm,
            memory: running.peak_memory()?,
            zipped: zipped_size(bootstrap)?,
        })
    };
    let ours = function(ours_cold, ours_warm, &ours_running, our_bootstrap)?;
    let hello = function(hello_cold, hello_warm, &hello_running, hello_bootstrap)?;
    Ok(report(ours, hello, &Sample::new(table)))
}

fn report(ours: Function, hello: Function, table: &Sample) -> String {
    let (our_warm, hello_warm) = (Sample::new(ours.warm), Sample::new(hello.warm));
    let [one, other] = programs::LAMBDAS;
    let mut report = Report::new(
        "Lambda under the runtime interface emulator, DynamoDB calls to the embedded engine",
        [one, other, "ratio"],
    );
    let cold = format!("first answer from cold, median of {}", ours.cold.len());
    report.durations(&cold, ours.cold.median(), hello.cold.median());
    report.durations("first answer from cold, worst", ours.cold.percentile(100), hello.cold.percentile(100));
    report.durations(&format!("warm answer, p50 of {}", our_warm.len()), our_warm.median(), hello_warm.median());
    report.durations("warm answer, p99", our_warm.percentile(99), hello_warm.percentile(99));
    report.sizes("peak memory", ours.memory, hello.memory);
    report.sizes("zipped", ours.zipped, hello.zipped);
    report.line("GetItem + UpdateItem through the SDK, p50", [&milliseconds(table.median()), "", ""]);
    report.gap();
    report.goal(
        ours.cold.median() <= hello.cold.median() * MOST_COLD,
        &format!("first GET from cold at most {MOST_COLD} times hello world's first answer"),
        &ratio(ours.cold.median().as_micros(), hello.cold.median().as_micros()),
    );
    let most_warm = hello_warm.median() + table.median();
    report.goal(
        our_warm.median() <= most_warm,
        &format!("warm GET at most hello world and two DynamoDB calls, {}", milliseconds(most_warm)),
        &milliseconds(our_warm.median()),
    );
    report.goal(
        ours.zipped <= MOST_ZIPPED,
        &format!("zipped at most {}", megabytes(MOST_ZIPPED)),
        &megabytes(ours.zipped),
    );
    report.goal(
        ours.memory <= MOST_MEMORY,
        &format!("peak memory at most {}", megabytes(MOST_MEMORY)),
        &megabytes(ours.memory),
    );
    report.text()
}

/// API Gateway's event (payload 2.0) of a GET of one link by its id.
fn retrieve(link: &PaymentLinkId, key: &KeyText) -> Value {
    let path = format!("/api/v1/payment-links/{link}");
    json!({
        "version": "2.0",
        "routeKey": "GET /api/v1/payment-links/{id}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "authorization": format!("Bearer {}", key.expose()),
            "host": "api.example.com",
            "user-agent": "bench",
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https"
        },
        "pathParameters": {"id": link.as_str()},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "bench"
            },
            "requestId": "bench",
            "routeKey": "GET /api/v1/payment-links/{id}",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64
        },
        "isBase64Encoded": false
    })
}

/// Bytes of the zip file Lambda is sent.
fn zipped_size(bootstrap: &Path) -> Result<u64, String> {
    let failed = |error: std::io::Error| format!("cannot compress {}: {error}", bootstrap.display());
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&std::fs::read(bootstrap).map_err(failed)?).map_err(failed)?;
    Ok(encoder.finish().map_err(failed)?.len() as u64 + ZIP_FRAME)
}
