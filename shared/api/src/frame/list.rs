//! Lists: the one way every resource is listed ([`Listing`]).

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::expected::Expected;
use crate::operation::Operation;
use crate::page::{Page, Position};
use anyspend_domain::Owner;
use anyspend_domain::pasted::findable;
use anyspend_store::list::{
    Choice, Columns, KeyRange, ListId, ListPage, ListRow, OpenList, Selection, Start as StoreStart,
};
use http::StatusCode;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;

pub use crate::page::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest, Pagination, Start};

/// Most characters of a search.
pub const MAX_SEARCH: usize = 200;

/// Which part of which order of a list.
#[derive(Clone, PartialEq, Eq)]
pub struct Part<T: Columns> {
    /// The order.
    pub sort: T::Sort,
    /// What of it.
    pub range: KeyRange,
}

/// Cursors are tied to what this says, those that were given out before included.
impl<T: Columns> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("sort", &self.sort.place()).field("range", &self.range).finish()
    }
}

/// A list that was opened beside the check of the key, and whose it is.
pub type ExpectedList<L> = Expected<OpenList<<L as Listing>::Columns>>;

/// The filters of a list.
pub type FacetOf<L> = <<L as Listing>::Columns as Columns>::Facet;

/// The orders of a list.
type SortOf<L> = <<L as Listing>::Columns as Columns>::Sort;

/// Whether an object, by its id and columns, is among what is sought.
pub type Matcher<T> = Box<dyn Fn(&str, &T) -> bool + Send + Sync>;

/// How a resource is listed: all that its list says of its own. The columns behind it, their orders and filters are
/// declared beside the resource's rows in the store.
pub trait Listing: Send + Sync + 'static {
    /// What the list knows of an object.
    type Columns: Columns;
    /// How an object is shown.
    type View: Serialize + ToSchema + Send;
    /// What it lists, by its `object`.
    const RESOURCE: &'static str;
    /// What `sort` may be, the default first; without any, the list has the order of creation only.
    const SORTS: &'static [&'static str] = &[];

    /// The filter that the query asks for.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn facet(call: &Call) -> Result<FacetOf<Self>, ApiError>;

    /// The part that the query asks for; none where it asks for all, in an order it names.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn part(_: &Call) -> Result<Option<Part<Self::Columns>>, ApiError> {
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

    /// Which objects are what is `sought`.
    ///
    /// # Errors
    /// What is wrong with the query.
    fn matcher(_: &Call, _: &Owner, sought: String) -> Result<Matcher<Self::Columns>, ApiError> {
        Ok(Box::new(move |id, columns| columns.contains(id, &sought)))
    }

    /// Reads the objects of a page and shows them as they are at the moment of the list.
    fn views(
        call: &Call,
        list: &OpenList<Self::Columns>,
        rows: &[ListRow],
    ) -> impl Future<Output = Result<Vec<Self::View>, ApiError>> + Send;
}

impl PageRequest {
    /// The same question to the store.
    fn select<T: Columns>(&self, facet: T::Facet, Part { sort, range }: Part<T>, whole: bool) -> Selection<T> {
        let start = match &self.position {
            Position::Page(page) => StoreStart::Skip((page - 1).saturating_mul(self.limit)),
            Position::After(last) => StoreStart::After(last.clone()),
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

impl Operation {
    /// Lists a resource.
    #[must_use]
    pub fn listing<L: Listing>(self) -> Self {
        self.about(L::RESOURCE).beside(open_expected::<L>, show::<L>)
    }
}

/// The page, what of the list it is cut from, and what is sought there by looking at every object.
type Asked<L> = (PageRequest, Selection<<L as Listing>::Columns>, Option<String>);

/// Reads what is asked for.
fn asked<L: Listing>(call: &Call, part: Option<Part<L::Columns>>) -> Result<Asked<L>, ApiError> {
    let query = call.query();
    let facet = L::facet(call)?;
    let sort = query.field_of("sort", L::SORTS)?.or(L::SORTS.first().copied());
    let sought = L::sought(call)?;
    let filter = format!("{}&{sort:?}&{}&{part:?}", facet.place(), sought.as_deref().unwrap_or_default());
    let request = PageRequest::read(call, Order::Descending, &filter)?;
    let part = part.unwrap_or_else(|| {
        let sort = sort.and_then(SortOf::<L>::named).unwrap_or_default();
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
pub async fn open_expected<L: Listing>(call: Arc<Call>) -> Result<ExpectedList<L>, ApiError> {
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
pub async fn open_part_expected<L: Listing>(
    call: &Call,
    part: Option<Part<L::Columns>>,
) -> Result<ExpectedList<L>, ApiError> {
    if call.read_query().is_err() {
        return Ok(None);
    }
    let Ok((_, selection, _)) = asked::<L>(call, part) else { return Ok(None) };
    call.expect(|owner| open::<L>(call, owner, &selection)).await
}

async fn open<L: Listing>(
    call: &Call,
    owner: Owner,
    selection: &Selection<L::Columns>,
) -> Result<OpenList<L::Columns>, ApiError> {
    Ok(call.db.open_list(&ListId::all::<L::Columns>(&owner), selection, call.now).await?)
}

/// Shows what the query asks for of a list.
///
/// # Errors
/// What the query gets wrong; 503 when the table does not answer.
pub async fn show<L: Listing>(call: Arc<Call>, caller: Caller, expected: ExpectedList<L>) -> Result<Answer, ApiError> {
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
    part: Option<Part<L::Columns>>,
    expected: ExpectedList<L>,
) -> Result<Answer, ApiError> {
    let (request, selection, sought) = asked::<L>(call, part)?;
    let open = caller.confirm(expected, |owner| open::<L>(call, owner, &selection)).await?;
    let page = match sought {
        Some(sought) => {
            let matcher = L::matcher(call, &caller.owner, sought)?;
            Box::pin(open.sift(&call.db, &selection, matcher)).await?
        }
        None => open.page(&call.db, &selection).await?,
    };
    let page = request.shown(page);
    let views = L::views(call, &open, &page.rows).await?;
    call.answer(StatusCode::OK, &page.view(call, views))
}
