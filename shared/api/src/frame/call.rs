//! One request on its way: what it said, who sent it, what it cost, and the version it is answered in.
//!
//! How its body is read, how it is answered and how its changes are made stand beside it: `body.rs`, `answer.rs`,
//! `commit.rs` and `decide.rs`.

use crate::caller::{Caller, client_network};
use crate::credential::Credential;
use crate::error::ApiError;
use crate::json::Json;
use crate::platform::Platform;
use crate::query::Query;
use crate::rate_limit_cache::KnownKey;
use crate::requirements::Requirements;
use crate::versions::Version;
use anyspend_domain::statistics::Country;
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{Code, Mode, RequestId, Timestamp};
use anyspend_store::Db;
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a request may take before it is answered with 503; less than the gateway's 30 s, so that the answer is
/// ours.
pub(crate) const REQUEST_DEADLINE: Duration = Duration::from_secs(25);
/// How long before that a write is tried for the last time: the time of one more look at the table and one more write.
const LAST_TRY_MARGIN: Duration = Duration::from_secs(2);
/// So much of a hash tells clients apart.
const CLIENT_MARK_BYTES: usize = 12;
/// The header that chooses and tells the version.
pub const VERSION_HEADER: &str = "anyspend-version";

/// One request.
#[derive(Debug)]
pub struct Call {
    /// What the process shares.
    pub platform: Arc<Platform>,
    /// The table, with this request's meter and deadline.
    pub db: Db,
    /// The moment of the request: one moment, however long it takes.
    pub now: Timestamp,
    /// `req_…`
    pub request_id: RequestId,
    /// The method as sent (HEAD stays HEAD).
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent.
    pub query_string: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The client, as the host of this process knows it.
    pub client_ip: Option<IpAddr>,
    /// When its operation tries to write for the last time.
    pub(crate) last_try: Instant,
    pub(crate) requirements: Requirements,
    params: Vec<(String, String)>,
    body: Result<Bytes, ApiError>,
    credential: OnceLock<Result<Credential, ApiError>>,
    pub(crate) json: OnceLock<Result<Json, ApiError>>,
    pub(crate) query: OnceLock<Query>,
    context: Mutex<RequestContext>,
}

/// What was found out about a request on its way, for the headers of its answer and its line in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestContext {
    pub(crate) allowance: Option<Allowance>,
    pub(crate) version: Option<Version>,
    pub(crate) pinned: Option<Version>,
    pub(crate) mode: Option<Mode>,
    pub(crate) caller: Option<Caller>,
}

/// What a [`Call`] is made from.
pub(crate) struct IncomingRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query_string: String,
    pub(crate) headers: HeaderMap,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) body: Result<Bytes, ApiError>,
    /// What the operation that answers it demands.
    pub(crate) requirements: Requirements,
}

impl Call {
    pub(crate) fn new(
        platform: Arc<Platform>,
        now: Timestamp,
        request_id: RequestId,
        incoming: IncomingRequest,
    ) -> Self {
        let last_try = Instant::now() + (REQUEST_DEADLINE - LAST_TRY_MARGIN);
        Self {
            db: platform.db.metered().until(last_try),
            now,
            request_id,
            last_try,
            requirements: incoming.requirements,
            method: incoming.method,
            path: incoming.path,
            query_string: incoming.query_string,
            headers: incoming.headers,
            client_ip: incoming.client_ip,
            params: incoming.params,
            body: incoming.body,
            credential: OnceLock::new(),
            json: OnceLock::new(),
            query: OnceLock::new(),
            context: Mutex::default(),
            platform,
        }
    }

    pub(crate) fn context(&self) -> MutexGuard<'_, RequestContext> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_allowance(&self, allowance: Allowance) {
        self.context().allowance = Some(allowance);
    }

    pub(crate) fn note_key(&self, key: &KnownKey) {
        let mut context = self.context();
        context.pinned = Some(key.pinned);
        context.mode = Some(key.owner.mode);
    }

    pub(crate) fn note_caller(&self, caller: &Caller) {
        let mut context = self.context();
        // Nobody has no mode: what is told in test mode only is told to keys.
        context.mode = (!caller.is_anonymous()).then_some(caller.owner.mode);
        context.caller = Some(caller.clone());
    }

    /// By what the client's part of the address space is kept and compared: a keyed hash, so that no row and no line in
    /// the log tells an address. `None` where it is not known, or there is no key.
    pub fn client_mark(&self) -> Option<String> {
        let network = client_network(self.client_ip?);
        let mac = self.platform.config.secret.as_ref()?.mac("client network", network.as_bytes());
        Some(hex::encode(&mac[..CLIENT_MARK_BYTES]))
    }

    /// The country a trusted proxy says the client is in, in the header it was configured to use: any other one could be
    /// written by the client.
    pub fn client_country(&self) -> Option<Country> {
        let name = self.platform.config.country_header.as_deref()?;
        Country::parse(self.headers.get(name)?.to_str().ok()?.trim())
    }

    /// The client's part of the address space; all that is known when the host does not know the address.
    pub fn client_network(&self) -> String {
        self.client_ip.map_or_else(|| "unknown".to_owned(), client_network)
    }

    /// The credential, read from the headers once however often it is asked for.
    pub(crate) fn credential(&self) -> Result<&Credential, ApiError> {
        self.credential.get_or_init(|| Credential::from_headers(&self.headers)).as_ref().map_err(Clone::clone)
    }

    /// A path parameter, decoded.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// The body as it arrived.
    pub(crate) fn body_bytes(&self) -> Result<&Bytes, ApiError> {
        self.body.as_ref().map_err(Clone::clone)
    }

    /// The version the header asks for: none, a known one, or an error.
    fn requested_version(&self) -> Result<Option<Version>, ApiError> {
        if self.requirements.is_page {
            return Ok(None);
        }
        let Some(header) = self.headers.get(VERSION_HEADER) else { return Ok(None) };
        header.to_str().ok().and_then(Version::parse).map(Some).ok_or_else(|| {
            let known = Version::names().join(", ");
            ApiError::new(
                Code::InvalidApiVersion,
                format!("The 'AnySpend-Version' header names no known version. Known: {known}."),
            )
        })
    }

    /// Header before pin before default.
    pub(crate) fn settle_version(&self) -> Result<(), ApiError> {
        let requested = self.requested_version()?;
        let mut context = self.context();
        context.version = Some(requested.or(context.pinned).unwrap_or_else(Version::current));
        Ok(())
    }

    /// The version in force, as far as it is settled.
    pub fn version(&self) -> Version {
        let (settled, pinned) = {
            let context = self.context();
            (context.version, context.pinned)
        };
        settled.or_else(|| self.requested_version().ok().flatten()).or(pinned).unwrap_or_else(Version::current)
    }
}
