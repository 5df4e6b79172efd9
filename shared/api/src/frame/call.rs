//! One request on its way: what it said, who sent it, what it cost, and how it is answered and committed.

use crate::auth::{Caller, client_network};
use crate::error::ApiError;
use crate::fields::{Body, ReadContext, Reading, read_body};
use crate::json::Json;
use crate::limiter::Holder;
use crate::operation::Operation;
use crate::platform::Platform;
use crate::query::Query;
use crate::versions::{self, Version};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{Code, EventId, Mode, OrgId, Owner, Problem, RequestId, Timestamp};
use anyspend_store::audit::AuditEvent;
use anyspend_store::idempotency::{self, IdempotencyScope, KeptAnswer};
use anyspend_store::{CommitError, Db, Refusal, Write, audit};
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Largest request body.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
const MAX_IDEMPOTENCY_KEY: usize = 256;
/// The header that makes a retry safe.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that chooses and tells the version.
pub const VERSION_HEADER: &str = "anyspend-version";
const SEAL_PURPOSE: &str = "idempotent-answer";

/// One request.
#[derive(Debug)]
pub struct Call {
    /// What the process shares.
    pub platform: Arc<Platform>,
    /// The table, with this request's meter.
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
    operation: Option<Arc<Operation>>,
    params: Vec<(String, String)>,
    body: Result<Bytes, ApiError>,
    json: OnceLock<Result<Json, ApiError>>,
    query: OnceLock<Query>,
    notes: Mutex<Notes>,
}

/// What the way of a request found out, for the headers of its answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(crate) allowance: Option<Allowance>,
    pub(crate) version: Option<Version>,
    pub(crate) pinned: Option<Version>,
    pub(crate) mode: Option<Mode>,
    pub(crate) caller: Option<Caller>,
}

/// What a [`Call`] is made from.
pub(crate) struct Arrived {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query_string: String,
    pub(crate) headers: HeaderMap,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) body: Result<Bytes, ApiError>,
}

/// A successful answer, already rendered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Vec<u8>,
    /// Headers of its own, before the ones every answer has: without a `Content-Type`, a body is JSON.
    pub headers: HeaderMap,
    /// The version it was rendered in.
    pub version: Version,
    /// Whether this is the first answer to an idempotency key, again.
    pub replayed: bool,
    /// Whether the body shows a secret or a person, and is sealed where it is kept.
    pub bears_secret: bool,
}

/// A successful answer that is made while it is sent, so that it never stands in memory as a whole.
///
/// An error after the first byte cannot be told any more: then the transfer breaks off, which no client takes for the end.
pub struct Streamed {
    /// Headers of its own, `Content-Type` among them.
    pub headers: HeaderMap,
    /// The version it is rendered in.
    pub version: Version,
    /// The body, piece by piece, none of it made before it is asked for.
    pub body: BoxStream<'static, Result<Bytes, ApiError>>,
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("headers", &self.headers).finish_non_exhaustive()
    }
}

impl Streamed {
    /// All of the answer, for a host that sends it as one JSON string of at most `most` bytes.
    ///
    /// # Errors
    /// What goes wrong on the way, and what the answer is longer than that.
    pub(crate) async fn whole(mut self, most: usize) -> Result<Answer, ApiError> {
        let (mut body, mut sent) = (Vec::new(), 0_usize);
        while let Some(piece) = self.body.try_next().await? {
            sent = sent.saturating_add(escaped_length(&piece));
            if sent > most {
                let must = "must be later, or 'to' earlier: the answer is longer than this deployment can send at once";
                return Err(Problem::invalid("from", must).into());
            }
            body.extend_from_slice(&piece);
        }
        let (headers, version) = (self.headers, self.version);
        Ok(Answer { status: StatusCode::OK, body, headers, version, replayed: false, bears_secret: false })
    }
}

/// How long text is as a JSON string.
fn escaped_length(text: &[u8]) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(escaped).sum()
}

impl Answer {
    /// The same answer with one header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// What an operation wants to happen.
#[derive(Debug)]
pub struct Changes {
    /// The writes.
    pub writes: Vec<Write>,
    /// What happens.
    pub event_type: AuditEventType,
    /// The object that changes.
    pub resource_id: String,
    /// What the caller is told, once it happened.
    pub answer: Answer,
}

/// Why changes did not happen.
#[derive(Debug)]
pub enum NotCommitted {
    /// A unique value is taken: draw another.
    Taken,
    /// Another unpaid session of the recipient asks for this amount: ask for another.
    Reserved,
    /// The object changed since it was read: read and decide again.
    Changed,
    /// Another object this relied on is no longer as it was.
    Unsupported,
    /// The request fails.
    Failed(ApiError),
}

impl From<NotCommitted> for ApiError {
    fn from(not: NotCommitted) -> Self {
        match not {
            NotCommitted::Failed(error) => error,
            NotCommitted::Taken | NotCommitted::Reserved | NotCommitted::Changed | NotCommitted::Unsupported => {
                Self::unavailable(format!("gave up deciding again: {not:?}"))
            }
        }
    }
}

impl Call {
    pub(crate) fn new(
        platform: Arc<Platform>,
        operation: Option<Arc<Operation>>,
        now: Timestamp,
        request_id: RequestId,
        arrived: Arrived,
    ) -> Self {
        Self {
            db: platform.db.metered(),
            now,
            request_id,
            operation,
            method: arrived.method,
            path: arrived.path,
            query_string: arrived.query_string,
            headers: arrived.headers,
            client_ip: arrived.client_ip,
            params: arrived.params,
            body: arrived.body,
            json: OnceLock::new(),
            query: OnceLock::new(),
            notes: Mutex::default(),
            platform,
        }
    }

    #[expect(clippy::expect_used, reason = "only operations run calls; unrouted requests never get this far")]
    pub(crate) fn operation(&self) -> &Operation {
        self.operation.as_deref().expect("a call without an operation is answered by the road itself")
    }

    pub(crate) fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_allowance(&self, allowance: Allowance) {
        self.notes().allowance = Some(allowance);
    }

    pub(crate) fn note_holder(&self, holder: &Holder) {
        let mut notes = self.notes();
        notes.pinned = Some(holder.pinned);
        notes.mode = Some(holder.owner.mode);
    }

    pub(crate) fn note_caller(&self, caller: &Caller) {
        let mut notes = self.notes();
        notes.mode = Some(caller.owner.mode);
        notes.caller = Some(caller.clone());
    }

    /// The client's part of the address space; all that is known when the host does not know the address.
    pub fn client_network(&self) -> String {
        self.client_ip.map_or_else(|| "unknown".to_owned(), client_network)
    }

    /// The version the header asks for: none, a known one, or an error.
    fn requested_version(&self) -> Result<Option<Version>, ApiError> {
        if self.operation.as_ref().is_some_and(|operation| operation.is_page()) {
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
        let mut notes = self.notes();
        notes.version = Some(requested.or(notes.pinned).unwrap_or_else(Version::current));
        Ok(())
    }

    /// The version in force, as far as it is settled.
    pub fn version(&self) -> Version {
        let (settled, pinned) = {
            let notes = self.notes();
            (notes.version, notes.pinned)
        };
        settled.or_else(|| self.requested_version().ok().flatten()).or(pinned).unwrap_or_else(Version::current)
    }

    /// What must be right about a request whatever it asks for: query, idempotency key, body.
    pub(crate) fn check_shape(&self) -> Result<(), ApiError> {
        if self.operation().is_page() {
            return self.idempotency_key().map(|_| ());
        }
        self.read_query()?;
        self.idempotency_key()?;
        if self.operation().changes() {
            let json = self.json()?;
            if self.operation().body.is_none() {
                read_body::<Nothing>(json, self.read_context(Mode::Test)).strict()?;
            }
        }
        Ok(())
    }

    /// Reads the query parameters, if they have not been read yet: for what is read beside the check of the caller.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn read_query(&self) -> Result<(), ApiError> {
        if self.query.get().is_none() {
            let _ =
                self.query.set(Query::parse(&self.query_string, self.operation().resource, self.operation().query)?);
        }
        Ok(())
    }

    /// The query parameters, which the operation declared. A page reads [`Call::query_string`] itself: it must work
    /// whatever it is tagged with.
    #[expect(clippy::expect_used, reason = "set before any handler runs")]
    pub fn query(&self) -> &Query {
        self.query.get().expect("the query is parsed before the handler runs")
    }

    /// A path parameter, decoded.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    const fn read_context(&self, mode: Mode) -> ReadContext {
        ReadContext { mode, now: self.now }
    }

    /// The body as JSON, parsed once however often it is asked for.
    fn json(&self) -> Result<&Json, ApiError> {
        self.json.get_or_init(|| self.parse_json()).as_ref().map_err(Clone::clone)
    }

    fn parse_json(&self) -> Result<Json, ApiError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        if body.is_empty() {
            return Ok(Json::Object(Vec::new()));
        }
        if !is_declared_as(&self.headers, "application/json") {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "The request body must be declared as 'Content-Type: application/json'.",
            ));
        }
        Json::parse(body)
            .map_err(|error| ApiError::new(Code::InvalidJson, format!("The request body is not valid JSON: {error}.")))
    }

    /// A text field of the body before anything was checked, for a read that runs beside the check of the caller.
    pub fn peek(&self, name: &'static str) -> Option<String> {
        let names = versions::names(self.operation().resource, name);
        let is_named = |(key, _): &&(String, Json)| names.contains(&key.as_str());
        match self.json().ok()? {
            Json::Object(fields) => fields.iter().find(is_named).and_then(|(_, value)| match value {
                Json::String(text) => Some(text.clone()),
                _ => None,
            }),
            _ => None,
        }
    }

    /// The body as far as it can be read, so that the decision's problems can be told in the same pass.
    ///
    /// # Errors
    /// When it is not even a JSON object.
    pub fn read_body<T: Body>(&self, caller: &Caller) -> Result<Reading<T>, ApiError> {
        Ok(read_body(self.json()?, self.read_context(caller.owner.mode)))
    }

    /// The same, for a caller without a mode of its own: `mode` is that of what the request is about.
    ///
    /// # Errors
    /// When it is not even a JSON object.
    pub fn read_body_in<T: Body>(&self, mode: Mode) -> Result<Reading<T>, ApiError> {
        Ok(read_body(self.json()?, self.read_context(mode)))
    }

    /// Reads what a form was turned into as if it had arrived as JSON.
    pub fn read_as<T: Body>(&self, json: &Json, mode: Mode) -> Reading<T> {
        read_body(json, self.read_context(mode))
    }

    /// The fields of a form a browser sent, in its order.
    ///
    /// # Errors
    /// 413 and 415.
    pub fn form(&self) -> Result<Vec<(String, String)>, ApiError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        if !body.is_empty() && !is_declared_as(&self.headers, "application/x-www-form-urlencoded") {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "The form must be declared as 'Content-Type: application/x-www-form-urlencoded'.",
            ));
        }
        Ok(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn body<T: Body>(&self, caller: &Caller) -> Result<T, ApiError> {
        self.read_body(caller)?.strict()
    }

    fn idempotency_key(&self) -> Result<Option<&str>, ApiError> {
        if !self.operation().changes() {
            return Ok(None);
        }
        let Some(value) = self.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
        value.to_str().ok().filter(|key| (1..=MAX_IDEMPOTENCY_KEY).contains(&key.chars().count())).map(Some).ok_or_else(
            || {
                ApiError::new(
                    Code::InvalidIdempotencyKey,
                    format!("The 'Idempotency-Key' header must have 1 to {MAX_IDEMPOTENCY_KEY} printable characters."),
                )
            },
        )
    }

    fn idempotency_scope(&self, caller: &Caller) -> Result<Option<IdempotencyScope>, ApiError> {
        Ok(self.idempotency_key()?.map(|key| {
            // Anonymous callers share an owner; they must not share keys.
            let key =
                if caller.actor_type == "anonymous" { format!("{}\n{key}", caller.actor_id) } else { key.to_owned() };
            IdempotencyScope { owner: caller.owner.clone(), key }
        }))
    }

    /// A name for what this idempotency key stands for, the same with every retry; `None` without a key. For effects that
    /// are more than one transaction can hold: they mark what they made with it.
    ///
    /// # Errors
    /// When the key is malformed.
    pub fn idempotent_name(&self, caller: &Caller) -> Result<Option<String>, ApiError> {
        let scope = self.idempotency_scope(caller)?;
        Ok(scope.map(|scope| hex::encode(Sha256::digest(format!("{}\n{}", scope.row_key().pk, self.fingerprint())))))
    }

    /// SHA-256 over method, path, query and the SHA-256 of the body's bytes.
    fn fingerprint(&self) -> String {
        let body = self.body.as_ref().map(Sha256::digest).unwrap_or_default();
        let mut hash = Sha256::new();
        for part in
            [self.method.as_str().as_bytes(), self.path.as_bytes(), self.query_string.as_bytes(), body.as_slice()]
        {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }

    /// Renders a view in the version in force.
    ///
    /// # Errors
    /// When it cannot be rendered, which is a fault of ours.
    pub fn answer(&self, status: StatusCode, view: &impl Serialize) -> Result<Answer, ApiError> {
        let version = self.version();
        let body = version.render(view).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Answer { status, body, headers: HeaderMap::new(), version, replayed: false, bears_secret: false })
    }

    /// Answers with something else than JSON.
    pub fn answer_with(&self, status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Answer { status, body, headers, version: self.version(), replayed: false, bears_secret: false }
    }

    /// Sends the caller elsewhere.
    ///
    /// # Errors
    /// When the address cannot stand in a header, which is a fault of ours.
    pub fn redirect(&self, status: StatusCode, to: &str) -> Result<Answer, ApiError> {
        let location = HeaderValue::from_bytes(to.as_bytes()).map_err(|error| ApiError::internal(error.to_string()))?;
        let headers = HeaderMap::from_iter([(header::LOCATION, location)]);
        let version = self.version();
        Ok(Answer { status, body: Vec::new(), headers, version, replayed: false, bears_secret: false })
    }

    /// Makes changes happen, once: the writes, the audit event and the idempotent answer in one transaction.
    ///
    /// # Errors
    /// [`NotCommitted`]; with [`NotCommitted::Failed`] of status 503 it is unknown whether they happened, and a
    /// retry with the same idempotency key finds out.
    pub async fn commit(&self, caller: &Caller, changes: Changes) -> Result<Answer, NotCommitted> {
        self.commit_for(caller, &caller.owner, changes).await
    }

    /// The same for a caller who changes what another owns: the trail is the owner's, the idempotency key the
    /// caller's.
    ///
    /// # Errors
    /// As for [`Call::commit`].
    pub async fn commit_for(&self, caller: &Caller, owner: &Owner, changes: Changes) -> Result<Answer, NotCommitted> {
        let failed = |error: ApiError| NotCommitted::Failed(error);
        let Changes { mut writes, event_type, resource_id, answer } = changes;
        let event = AuditEvent {
            id: EventId::generate(self.now),
            event_type,
            resource_id,
            actor_type: caller.actor_type,
            actor_id: caller.actor_id.clone(),
            ip_address: self.client_ip.map(|ip| ip.to_string()),
            request_method: self.method.to_string(),
            request_path: self.path.clone(),
            request_id: self.request_id.clone(),
            status_code: answer.status.as_u16(),
            created_at: self.now,
        };
        // Nobody could ever read the trail of nobody's organization.
        if owner.org != OrgId::anonymous() {
            writes.push(audit::record(owner, &event).map_err(|error| failed(error.into()))?);
        }
        let scope = self.idempotency_scope(caller).map_err(failed)?;
        if let Some(scope) = &scope {
            let (body, squeezed) = idempotency::squeeze(&answer.body);
            let body = self.sealed(scope, body, answer.bears_secret).map_err(failed)?;
            let kept = KeptAnswer {
                fingerprint: self.fingerprint(),
                status: answer.status.as_u16(),
                api_version: answer.version.name().to_owned(),
                headers: kept_headers(&answer.headers),
                body,
                squeezed,
                sealed: answer.bears_secret,
                request_id: self.request_id.to_string(),
                expires_at: self.now.plus_seconds(idempotency::KEPT_SECONDS),
            };
            writes.push(idempotency::keep(scope, &kept, self.now).map_err(|error| failed(error.into()))?);
        }
        let error = match self.db.commit(writes).await {
            Ok(()) => return Ok(answer),
            Err(error) => error,
        };
        match idempotency::answered(error).map_err(|error| failed(error.into()))? {
            // The answer of this very request: its first try did happen, only the news of it was lost.
            Ok(kept) if kept.request_id == self.request_id.as_str() => Ok(answer),
            Ok(kept) => match &scope {
                Some(scope) => self.replay(scope, kept).map_err(failed),
                None => Err(failed(ApiError::internal("an answer was kept for no key"))),
            },
            Err(CommitError::Refused { refusal: Refusal::Taken | Refusal::Claimed, .. }) => Err(NotCommitted::Taken),
            Err(CommitError::Refused { refusal: Refusal::Reserved, .. }) => Err(NotCommitted::Reserved),
            Err(CommitError::Refused { refusal: Refusal::Unsupported, .. }) => Err(NotCommitted::Unsupported),
            Err(CommitError::Refused { refusal: Refusal::Changed | Refusal::Answered, .. }) => {
                Err(NotCommitted::Changed)
            }
            Err(CommitError::Store(error)) => Err(failed(error.into())),
        }
    }

    /// A request that fails because of the state of things may have been answered before: then that answer counts.
    pub(crate) async fn kept_answer_instead_of(&self, error: ApiError) -> Result<Answer, ApiError> {
        let caller = self.notes().caller.clone();
        let Some(caller) = caller.filter(|_| error.yields_to_kept_answer()) else { return Err(error) };
        let Ok(Some(scope)) = self.idempotency_scope(&caller) else { return Err(error) };
        match self.db.find_answer(&scope, self.now).await? {
            Some(kept) => self.replay(&scope, kept),
            None => Err(error),
        }
    }

    fn replay(&self, scope: &IdempotencyScope, kept: KeptAnswer) -> Result<Answer, ApiError> {
        if kept.fingerprint != self.fingerprint() {
            return Err(ApiError::new(
                Code::IdempotencyConflict,
                "This idempotency key was used with a different request. Use a new key, or repeat the request exactly.",
            ));
        }
        let body = if kept.sealed {
            let secret = self.platform.config.secret.as_ref();
            secret
                .and_then(|secret| secret.open(SEAL_PURPOSE, &scope.row_key().pk, &kept.body))
                .ok_or_else(|| ApiError::internal("a kept answer cannot be decrypted"))?
        } else {
            kept.body
        };
        let body = idempotency::unsqueeze(body, kept.squeezed)
            .ok_or_else(|| ApiError::internal("a kept answer cannot be unpacked"))?;
        Ok(Answer {
            status: StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK),
            body,
            headers: restored_headers(&kept.headers),
            version: Version::parse(&kept.api_version).unwrap_or_else(Version::current),
            replayed: true,
            bears_secret: kept.sealed,
        })
    }

    fn sealed(&self, scope: &IdempotencyScope, body: Vec<u8>, bears_secret: bool) -> Result<Vec<u8>, ApiError> {
        if !bears_secret {
            return Ok(body);
        }
        let secret = self.platform.config.secret.as_ref();
        secret
            .map(|secret| secret.seal(SEAL_PURPOSE, &scope.row_key().pk, &body))
            .ok_or_else(|| ApiError::internal("PLATFORM_SECRET is not set, so an answer with a secret cannot be kept"))
    }
}

/// The body of operations that take none.
struct Nothing;

impl Body for Nothing {
    fn read(_: &mut crate::fields::Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// The headers of an answer's own, as they are kept.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// What [`kept_headers`] kept.
fn restored_headers(kept: &[(String, String)]) -> HeaderMap {
    let read = |(name, value): &(String, String)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    kept.iter().filter_map(read).collect()
}

/// Whether the body is declared as this media type, with no charset or UTF-8.
fn is_declared_as(headers: &HeaderMap, media_type: &str) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let right = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
    right
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}
