//! Exports: many objects in one answer, as CSV or JSON, in bounded memory.
//!
//! First the ids of what is wanted are collected, which tells whether it is too much; then the objects are read page by
//! page while the answer is sent, none before it is asked for. What must stay true: whatever goes wrong before the first
//! byte is an error like any other, and afterwards breaks the transfer off; an export that ends is complete.

use crate::answer::Streamed;
use crate::call::Call;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::operation::{Content, Operation, describe_answer};
use crate::query::{QueryKind, QueryParam};
use crate::versions::Tree;
use anyspend_domain::Problem;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Objects that are read, and then written, at once: what one `BatchGetItem` takes.
const PAGE: usize = 100;
/// The media type of CSV.
pub const CSV: &str = "text/csv";
const JSON: &str = "application/json";
/// What a spreadsheet takes for the beginning of a formula.
/// A line end too: what begins in its second line begins a cell where a program splits lines.
const FORMULA_STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];
/// What makes a spreadsheet take a cell for text.
const TEXT_MARK: char = '\'';
const FORMATS: &[&str] = &["csv", "json"];

/// `format`
pub const FORMAT: QueryParam = QueryParam {
    name: "format",
    description: "`csv` by default: with a header line, and cells that a spreadsheet would run as a formula behind an \
                  apostrophe.",
    kind: QueryKind::OneOf(FORMATS),
};

/// How a resource is exported: all that its export says of its own.
pub trait Export: Send + Sync + 'static {
    /// What names an object.
    type Id: Send + Sync;
    /// How an object is shown; the columns are fields of it.
    type View: Serialize + ToSchema + Send;
    /// What it exports, by its `object`.
    const RESOURCE: &'static str;
    /// What the objects are called, in messages and in the file's name.
    const NAME: &'static str;
    /// The columns of the CSV, in their order.
    const COLUMNS: &'static [&'static str];
    /// Most objects of one export.
    const MOST: usize;

    /// The ids of what the query asks for, in the order of the export; not more than `most`.
    ///
    /// # Errors
    /// What is wrong with the query; 503 when the table does not answer.
    fn find(call: &Call, caller: &Caller, most: usize) -> impl Future<Output = Result<Vec<Self::Id>, ApiError>> + Send;

    /// Shows a page of the objects; what was deleted meanwhile is left out.
    ///
    /// # Errors
    /// 503 when the table does not answer.
    fn views(call: &Call, page: &[Self::Id]) -> impl Future<Output = Result<Vec<Self::View>, ApiError>> + Send;
}

/// An export as JSON.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView<T: ToSchema> {
    /// `list`
    #[schema(examples("list"))]
    pub object: &'static str,
    /// All that was asked for.
    pub data: Vec<T>,
    /// How many there are.
    pub total: u64,
}

/// What an export answers with.
pub fn content<E: Export>() -> Content {
    Content::TextOrJson(CSV, describe_answer::<ExportView<E::View>>)
}

impl Operation {
    /// Exports a resource.
    #[must_use]
    pub fn exporting<E: Export>(self) -> Self {
        // Not beside the check of the caller: it may read a lot, and a refused request must not.
        self.handled_by(export::<E>)
    }
}

async fn export<E: Export>(call: Arc<Call>, caller: Caller) -> Result<Streamed, ApiError> {
    let format = match call.query().one_of("format", FORMATS)? {
        Some("json") => Format::Json,
        _ => Format::Csv,
    };
    let ids = E::find(&call, &caller, E::MOST + 1).await?;
    if ids.len() > E::MOST {
        let must = format!(
            "must be later, or 'to' earlier: an export has at most {} {}, and there are more",
            E::MOST,
            E::NAME
        );
        return Err(Problem::invalid("from", must).into());
    }
    let headers = format.headers(E::NAME)?;
    let version = call.version();
    let mut progress = Progress::<E> { call, ids, format, read: 0, written: 0, ended: false };
    // Made before anything is answered, so that a table that is away is an error and not a broken transfer.
    let first = progress.piece().await?;
    let rest =
        stream::try_unfold(progress, async |mut progress| Ok(progress.piece().await?.map(|piece| (piece, progress))));
    Ok(Streamed { headers, version, body: stream::iter(first.map(Ok)).chain(rest).boxed() })
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Json,
}

impl Format {
    /// The headers that make a file of the answer.
    fn headers(self, name: &str) -> Result<HeaderMap, ApiError> {
        let (media_type, ending) = match self {
            Self::Csv => ("text/csv; charset=utf-8", "csv"),
            Self::Json => (JSON, "json"),
        };
        let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}.{ending}\""))
            .map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (header::CONTENT_DISPOSITION, disposition),
        ]))
    }
}

/// How far an export has come.
struct Progress<E: Export> {
    call: Arc<Call>,
    ids: Vec<E::Id>,
    format: Format,
    /// Ids whose objects were read.
    read: usize,
    /// Objects written.
    written: u64,
    ended: bool,
}

impl<E: Export> Progress<E> {
    /// The next piece of the answer: a page of objects, and with it what stands before the first and after the last.
    async fn piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.ended {
            return Ok(None);
        }
        let end = self.ids.len().min(self.read + PAGE);
        let views = E::views(&self.call, &self.ids[self.read..end]).await?;
        let begins = self.read == 0;
        self.read = end;
        self.ended = end == self.ids.len();
        let piece = match self.format {
            Format::Csv => self.csv(&views, begins),
            Format::Json => self.json(&views, begins),
        };
        piece.map(|piece| Some(Bytes::from(piece)))
    }

    fn csv(&self, views: &[E::View], begins: bool) -> Result<Vec<u8>, ApiError> {
        let fault = |error: csv::Error| ApiError::internal(error.to_string());
        let mut writer = csv::Writer::from_writer(Vec::new());
        let version = self.call.version();
        let columns: Vec<&str> = E::COLUMNS.iter().map(|column| version.name_of(E::RESOURCE, column)).collect();
        if begins {
            writer.write_record(&columns).map_err(fault)?;
        }
        for view in views {
            let Tree::Fields(fields) = version.tree(view).map_err(|error| ApiError::internal(error.to_string()))?
            else {
                return Err(ApiError::internal("what is exported has no fields"));
            };
            writer.write_record(columns.iter().map(|column| cell(fields.get(column)))).map_err(fault)?;
        }
        writer.into_inner().map_err(|error| ApiError::internal(error.to_string()))
    }

    fn json(&mut self, views: &[E::View], begins: bool) -> Result<Vec<u8>, ApiError> {
        let mut text = Vec::new();
        if begins {
            text.extend_from_slice(br#"{"object":"list","data":["#);
        }
        for view in views {
            if self.written > 0 {
                text.push(b',');
            }
            self.written += 1;
            let shown = self.call.version().render(view).map_err(|error| ApiError::internal(error.to_string()))?;
            text.extend_from_slice(&shown);
        }
        if self.ended {
            text.extend_from_slice(format!("],\"total\":{}}}", self.written).as_bytes());
        }
        Ok(text)
    }
}

/// A value as a cell: nothing for what is not known, and nothing a spreadsheet would run.
fn cell(value: Option<&Tree>) -> String {
    match value {
        None | Some(Tree::Null) => String::new(),
        Some(Tree::Text(text)) if text.starts_with(FORMULA_STARTS) => format!("{TEXT_MARK}{text}"),
        Some(Tree::Text(text)) => text.clone(),
        Some(other) => other.to_json().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Number;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"] {
            assert_eq!(cell(Some(&Tree::Text(text.to_owned()))), format!("'{text}"));
        }
        for text in ["a=1", "'=1", "", "0x-1", "é@b"] {
            assert_eq!(cell(Some(&Tree::Text(text.to_owned()))), text);
        }
        assert_eq!((cell(None), cell(Some(&Tree::Null))), (String::new(), String::new()));
        assert_eq!(cell(Some(&Tree::Number(Number::from(8453)))), "8453");
    }
}
