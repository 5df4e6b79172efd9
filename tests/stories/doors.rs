//! The runner's own doors: what listens, under which names it answers, how long it waits, and what of its data others
//! can reach.

use crate::local_runner::{Folder, Process, command, refusal, start};
use crate::{LINKS, link_body};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The ports on which a process listens: what Linux knows of the sockets it has open.
fn listening_ports(process: u32) -> Vec<u16> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let sockets: Vec<String> = open
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|file| Some(file.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut ports = Vec::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let listens = columns[3] == "0A";
            if listens && sockets.iter().any(|socket| socket == columns[9]) {
                ports.push(u16::from_str_radix(columns[1].rsplit(':').next().unwrap(), 16).unwrap());
            }
        }
    }
    ports
}

#[tokio::test]
async fn the_runner_listens_for_its_callers_and_for_nobody_else() {
    let process = start(&["--memory"]);
    assert_eq!(process.create().await.status(), 201);
    let own: u16 = process.url.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(listening_ports(process.child.id()), [own]);
}

/// What a runner answers to a request with these headers.
fn status(process: &Process, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(process.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn a_request_under_a_foreign_name_is_refused_on_every_route() {
    let process = start(&["--memory", "--public-url", "https://pay.example.com", "--allow-host", "intranet"]);
    let get = |path: &str, host: &str| status(&process, "GET", path, &[("Host", host)], "");
    for own in [process.address(), "localhost", "pay.example.com", "Pay.Example.com:443", "intranet:8080"] {
        assert_eq!(get("/api/v1/health", own).0, 200, "{own}");
    }
    for foreign in ["evil.com", "127.0.0.1.evil.com", "evil.com:8787", ""] {
        for path in ["/api/v1/health", "/api/v1/openapi.json", LINKS, "/pay/abcdef", "/nowhere"] {
            let (status, _) = get(path, foreign);
            assert_eq!(status, 421, "{foreign} {path}");
        }
        let (_, body) = get(LINKS, foreign);
        assert_eq!(body["error"]["code"], "host_not_allowed", "{foreign}");
        assert!(body["error"]["message"].is_string() && body["error"]["doc_url"].is_string());
    }
}

#[test]
fn a_page_of_another_site_changes_nothing_by_key_and_pays_as_before() {
    let process = start(&["--memory"]);
    let key = format!("Bearer {}", process.key);
    let link = link_body(json!({})).to_string();
    let post = |path: &str, origin: &str, body: &str| {
        let headers = [("Host", "localhost"), ("Authorization", key.as_str()), ("Origin", origin)];
        status(&process, "POST", path, &headers, body)
    };
    for foreign in ["https://evil.com", "null", "http://localhost.evil.com"] {
        let (status, body) = post(LINKS, foreign, &link);
        assert_eq!((status, &body["error"]["code"]), (403, &json!("origin_not_allowed")), "{foreign}");
    }
    let (created, made) = post(LINKS, "http://localhost:3000", &link);
    assert_eq!(created, 201, "{made}");
    let sessions = format!("/api/v1/checkout/{}/sessions", made["short_code"].as_str().unwrap());
    assert_eq!(post(&sessions, "https://shop.example.com", "{}").0, 201);
}

#[test]
fn a_listener_that_is_reached_under_any_name_must_be_told_its_own() {
    let said = refusal(&["--memory", "--listen", "0.0.0.0:0", "--allow-remote"]);
    assert!(said.contains("--public-url") && said.contains("--allow-host"), "{said}");
}

#[test]
fn the_runner_refuses_at_the_start_what_cannot_be_meant_with_one_sentence_that_names_the_flag() {
    for (flag, bad, must) in [
        ("--public-url", "https://example.com/shop", "has a path"),
        ("--public-url", "example.com", "not an http:// or https:// URL"),
        ("--short-url", "https://example.com?a", "before any '?'"),
        ("--chain", "8453", "of the form CHAIN_ID="),
        ("--chain", "8453=https://a;8453=https://b", "two settings"),
        ("--confirmations", "8453=3", "without an RPC endpoint"),
        ("--trusted-proxies", "99", "from 0 to 10"),
        ("--country-header", "a b", "not a header's name"),
    ] {
        let folder = Folder::new("doors-settings");
        let said = refusal(&["--data", folder.text(), flag, bad]);
        assert!(said.contains(flag) && said.contains(must), "{flag} {bad}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!folder.0.exists(), "{flag} {bad} left a data directory");
    }
}

#[tokio::test]
async fn a_thousand_half_sent_requests_do_not_stop_the_runner() {
    let process = start(&["--memory"]);
    let halves: [&[u8]; 3] = [
        b"",
        b"GET /api/v1/health HTTP/1.1\r\nHost: loc",
        b"POST /api/v1/quick-pay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    ];
    let mut held = Vec::new();
    for number in 0..1_000 {
        let mut stream = TcpStream::connect(process.address()).unwrap();
        stream.write_all(halves[number % halves.len()]).unwrap();
        held.push(stream);
    }
    // The same machine is still served, as often as it asks.
    for _ in 0..20 {
        assert_eq!(process.create().await.status(), 201);
    }
    let closed = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).unwrap();
        !matches!(stream.read(&mut [0; 256]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let kept = held.iter_mut().filter_map(|stream| (!closed(stream)).then_some(())).count();
    assert!(kept <= 256, "{kept} of one address are held");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn data_is_its_owners_alone_also_where_an_earlier_version_left_it_open() {
    let folder = Folder::new("doors-modes");
    let mut process = start(&["--data", folder.text()]);
    assert_eq!(process.create().await.status(), 201);
    process.signal("-TERM");
    process.wait();
    let files = || std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).unwrap();
    for file in files() {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let process = start(&["--data", folder.text()]);
    assert_eq!(process.create().await.status(), 201);
    assert_eq!(mode(&folder.0), 0o700);
    assert!(files().len() >= 4);
    for file in files() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_secret_that_cannot_be_used_stops_the_start_and_leaves_everything_as_it_was() {
    let folder = Folder::new("doors-secret");
    let mut process = start(&["--data", folder.text()]);
    process.signal("-TERM");
    process.wait();
    let secret = folder.0.join("secret");
    let kept = std::fs::read(&secret).unwrap();
    let refused = |must: &str| {
        let said = refusal(&["--data", folder.text()]);
        assert!(said.contains("secret") && said.contains(must), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    };
    for short in ["abc", "z", &"a".repeat(63)] {
        std::fs::write(&secret, short).unwrap();
        refused("64 hexadecimal digits");
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), short);
    }
    std::fs::remove_file(&secret).unwrap();
    refused("cannot be read without it");
    assert!(!secret.exists());
    std::fs::create_dir(&secret).unwrap();
    refused("cannot read");
    std::fs::remove_dir(&secret).unwrap();
    std::fs::write(&secret, kept).unwrap();
    start(&["--data", folder.text()]);
}

#[test]
fn a_full_disk_stops_the_start_with_a_sentence_and_leaves_no_half_written_file() {
    let folder = Folder::new("doors-full");
    // Files may have no byte, as on a disk that is full.
    let runner = command(&[]).get_program().to_owned();
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" --listen 127.0.0.1:0 --data \"$1\"";
    let ended = Command::new("sh").args(["-c", script]).arg(&runner).arg(&folder.0).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && ended.stdout.is_empty());
    assert!(said.contains("cannot write") && said.trim_end().lines().count() == 1, "{said}");
    let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(left.iter().all(|entry| entry.metadata().unwrap().len() == 0), "{left:?}");
    // With room again, it starts.
    start(&["--data", folder.text()]);
}

#[tokio::test]
async fn a_runner_that_others_can_reach_sends_no_webhook_to_this_machine() {
    let body = json!({"url": "http://127.0.0.1:9/hook", "events": ["*"]});
    for (arguments, status) in [(&["--memory"][..], 201), (&["--memory", "--allow-remote"][..], 400)] {
        let process = start(arguments);
        let request = reqwest::Client::new().post(format!("{}/api/v1/webhooks", process.url));
        let answer = request.bearer_auth(&process.key).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
