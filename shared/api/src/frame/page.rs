//! Pages: the superset envelope of both versions, by number and by cursor.

use crate::call::Call;
use crate::error::ApiError;
use crate::fields::MAX_SAFE_INTEGER;
use crate::query::{QueryKind, QueryParam, invalid_cursor};
use anyspend_domain::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

const DEFAULT_LIMIT: u64 = 20;
const MAX_LIMIT: u64 = 100;
const MAX_CURSOR: usize = 2_048;
/// Bytes of the hash that ties a cursor to its list: enough to notice a mistake, which is all it is for.
const SCOPE_BYTES: usize = 8;

/// `page`
pub const PAGE: QueryParam = QueryParam {
    name: "page",
    description: "Page number, from 1. Pages shift when objects are created or deleted meanwhile; a cursor does not.",
    kind: QueryKind::Whole(1, MAX_SAFE_INTEGER),
};
/// `limit`
pub const LIMIT: QueryParam =
    QueryParam { name: "limit", description: "Objects per page, 20 by default.", kind: QueryKind::Whole(1, MAX_LIMIT) };
/// `cursor`
pub const CURSOR: QueryParam = QueryParam {
    name: "cursor",
    description: "The `next_cursor` of the page before. Cannot be combined with `page`.",
    kind: QueryKind::Text(MAX_CURSOR),
};
/// `order`
pub const ORDER: QueryParam = QueryParam {
    name: "order",
    description: "`desc` (newest first) by default.",
    kind: QueryKind::OneOf(&["asc", "desc"]),
};

/// A page of a list, under the names of both versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListView<T: ToSchema> {
    /// `list`
    #[schema(examples("list"))]
    pub object: &'static str,
    /// The page.
    pub data: Vec<T>,
    /// Whether there is a page after this one.
    pub has_more: bool,
    /// Objects in the whole list.
    pub total_count: u64,
    /// The path of the list.
    pub url: String,
    /// What to send as `cursor` for the next page.
    pub next_cursor: Option<String>,
    /// The same in the 2026 form.
    pub pagination: Pagination,
}

/// Where a page stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pagination {
    /// This page's number.
    pub page: u64,
    /// Objects per page.
    pub limit: u64,
    /// Objects in the whole list.
    pub total: u64,
    /// Pages in the whole list.
    pub total_pages: u64,
    /// Whether there is a page after this one.
    pub has_more: bool,
}

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Where a page begins, as the caller says it.
#[derive(Debug)]
pub(crate) enum Position {
    /// At the beginning of the page with this number.
    Page(u64),
    /// After the row with this key.
    After(Vec<u8>),
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// After so many rows.
    Row(u64),
    /// After what a cursor says.
    After(&'a str),
}

/// Which page of which list is asked for.
#[derive(Debug)]
pub struct PageRequest {
    pub(crate) position: Position,
    pub(crate) limit: u64,
    pub(crate) order: Order,
    /// What a cursor is good for: the same list, filter and order.
    scope: String,
}

impl PageRequest {
    /// Reads `page`, `limit`, `cursor` and `order` of a list whose filter is described by `filter`.
    ///
    /// # Errors
    /// `invalid_field_value` for each parameter that is out of range.
    pub fn read(call: &Call, default: Order, filter: &str) -> Result<Self, ApiError> {
        Self::read_with_limit(call, default, filter, DEFAULT_LIMIT)
    }

    /// The same for a list that is shown whole unless a smaller page is asked for.
    ///
    /// # Errors
    /// `invalid_field_value` for each parameter that is out of range.
    pub fn read_whole(call: &Call, default: Order, filter: &str) -> Result<Self, ApiError> {
        Self::read_with_limit(call, default, filter, MAX_LIMIT)
    }

    fn read_with_limit(call: &Call, default: Order, filter: &str, default_limit: u64) -> Result<Self, ApiError> {
        let query = call.query();
        let mut problems: Vec<Problem> = Vec::new();
        let mut keep = |read: Result<Option<u64>, Problem>| match read {
            Ok(value) => value,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let page = keep(query.whole("page", 1..=MAX_SAFE_INTEGER));
        let limit = keep(query.whole("limit", 1..=MAX_LIMIT)).unwrap_or(default_limit);
        let order = match query.one_of("order", &["asc", "desc"]) {
            Ok(Some("asc")) => Order::Ascending,
            Ok(Some(_)) => Order::Descending,
            Ok(None) => default,
            Err(problem) => {
                problems.push(problem);
                default
            }
        };
        // Hashed, so that a long search does not make a long cursor.
        let scope = Sha256::digest(format!("{}?{filter}&{order:?}", call.path));
        let scope = hex::encode(&scope[..SCOPE_BYTES]);
        let position = match query.text("cursor") {
            None => Position::Page(page.unwrap_or(1)),
            Some(_) if page.is_some() => {
                problems.push(Problem::invalid("page", "cannot be combined with 'cursor'"));
                Position::Page(1)
            }
            Some(cursor) => match read_cursor(cursor, &scope) {
                Some(after) => Position::After(after),
                None => {
                    problems.push(invalid_cursor());
                    Position::Page(1)
                }
            },
        };
        match ApiError::merged(problems, None) {
            Some(error) => Err(error),
            None => Ok(Self { position, limit, order, scope }),
        }
    }

    /// Where the page begins, for a list that finds its rows by itself.
    pub fn start(&self) -> Start<'_> {
        match &self.position {
            Position::Page(page) => Start::Row(page.saturating_sub(1).saturating_mul(self.limit)),
            Position::After(last) => Start::After(str::from_utf8(last).unwrap_or_default()),
        }
    }

    /// Most rows of the page.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// The page with these rows, number `page` of a list of `total`. `next` is what the cursor of the page after it says,
    /// if there is one.
    pub fn found<T>(&self, rows: Vec<T>, total: u64, page: u64, next: Option<&[u8]>) -> Page<T> {
        Page {
            rows,
            total,
            has_more: next.is_some(),
            next_cursor: next.map(|next| write_cursor(&self.scope, next)),
            page,
            limit: self.limit,
        }
    }

    /// Cuts the page out of all rows, which come in ascending order of their unique `key`.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        if self.order == Order::Descending {
            rows.reverse();
        }
        let total = rows.len();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let start = match &self.position {
            Position::Page(page) => {
                usize::try_from(page - 1).ok().and_then(|page| page.checked_mul(limit)).unwrap_or(usize::MAX)
            }
            Position::After(last) => rows.partition_point(|row| match self.order {
                Order::Ascending => key(row).as_bytes() <= last.as_slice(),
                Order::Descending => key(row).as_bytes() >= last.as_slice(),
            }),
        }
        .min(total);
        let end = start.saturating_add(limit).min(total);
        let has_more = end < total;
        let next_cursor =
            rows[start..end].last().filter(|_| has_more).map(|last| write_cursor(&self.scope, key(last).as_bytes()));
        let page = self.number(u64::try_from(start).unwrap_or(u64::MAX));
        rows.truncate(end);
        let rows = rows.split_off(start);
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        Page { rows, total, has_more, next_cursor, page, limit: self.limit }
    }

    /// The number of the page before which `skipped` objects are.
    pub(crate) const fn number(&self, skipped: u64) -> u64 {
        match self.position {
            Position::Page(page) => page,
            Position::After(_) => skipped / self.limit + 1,
        }
    }
}

/// One page.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    total: u64,
    has_more: bool,
    next_cursor: Option<String>,
    page: u64,
    limit: u64,
}

impl<T> Page<T> {
    /// The envelope, with the rows rendered as `data`.
    pub fn view<V: ToSchema>(&self, call: &Call, data: Vec<V>) -> ListView<V> {
        ListView {
            object: "list",
            data,
            has_more: self.has_more,
            total_count: self.total,
            url: call.path.clone(),
            next_cursor: self.next_cursor.clone(),
            pagination: Pagination {
                page: self.page,
                limit: self.limit,
                total: self.total,
                total_pages: self.total.div_ceil(self.limit),
                has_more: self.has_more,
            },
        }
    }
}

fn write_cursor(scope: &str, last: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([scope.as_bytes(), b"\n", last].concat())
}

fn read_cursor(cursor: &str, scope: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    bytes.strip_prefix(scope.as_bytes())?.strip_prefix(b"\n").map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(position: Position, limit: u64, order: Order) -> PageRequest {
        PageRequest { position, limit, order, scope: "list".to_owned() }
    }

    fn key(row: &u32) -> String {
        format!("{row:05}")
    }

    #[test]
    fn a_cursor_walk_sees_every_surviving_row_exactly_once() {
        for order in [Order::Ascending, Order::Descending] {
            let mut rows: Vec<u32> = (0..50).collect();
            let mut seen = Vec::new();
            let mut position = Position::Page(1);
            loop {
                let page = request(position, 7, order).cut(rows.clone(), key);
                seen.extend(page.rows.iter().copied());
                // Rows come and go meanwhile: one that was seen, and one at either end.
                rows.retain(|row| *row != seen[seen.len() - 1]);
                rows.push(1_000 + u32::try_from(rows.len()).unwrap());
                match page.next_cursor {
                    Some(cursor) if seen.len() < 200 => {
                        position = Position::After(read_cursor(&cursor, "list").unwrap());
                    }
                    _ => break,
                }
            }
            let mut old: Vec<u32> = seen.iter().copied().filter(|row| *row < 1_000).collect();
            old.sort_unstable();
            assert_eq!(old, (0..50).collect::<Vec<_>>(), "{order:?}");
        }
    }

    #[test]
    fn pages_are_counted_exactly() {
        let page = request(Position::Page(3), 20, Order::Descending).cut((0..45).collect(), key);
        assert_eq!(page.rows, [4, 3, 2, 1, 0]);
        assert!(!page.has_more && page.next_cursor.is_none());
        let beyond = request(Position::Page(MAX_SAFE_INTEGER), 100, Order::Ascending).cut((0..45).collect(), key);
        assert!(beyond.rows.is_empty() && !beyond.has_more);
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = write_cursor("list", b"00001");
        assert_eq!(read_cursor(&cursor, "other"), None);
        assert_eq!(read_cursor("%%%", "list"), None);
    }
}
