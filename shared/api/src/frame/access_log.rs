//! One JSON line per request, in CloudWatch's embedded metric format: the log is the metric.

use crate::error::ApiError;
use anyspend_store::Cost;
use serde_json::json;
use std::fmt;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Json, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as subscriber};

/// The target of request lines, whose one field is the line itself.
const TARGET: &str = "request";

/// What a request's line says.
#[derive(Debug)]
pub(crate) struct RequestLine<'a> {
    pub(crate) at: anyspend_domain::Timestamp,
    pub(crate) request_id: &'a str,
    pub(crate) method: &'a str,
    /// The route's pattern, never the path: ids would make a metric per object.
    pub(crate) route: &'a str,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) cost: Cost,
    pub(crate) error: Option<&'a ApiError>,
    pub(crate) actor: Option<&'a str>,
    pub(crate) replayed: bool,
}

fn milliseconds(duration: Duration) -> serde_json::Value {
    let micros = duration.as_micros();
    serde_json::from_str(&format!("{}.{:03}", micros / 1_000, micros % 1_000)).unwrap_or_default()
}

impl RequestLine<'_> {
    /// Writes the line. 5xx are errors, the rest is information.
    pub(crate) fn write(&self) {
        let server_error = self.status >= 500;
        let line = json!({
            "_aws": {
                "Timestamp": self.at.millis(),
                "CloudWatchMetrics": [{
                    "Namespace": "AnySpend/Platform",
                    "Dimensions": [["route"]],
                    "Metrics": [
                        {"Name": "duration_ms", "Unit": "Milliseconds"},
                        {"Name": "server_errors", "Unit": "Count"},
                        {"Name": "throttled", "Unit": "Count"},
                        {"Name": "db_calls", "Unit": "Count"},
                        {"Name": "wru", "Unit": "Count"}
                    ]
                }]
            },
            "level": if server_error { "ERROR" } else { "INFO" },
            "request_id": self.request_id,
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "duration_ms": milliseconds(self.duration),
            "server_errors": u8::from(server_error),
            "throttled": u8::from(self.status == 429),
            "db_calls": self.cost.calls,
            "db_depth": self.cost.depth,
            "db_ms": milliseconds(self.cost.busy),
            "rru": serde_json::from_str::<serde_json::Value>(&self.cost.rru_text()).unwrap_or_default(),
            "wru": self.cost.wru + self.cost.index_wru,
            "code": self.error.map(|error| error.code().as_str()),
            "detail": self.error.and_then(ApiError::detail),
            "actor": self.actor,
            "replayed": self.replayed,
        })
        .to_string();
        if server_error {
            tracing::error!(target: TARGET, line);
        } else {
            tracing::info!(target: TARGET, line);
        }
    }
}

/// Writes request lines as they are, and everything else as flat JSON.
struct Lines {
    json: subscriber::format::Format<Json>,
}

struct Line(Option<String>);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "line" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == TARGET {
            let mut line = Line(None);
            event.record(&mut line);
            return writeln!(writer, "{}", line.0.unwrap_or_default());
        }
        self.json.format_event(ctx, writer, event)
    }
}

/// Sends all logs to stderr as JSON lines; `filter` is a level, or `target=level` pairs. Called once by whoever owns the
/// process.
pub fn install(filter: &str) {
    let json = subscriber::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let wanted = filter.parse::<Targets>().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines =
        subscriber::layer().json().event_format(Lines { json }).with_writer(std::io::stderr).with_filter(wanted);
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
