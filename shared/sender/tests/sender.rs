//! The sender against real listeners: whom it never connects to, and what it makes of whatever answers.
#![allow(clippy::unwrap_used, clippy::panic)]

use anyspend_sender::{Loopback, Message, Reply, Resolver, SendError, Sender};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Answers with one list of addresses after the other, and counts how often it is asked.
#[derive(Debug, Default)]
struct Scripted {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }
}

impl Resolver for Scripted {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap_or_default() };
        Box::pin(async move { Ok(answer) })
    }
}

fn sender(resolver: Arc<dyn Resolver>) -> Sender {
    Sender::with("test", resolver, RootCertStore::empty()).unwrap()
}

fn message(url: &str, loopback: Loopback) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert("x-one", "1".parse().unwrap());
    Message {
        url: url.to_owned(),
        headers,
        body: Bytes::from_static(b"{\"a\":1}"),
        loopback,
        deadline: Duration::from_secs(20),
        most_body: 2_048,
    }
}

/// Listeners on every loopback address a test may be led to, which count who connects.
struct Trap {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Trap {
    async fn set() -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut listeners = vec![listener];
        // Without IPv6 there is nothing to be led to.
        listeners.extend(TcpListener::bind(("::1", port)).await.ok());
        for listener in listeners {
            let connections = connections.clone();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
        }
        Self { port, connections }
    }

    fn caught(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn the_trap_catches_who_is_led_into_it() {
    let trap = Trap::set().await;
    let url = format!("http://127.0.0.1:{}/", trap.port);
    let reply = sender(Scripted::new(&[])).post(&message(&url, Loopback::Allowed)).await.unwrap();
    assert_eq!((reply.status, trap.caught()), (200, 1));
}

#[tokio::test]
async fn no_spelling_of_an_address_inside_is_ever_connected_to() {
    let trap = Trap::set().await;
    let port = trap.port;
    let sender = sender(Scripted::new(&[&[]]));
    let hosts = [
        // This machine, as IPv4 can be spelt.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0x7f.0x0.0x0.0x1",
        "017700000001",
        "0177.0.0.1",
        "0177.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "0x0",
        "00",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        // This machine, as IPv6 can be spelt.
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000::0001]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:7f00:0001::1]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[2606:4700::5efe:7f00:1]",
        // Private, link-local, metadata, shared.
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "3232235777",
        "0xc0a80101",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "192.0.0.192",
        "168.63.129.16",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[fdff::1]",
        "[fe80::1]",
        "[febf::1]",
        "[fec0::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        // Documentation, benchmarks, multicast, reserved.
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "198.19.255.255",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "[2001:db8::1]",
        "[3fff::1]",
        "[2001:2::1]",
        "[2001:10::1]",
        "[2001:20::1]",
        "[ff02::1]",
        "[100::1]",
        "[5f00::1]",
    ];
    assert!(hosts.len() >= 60);
    for host in hosts {
        let url = format!("https://{host}:{port}/");
        let refused = sender.post(&message(&url, Loopback::Refused)).await;
        assert_eq!(refused, Err(SendError::NotPublic), "{url}");
        let url = format!("http://{host}:{port}/");
        let refused = sender.post(&message(&url, Loopback::Refused)).await;
        assert_eq!(refused, Err(SendError::NotPublic), "{url}");
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn no_name_that_resolves_inside_is_connected_to_whatever_else_it_resolves_to() {
    let trap = Trap::set().await;
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["0.0.0.0"],
        &["::"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["fd00:ec2::254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        // One inside among many outside, wherever it stands.
        &["93.184.215.14", "127.0.0.1"],
        &["127.0.0.1", "93.184.215.14"],
        &["2606:4700:4700::1111", "::1", "93.184.215.14"],
    ] {
        let url = format!("https://hooks.example.com:{}/", trap.port);
        let refused = sender(Scripted::new(&[addresses])).post(&message(&url, Loopback::Refused)).await;
        assert_eq!(refused, Err(SendError::NotPublic), "{addresses:?}");
    }
    // Where loopback is allowed, it alone is: not what else is inside, and not a mixture.
    for addresses in [&["10.0.0.1"][..], &["127.0.0.1", "10.0.0.1"], &["127.0.0.1", "93.184.215.14"], &["0.0.0.0"]] {
        let url = format!("http://hooks.example.com:{}/", trap.port);
        let refused = sender(Scripted::new(&[addresses])).post(&message(&url, Loopback::Allowed)).await;
        assert_eq!(refused, Err(SendError::NotPublic), "{addresses:?}");
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_inside_the_second_time_is_not_asked_a_second_time() {
    let trap = Trap::set().await;
    // A public address where nobody answers, then this machine.
    let resolver = Scripted::new(&[&["240.0.0.0"], &["127.0.0.1"]]);
    let url = format!("https://hooks.example.com:{}/", trap.port);
    let refused = sender(resolver.clone()).post(&message(&url, Loopback::Refused)).await;
    assert_eq!((refused, resolver.asked.load(Ordering::SeqCst)), (Err(SendError::NotPublic), 1));
    let resolver = Scripted::new(&[&["1.1.1.1"], &["127.0.0.1"]]);
    let mut rebinding = message(&url, Loopback::Refused);
    rebinding.deadline = Duration::from_millis(1_500);
    let outcome = sender(resolver.clone()).post(&rebinding).await;
    assert!(
        outcome.is_err() && outcome != Err(SendError::NotPublic),
        "it went to the address that was checked: {outcome:?}"
    );
    assert_eq!((resolver.asked.load(Ordering::SeqCst), trap.caught()), (1, 0));
}

#[tokio::test]
async fn what_is_no_url_for_webhooks_is_not_sent_to() {
    let sender = sender(Scripted::new(&[&["127.0.0.1"]]));
    for url in [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://x/",
        "https://user:pw@example.com/",
        "https://user@example.com/",
        "unix:/run/x",
        "data:text/plain,x",
    ] {
        assert_eq!(sender.post(&message(url, Loopback::Allowed)).await, Err(SendError::Unusable), "{url}");
    }
}

/// A server that answers each connection with these bytes, and keeps what it was sent.
async fn raw(answer: &'static [u8]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            kept.lock().unwrap().push(request);
            let _ = stream.write_all(answer).await;
        }
    });
    (port, requests)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1_024];
    while !bytes.ends_with(b"{\"a\":1}") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn post(port: u16, path: &str) -> Result<Reply, SendError> {
    let url = format!("http://hooks.example.com:{port}{path}");
    sender(Scripted::new(&[&["127.0.0.1"]])).post(&message(&url, Loopback::Allowed)).await
}

#[tokio::test]
async fn the_name_is_kept_for_the_host_header_and_the_query_for_the_path() {
    let (port, requests) = raw(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(post(port, "/a%20b?c=d#e").await, Ok(Reply { status: 204, body: Vec::new() }));
    let request = requests.lock().unwrap()[0].to_lowercase();
    assert!(request.starts_with("post /a%20b?c=d http/1.1\r\n"), "{request}");
    for line in [&format!("host: hooks.example.com:{port}"), "user-agent: test", "content-length: 7", "x-one: 1"] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{line}: {request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"));
}

#[tokio::test]
async fn a_redirect_inside_is_an_answer_like_any_other() {
    let trap = Trap::set().await;
    let location = format!("HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n", trap.port);
    let (port, requests) = raw(Box::leak(location.into_bytes().into_boxed_slice())).await;
    assert_eq!(post(port, "/").await, Ok(Reply { status: 307, body: Vec::new() }));
    assert_eq!((requests.lock().unwrap().len(), trap.caught()), (1, 0));
}

#[tokio::test]
async fn whatever_answers_is_bounded() {
    let endless =
        Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(100_000)).into_bytes().into_boxed_slice());
    let many =
        Box::leak(format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1_000)).into_bytes().into_boxed_slice());
    let long = Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "é".repeat(100_000)).into_bytes().into_boxed_slice());
    for (answer, expected) in [
        (&endless[..], Err(SendError::Broken)),
        (many, Err(SendError::Broken)),
        (b"nonsense\r\n\r\n", Err(SendError::Broken)),
        (b"", Err(SendError::Broken)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Ok(Reply { status: 200, body: b"abc".to_vec() })),
        (long, Ok(Reply { status: 200, body: "é".repeat(1_024).into_bytes() })),
    ] {
        let (port, _) = raw(answer).await;
        assert_eq!(post(port, "/").await, expected, "{:?}", &answer[..answer.len().min(40)]);
    }
}

#[tokio::test]
async fn everything_together_ends_at_the_deadline() {
    // Accepts, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    let url = format!("http://127.0.0.1:{port}/");
    let mut hurried = message(&url, Loopback::Allowed);
    hurried.deadline = Duration::from_millis(50);
    assert_eq!(sender(Scripted::new(&[])).post(&hurried).await, Err(SendError::TimedOut));
    silent.abort();
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(post(port, "/").await, Err(SendError::Unconnected));
    assert_eq!(
        sender(Scripted::new(&[&[]])).post(&message("https://nobody.example.com/", Loopback::Refused)).await,
        Err(SendError::Unresolved)
    );
}

#[tokio::test]
async fn tls_is_for_the_name_and_its_certificate_must_be_good_for_it() {
    let key = rcgen::generate_simple_self_signed(vec!["hooks.example.com".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let names: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let seen = names.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                seen.lock().unwrap().push(stream.get_ref().1.server_name().map(str::to_owned));
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            }
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = Sender::with("test", Scripted::new(&[&["127.0.0.1"]]), roots).unwrap();
    let url = |name: &str| format!("https://{name}:{port}/");
    let reply = trusting.post(&message(&url("hooks.example.com"), Loopback::Allowed)).await.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"ok".as_slice()));
    assert_eq!(*names.lock().unwrap(), [Some("hooks.example.com".to_owned())]);
    let other = trusting.post(&message(&url("other.example.com"), Loopback::Allowed)).await;
    assert_eq!(other, Err(SendError::Tls), "the certificate is another name's");
    let doubting = sender(Scripted::new(&[&["127.0.0.1"]]));
    let unknown = doubting.post(&message(&url("hooks.example.com"), Loopback::Allowed)).await;
    assert_eq!(unknown, Err(SendError::Tls), "nobody believes this certificate");
}
