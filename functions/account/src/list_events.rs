//! `GET /events`

use anyspend_api::caller::ANONYMOUS;
use anyspend_api::list::{CURSOR, LIMIT, Order, PAGE, PageRequest, Start};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{Query, QueryKind, QueryParam, invalid_cursor};
use anyspend_api::versions::Time;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::EventId;
use anyspend_domain::api_key::Permission;
use anyspend_store::audit::{RecordedEvent, TrailFilter, TrailStart};
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Most characters of a type or an id in a filter.
const NAME: usize = 100;

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "type",
        description: "Only events of this type, e.g. `payment_link.created`.",
        kind: QueryKind::Text(NAME),
    },
    QueryParam {
        name: "resource_type",
        description: "Only events about objects of this type, e.g. `payment_link`.",
        kind: QueryKind::Text(NAME),
    },
    QueryParam { name: "resource_id", description: "Only events about this object.", kind: QueryKind::Text(NAME) },
    QueryParam {
        name: "from",
        description: "Only events at or after this date, ISO 8601 time, or milliseconds.",
        kind: QueryKind::Moment,
    },
    QueryParam {
        name: "to",
        description: "Only events at or before this; a date means the end of that day, UTC.",
        kind: QueryKind::Moment,
    },
    PAGE,
    LIMIT,
    CURSOR,
];

pub(crate) fn operation() -> Operation {
    Operation::list_of::<EventView>(
        "listEvents",
        "/api/v1/events",
        Access::Needs(Permission::Read),
        "List the audit trail",
    )
    .described(
        "Every change of the caller's mode, newest first: what changed, who changed it, and by which request. Recorded \
         with the change itself, kept 90 days.",
    )
    .about(EventId::OBJECT)
    .query(QUERY)
    .handled_by(list)
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
struct EventView {
    /// `evt_…`
    id: String,
    /// `event`
    #[schema(examples("event"))]
    object: &'static str,
    /// Whether it changed live data.
    livemode: bool,
    /// What happened, e.g. `payment_link.created`.
    event_type: String,
    /// The type of the object that changed.
    resource_type: String,
    /// The object that changed.
    resource_id: String,
    /// Who changed it.
    actor: ActorView,
    /// Where the request of a key or a session came from, where that is known.
    ip_address: Option<String>,
    /// Of a payer's request, a keyed hash of the network it came from: the same for the same network, and no address.
    ip_hash: Option<String>,
    /// Of a payer's request, the country it came from, where that is known.
    ip_country: Option<String>,
    /// The request's method.
    request_method: String,
    /// The request's path.
    request_path: String,
    /// The request.
    request_id: String,
    /// What it was answered with.
    status_code: u16,
    /// When.
    created_at: Time,
}

/// Who changed something.
#[derive(Debug, Serialize, ToSchema)]
struct ActorView {
    /// `api_key`, `session`, `anonymous`, or what of the platform itself it was.
    #[serde(rename = "type")]
    kind: String,
    /// The credential's public id.
    id: String,
}

impl EventView {
    fn new(event: &RecordedEvent, livemode: bool) -> Self {
        // Earlier versions kept payers' addresses, also as the actor's id.
        let of_payer = event.actor_type == ANONYMOUS;
        let actor_id = match (of_payer, &event.ip_hash) {
            (false, _) => event.actor_id.clone(),
            (true, Some(hash)) => hash.clone(),
            (true, None) => "unknown".to_owned(),
        };
        Self {
            id: event.id.to_string(),
            object: EventId::OBJECT,
            livemode,
            event_type: event.event_type.clone(),
            resource_type: event.resource_type.clone(),
            resource_id: event.resource_id.clone(),
            actor: ActorView { kind: event.actor_type.clone(), id: actor_id },
            ip_address: event.ip_address.clone().filter(|_| !of_payer),
            ip_hash: event.ip_hash.clone(),
            ip_country: event.ip_country.clone(),
            request_method: event.request_method.clone(),
            request_path: event.request_path.clone(),
            request_id: event.request_id.clone(),
            status_code: event.status_code,
            created_at: Time(event.created_at),
        }
    }
}

async fn list(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let filter = read_filter(call.query())?;
    let request = PageRequest::read(&call, Order::Descending, &format!("{filter:?}"))?;
    let limit = request.limit();
    let start = match request.start() {
        Start::Row(skip) => TrailStart::Skip(skip),
        Start::After(last) => TrailStart::After(EventId::parse(last).ok_or_else(invalid_cursor)?),
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = call.db.read_trail(&caller.owner, &filter, &start, most, call.now).await?;
    let shown = u64::try_from(found.events.len()).unwrap_or(u64::MAX);
    let goes_on = found.skipped.saturating_add(shown) < found.total;
    let next = found.events.last().filter(|_| goes_on).map(|event| event.id.to_string());
    let livemode = caller.owner.mode.is_live();
    let views = found.events.iter().map(|event| EventView::new(event, livemode)).collect();
    let page = request.found(found.events, found.total, found.skipped / limit + 1, next.as_deref().map(str::as_bytes));
    call.answer(StatusCode::OK, &page.view(&call, views))
}

fn read_filter(query: &Query) -> Result<TrailFilter, ApiError> {
    let text = |name| query.identifier_within(name, NAME);
    Ok(TrailFilter {
        event_type: text("type")?,
        resource_type: text("resource_type")?,
        resource_id: text("resource_id")?,
        from: query.moment("from", false)?,
        to: query.moment("to", true)?,
    })
}
