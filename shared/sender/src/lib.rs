//! Sends one HTTP request to wherever a merchant says, and never to a machine of ours.
//!
//! What must stay true: a name is resolved once, every address it has is checked, and the connection is made to one of
//! those very addresses, with the name kept for TLS and `Host`: between the check and the connection nobody is asked
//! again. Redirects are answers, never directions. No environment variable and no proxy has a say. Whatever the other side
//! does, it ends at the deadline and within a few kilobytes. On Lambda this also protects the runtime API, which listens
//! on loopback.

use anyspend_domain::public_ip::is_public;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Position, Url};

/// Most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most headers of an answer.
const MAX_HEADERS: usize = 100;
/// A name may have many addresses; this many are tried.
const MAX_ADDRESSES_TRIED: usize = 4;
/// How long one of them may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer's body is waited for once its head is there: only its beginning is of interest, and only to people.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

/// Looks names up.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// All addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Whether a request may go to this very machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loopback {
    /// Never: what counts wherever others decide about URLs.
    Refused,
    /// It may, without TLS too: a developer's own machine.
    Allowed,
}

/// Why there is no answer. Told to merchants, so it says nothing about our network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL is not one that requests are sent to.
    #[error("The URL is not one that webhooks can be sent to.")]
    Unusable,
    /// The URL leads to an address that is not public; nothing was connected to.
    #[error("The URL does not lead to a public address.")]
    NotPublic,
    /// The name has no address.
    #[error("The host name could not be resolved.")]
    Unresolved,
    /// Nobody accepted the connection.
    #[error("The connection could not be made.")]
    Unconnected,
    /// The certificate is not good for the name, or TLS failed otherwise.
    #[error("The TLS handshake failed.")]
    Tls,
    /// The deadline passed.
    #[error("There was no answer in time.")]
    TimedOut,
    /// What came back is not HTTP, too long, or broke off.
    #[error("The answer was not valid HTTP, or broke off.")]
    Broken,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// Besides `Host`, `Content-Length` and `User-Agent`, which are the sender's.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether it may go to this very machine.
    pub loopback: Loopback,
    /// How long everything together may take.
    pub deadline: Duration,
    /// Most bytes of the answer's body to bring back.
    pub most_body: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status, redirects included.
    pub status: u16,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// Sends requests. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
    user_agent: &'static str,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

/// Where a URL leads, before anything was looked up.
struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    secure: bool,
}

impl Sender {
    /// A sender that asks the system for addresses and believes Mozilla's certificate authorities.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(user_agent: &'static str) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Self::with(user_agent, Arc::new(SystemResolver), roots)
    }

    /// A sender with other eyes and other beliefs.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with(user_agent: &'static str, resolver: Arc<dyn Resolver>, roots: RootCertStore) -> Result<Self, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { resolver, tls: TlsConnector::from(Arc::new(config)), user_agent })
    }

    /// POSTs a message and waits for the answer.
    ///
    /// # Errors
    /// [`SendError`]. Only after [`SendError::TimedOut`] and [`SendError::Broken`] the other side may have taken it.
    pub async fn post(&self, message: &Message) -> Result<Reply, SendError> {
        let deadline = Instant::now() + message.deadline;
        timeout_at(deadline, self.post_within(message, deadline)).await.unwrap_or(Err(SendError::TimedOut))
    }

    async fn post_within(&self, message: &Message, deadline: Instant) -> Result<Reply, SendError> {
        let target = target(&message.url)?;
        let addresses = self.addresses(&target, message.loopback).await?;
        let request = self.request(&target, message)?;
        let stream = connect(&addresses, target.port).await?;
        if !target.secure {
            return exchange(stream, request, message.most_body, deadline).await;
        }
        let name = match &target.host {
            Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()),
            Host::Ipv4(ip) => Ok(ServerName::IpAddress(IpAddr::V4(*ip).into())),
            Host::Ipv6(ip) => Ok(ServerName::IpAddress(IpAddr::V6(*ip).into())),
        };
        let name = name.map_err(|_| SendError::Unusable)?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| SendError::Tls)?;
        exchange(stream, request, message.most_body, deadline).await
    }

    /// The addresses to connect to. One that is not allowed refuses them all: whoever mixes them means no good.
    async fn addresses(&self, target: &Target, loopback: Loopback) -> Result<Vec<IpAddr>, SendError> {
        let addresses = match &target.host {
            Host::Domain(name) => self.resolver.resolve(name).await.map_err(|_| SendError::Unresolved)?,
            Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
        };
        if addresses.is_empty() {
            return Err(SendError::Unresolved);
        }
        let at_home = loopback == Loopback::Allowed && addresses.iter().all(IpAddr::is_loopback);
        let public = target.secure && addresses.iter().copied().all(is_public);
        if at_home || public { Ok(addresses) } else { Err(SendError::NotPublic) }
    }

    fn request(&self, target: &Target, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
        let path = &target.url[Position::BeforePath..Position::AfterQuery];
        let host = &target.url[Position::BeforeHost..Position::AfterPort];
        let mut request = Request::post(path.parse::<Uri>().map_err(|_| SendError::Unusable)?)
            .body(Full::new(message.body.clone()))
            .map_err(|_| SendError::Unusable)?;
        let headers = request.headers_mut();
        headers.extend(message.headers.clone());
        headers.insert(header::HOST, HeaderValue::from_str(host).map_err(|_| SendError::Unusable)?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(self.user_agent));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        Ok(request)
    }
}

fn target(url: &str) -> Result<Target, SendError> {
    let url = Url::parse(url).map_err(|_| SendError::Unusable)?;
    let secure = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(SendError::Unusable),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SendError::Unusable);
    }
    // The parser has read decimal, octal and hexadecimal spellings of IPv4 addresses as what they are.
    let host = url.host().ok_or(SendError::Unusable)?.to_owned();
    let port = url.port_or_known_default().ok_or(SendError::Unusable)?;
    Ok(Target { url, host, port, secure })
}

async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, SendError> {
    for ip in addresses.iter().take(MAX_ADDRESSES_TRIED) {
        if let Ok(Ok(stream)) = timeout(CONNECT_PATIENCE, TcpStream::connect(SocketAddr::new(*ip, port))).await {
            // The request is written whole: waiting to fill a packet would only delay it.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(SendError::Unconnected)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    most_body: usize,
    deadline: Instant,
) -> Result<Reply, SendError> {
    let (mut client, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| SendError::Broken)?;
    let answer = async move {
        let response = client.send_request(request).await.map_err(|_| SendError::Broken)?;
        let status = response.status().as_u16();
        // Once the head is there the answer is known: a body that dawdles or breaks off changes nothing.
        let patience = deadline.min(Instant::now() + BODY_PATIENCE);
        let body = beginning(response.into_body(), most_body, patience).await;
        Ok(Reply { status, body })
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection has ended; what it brought is there, or an error is.
        _ = &mut connection => answer.await,
    }
}

/// The first `most` bytes of a body, or as many as come in time.
async fn beginning(mut body: hyper::body::Incoming, most: usize, deadline: Instant) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < most {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    bytes.extend_from_slice(&data[..data.len().min(most - bytes.len())]);
                }
            }
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    bytes
}
