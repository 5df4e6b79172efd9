//! Lists: the superset envelope of both versions, pages by number and by cursor, and the one way every resource is
//! listed ([`Listing`]).

use crate::auth::Caller;
use crate::call::{Answer, Call};
use crate::error::ApiError;
use crate::fields::MAX_SAFE_INTEGER;
use crate::operation::Operation;
use crate::query::{QueryKind, QueryParam, invalid_cursor};
use anyspend_domain::pasted::findable;
use anyspend_domain::{Owner, Problem};
use anyspend_store::list::{Columns, KeyRange, ListId, ListPage, ListRow, OpenList, Selection, Start as StoreStart};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: u64 = 20;
const MAX_LIMIT: u64 = 100;
const MAX_CURSOR: usize = 2_048;
/// Most characters of a search.
pub const MAX_SEARCH: usize = 200;

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

#[derive(Debug)]
enum From {
    Page(u64),
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
    from: From,
    limit: u64,
    order: Order,
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
        let from = match query.text("cursor") {
            None => From::Page(page.unwrap_or(1)),
            Some(_) if page.is_some() => {
                problems.push(Problem::invalid("page", "cannot be combined with 'cursor'"));
                From::Page(1)
            }
            Some(cursor) => match read_cursor(cursor, &scope) {
                Some(after) => From::After(after),
                None => {
                    problems.push(invalid_cursor());
                    From::Page(1)
                }
            },
        };
        match ApiError::merged(problems, None) {
            Some(error) => Err(error),
            None => Ok(Self { from, limit, order, scope }),
        }
    }

    /// Where the page begins, for a list that finds its rows by itself.
    pub fn start(&self) -> Start<'_> {
        match &self.from {
            From::Page(page) => Start::Row(page.saturating_sub(1).saturating_mul(self.limit)),
            From::After(last) => Start::After(str::from_utf8(last).unwrap_or_default()),
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
        let start = match &self.from {
            From::Page(page) => {
                usize::try_from(page - 1).ok().and_then(|page| page.checked_mul(limit)).unwrap_or(usize::MAX)
            }
            From::After(last) => rows.partition_point(|row| match self.order {
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
    const fn number(&self, skipped: u64) -> u64 {
        match self.from {
            From::Page(page) => page,
            From::After(_) => skipped / self.limit + 1,
        }
    }

    /// The same question to the store.
    fn select(&self, facet: usize, Part { sort, range }: Part, whole: bool) -> Selection {
        let start = match &self.from {
            From::Page(page) => StoreStart::Skip((page - 1).saturating_mul(self.limit)),
            From::After(last) => StoreStart::After(last.clone()),
        };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let descending = self.order == Order::Descending;
        Selection { facet, sort, whole, range, descending, start, limit }
    }

    /// The page the store has cut out.
    fn shown(&self, page: ListPage) -> Page<ListRow> {
        let (total, number, next) = (page.total, self.number(page.skipped), page.next().map(<[u8]>::to_vec));
        self.found(page.rows, total, number, next.as_deref())
    }
}

/// Which part of which order of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The place of a sort of the columns.
    pub sort: usize,
    /// What of it.
    pub range: KeyRange,
}

/// A list that was opened beside the check of the key, and whose it is.
pub type Expected<L> = Option<(Owner, OpenList<<L as Listing>::Columns>)>;

/// Whether an object, by its id and columns, is among what is sought.
pub type Finds<T> = Box<dyn Fn(&str, &T) -> bool + Send + Sync>;

/// How a resource is listed: all that its list says of its own. The columns behind it, their orders and filters are
/// declared beside the resource's rows in the store.
pub trait Listing: Send + Sync + 'static {
    /// What the list knows of an object.
    type Columns: Columns;
    /// How an object is shown.
    type View: Serialize + ToSchema + Send;
    /// What `sort` may be, the default first; without any, the list has the order of creation only.
    const SORTS: &'static [&'static str] = &[];

    /// The filter that the query asks for, as the place of a facet of the columns.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn facet(call: &Call) -> Result<usize, ApiError>;

    /// The part that the query asks for; none where it asks for all, in an order it names.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn part(_: &Call) -> Result<Option<Part>, ApiError> {
        Ok(None)
    }

    /// What the query seeks by looking at every object, in the form texts are searched in, where there are searches.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn sought(call: &Call) -> Result<Option<String>, ApiError> {
        if !Self::Columns::SEARCHED {
            return Ok(None);
        }
        Ok(call.query().text_within("search", MAX_SEARCH)?.map(findable).filter(|text| !text.is_empty()))
    }

    /// How what is `sought` is found.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn finds(_: &Call, _: &Owner, sought: String) -> Result<Finds<Self::Columns>, ApiError> {
        Ok(Box::new(move |id, columns| columns.contains(id, &sought)))
    }

    /// The order that goes by another name in queries.
    fn sort_called(name: &str) -> &str {
        name
    }

    /// Reads the objects of a page and shows them as they are at the moment of the list.
    fn views(
        call: &Call,
        list: &OpenList<Self::Columns>,
        rows: &[ListRow],
    ) -> impl Future<Output = Result<Vec<Self::View>, ApiError>> + Send;
}

impl Operation {
    /// Lists a resource.
    #[must_use]
    pub fn listing<L: Listing>(self) -> Self {
        self.beside(open_expected::<L>, show::<L>)
    }
}

/// Reads what is asked for, and what is sought by looking at every object.
fn asked<L: Listing>(call: &Call, part: Option<Part>) -> Result<(PageRequest, Selection, Option<String>), ApiError> {
    let query = call.query();
    let facet = L::facet(call)?;
    let sort = query.one_of("sort", L::SORTS)?.or(L::SORTS.first().copied());
    let sought = L::sought(call)?;
    let filter = format!("{facet}&{sort:?}&{}&{part:?}", sought.as_deref().unwrap_or_default());
    let request = PageRequest::read(call, Order::Descending, &filter)?;
    let part = part.unwrap_or_else(|| {
        let sort = sort.map(L::sort_called);
        let sort = L::Columns::SORTS.iter().position(|known| sort == Some(known.name)).unwrap_or(0);
        Part { sort, range: KeyRange::default() }
    });
    let selection = request.select(facet, part, sought.is_some());
    Ok((request, selection, sought))
}

/// What the query asks for of the list of the organization this key opened the last time, opened beside the check of the
/// key.
///
/// # Errors
/// When the table does not answer.
pub async fn open_expected<L: Listing>(call: Arc<Call>) -> Result<Expected<L>, ApiError> {
    // What is wrong with the request is told once the caller is known.
    match call.read_query().and_then(|()| L::part(&call)) {
        Ok(part) => open_part_expected::<L>(&call, part).await,
        Err(_) => Ok(None),
    }
}

/// A part of the list of the organization this key opened the last time, opened beside the check of the key.
///
/// # Errors
/// When the table does not answer.
pub async fn open_part_expected<L: Listing>(call: &Call, part: Option<Part>) -> Result<Expected<L>, ApiError> {
    let Some(owner) = call.expected_owner().filter(|_| call.read_query().is_ok()) else { return Ok(None) };
    let Ok((_, selection, _)) = asked::<L>(call, part) else { return Ok(None) };
    let open = call.db.open_list(&ListId::all::<L::Columns>(&owner), &selection, call.now).await?;
    Ok(Some((owner, open)))
}

/// Shows what the query asks for of a list.
///
/// # Errors
/// What the query gets wrong; 503 when the table does not answer.
pub async fn show<L: Listing>(call: Arc<Call>, caller: Caller, expected: Expected<L>) -> Result<Answer, ApiError> {
    let part = L::part(&call)?;
    show_part::<L>(&call, &caller, part, expected).await
}

/// Shows a part of a list.
///
/// # Errors
/// What the query gets wrong; 503 when the table does not answer.
pub async fn show_part<L: Listing>(
    call: &Call,
    caller: &Caller,
    part: Option<Part>,
    expected: Expected<L>,
) -> Result<Answer, ApiError> {
    let (request, selection, sought) = asked::<L>(call, part)?;
    let open = match expected {
        Some((owner, open)) if owner == caller.owner => open,
        _ => Box::pin(call.db.open_list(&ListId::all::<L::Columns>(&caller.owner), &selection, call.now)).await?,
    };
    let page = match sought {
        Some(sought) => {
            let finds = L::finds(call, &caller.owner, sought)?;
            Box::pin(open.sift(&call.db, &selection, finds)).await?
        }
        None => open.page(&call.db, &selection).await?,
    };
    let page = request.shown(page);
    let views = L::views(call, &open, &page.rows).await?;
    call.answer(StatusCode::OK, &page.view(call, views))
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

    fn request(from: From, limit: u64, order: Order) -> PageRequest {
        PageRequest { from, limit, order, scope: "list".to_owned() }
    }

    fn key(row: &u32) -> String {
        format!("{row:05}")
    }

    #[test]
    fn a_cursor_walk_sees_every_surviving_row_exactly_once() {
        for order in [Order::Ascending, Order::Descending] {
            let mut rows: Vec<u32> = (0..50).collect();
            let mut seen = Vec::new();
            let mut from = From::Page(1);
            loop {
                let page = request(from, 7, order).cut(rows.clone(), key);
                seen.extend(page.rows.iter().copied());
                // Rows come and go meanwhile: one that was seen, and one at either end.
                rows.retain(|row| *row != seen[seen.len() - 1]);
                rows.push(1_000 + u32::try_from(rows.len()).unwrap());
                match page.next_cursor {
                    Some(cursor) if seen.len() < 200 => from = From::After(read_cursor(&cursor, "list").unwrap()),
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
        let page = request(From::Page(3), 20, Order::Descending).cut((0..45).collect(), key);
        assert_eq!(page.rows, [4, 3, 2, 1, 0]);
        assert!(!page.has_more && page.next_cursor.is_none());
        let beyond = request(From::Page(MAX_SAFE_INTEGER), 100, Order::Ascending).cut((0..45).collect(), key);
        assert!(beyond.rows.is_empty() && !beyond.has_more);
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = write_cursor("list", b"00001");
        assert_eq!(read_cursor(&cursor, "other"), None);
        assert_eq!(read_cursor("%%%", "list"), None);
    }
}
