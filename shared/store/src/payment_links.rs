//! Payment links: three rows in one partition, read together by one query.
//!
//! `HEAD` is small and carries what decides whether a link is active, and what a completed payment counts; `TERMS` is what the
//! merchant decided; `ITEMS` exists only where there are line items. Counting a use therefore never rewrites a form.

use crate::db::{Db, Item, StoreError, read, row, string};
use crate::limits::ITEM_BYTES;
use crate::list::{self, Columns, Facet, IdShape, ListId, ListRow, Sort, Suffix, keys};
use crate::schema::{self, Key, link_partition};
use crate::write::{Changes, number};
use crate::{Write, checkout_sessions};
use anyspend_domain::line_item::LineItem;
use anyspend_domain::pasted::{fold_case, holds};
use anyspend_domain::payment::LinkState;
use anyspend_domain::payment_link::{MAX_LINK_BYTES, PaymentLink, Terms, is_active};
use anyspend_domain::{OrgId, Owner, PaymentLinkId, PaymentLinkRef, ShortCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use strum::{IntoStaticStr, VariantArray};

// A link's items stand in one row.
const _: () = assert!(MAX_LINK_BYTES < ITEM_BYTES);

/// The attribute that makes a head row a tombstone.
const DELETED_AT: &str = "deleted_at";
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredHead {
    id: PaymentLinkId,
    #[serde(flatten)]
    owner: Owner,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
    uses: u64,
    switched_on: bool,
    max_uses: Option<u64>,
    expires_at: Option<Timestamp>,
    has_items: Option<bool>,
    folded_name: String,
    folded_description: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredTombstone {
    id: PaymentLinkId,
    deleted_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredItems {
    items: Vec<LineItem>,
}

/// What has become of a link somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkFate {
    /// It exists.
    Stands(Box<PaymentLink>),
    /// It was deleted, at this moment.
    Deleted(Timestamp),
    /// There never was one.
    Unknown,
}

/// What lists know of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkColumns {
    switched_on: bool,
    has_items: bool,
    max_uses: Option<u64>,
    uses: u64,
    expires_at: Option<Timestamp>,
    /// Milliseconds from when it was made to when the merchant last changed it.
    updated_after: u64,
    folded_name: String,
    folded_description: Option<String>,
}

impl LinkColumns {
    /// The columns of a link.
    pub fn of(link: &PaymentLink) -> Self {
        Self::of_head(&head(link))
    }

    fn of_head(head: &StoredHead) -> Self {
        Self {
            switched_on: head.switched_on,
            has_items: head.has_items.unwrap_or(false),
            max_uses: head.max_uses,
            uses: head.uses,
            expires_at: head.expires_at,
            updated_after: head.updated_at.millis_since(head.id.made_at()),
            folded_name: head.folded_name.clone(),
            folded_description: head.folded_description.clone(),
        }
    }

    /// The same rule as for the whole link.
    fn is_active(&self, now: Timestamp) -> bool {
        is_active(self.switched_on, self.expires_at, self.max_uses, self.uses, now)
    }
}

/// The filters of lists of links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum LinkFacet {
    /// Every link.
    #[default]
    All,
    /// Links that take payments.
    Active,
    /// Links that take none.
    Inactive,
}

impl Facet<LinkColumns> for LinkFacet {
    fn holds(self, link: &LinkColumns, now: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::Active => link.is_active(now),
            Self::Inactive => !link.is_active(now),
        }
    }
}

/// The orders of lists of links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is what it sorts by")]
pub enum LinkSort {
    #[default]
    CreatedAt,
    UpdatedAt,
    Name,
    Uses,
}

impl Sort<LinkColumns> for LinkSort {
    fn key(self, link: &LinkColumns, made_at: Timestamp) -> Vec<u8> {
        match self {
            Self::CreatedAt => keys::created(),
            Self::UpdatedAt => keys::moment(made_at.plus_millis(link.updated_after)),
            Self::Name => keys::text(&link.folded_name),
            Self::Uses => keys::number(link.uses),
        }
    }
}

impl Columns for LinkColumns {
    const OBJECT: &'static str = PaymentLinkId::OBJECT;
    const ID: IdShape = IdShape { prefix: PaymentLinkId::PREFIX, suffix: Suffix::ShortCode };
    type Facet = LinkFacet;
    type Sort = LinkSort;

    fn changes_at(&self) -> Option<Timestamp> {
        let without_expiry = is_active(self.switched_on, None, self.max_uses, self.uses, Timestamp::MAX);
        self.expires_at.filter(|_| without_expiry)
    }

    fn contains(&self, id: &str, sought: &str) -> bool {
        holds(&self.folded_name, sought)
            || self.folded_description.as_ref().is_some_and(|description| holds(description, sought))
            || holds(&fold_case(&id[id.len() - ShortCode::LENGTH..]), sought)
    }

    /// Whether there is a row of items to read.
    fn hint(&self) -> Vec<u8> {
        if self.has_items { vec![1] } else { Vec::new() }
    }

    fn without_texts(self) -> Self {
        Self { folded_description: None, ..self }
    }
}

/// The writes that tell the list of links of a change to `version`. Links of nobody are in no list.
fn listed(
    was: Option<&StoredHead>,
    is: Option<&StoredHead>,
    version: u64,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    match is.or(was) {
        Some(StoredHead { id, owner, .. }) if owner.org != OrgId::anonymous() => {
            let list = ListId::all::<LinkColumns>(owner);
            let (was, is) = (was.map(LinkColumns::of_head), is.map(LinkColumns::of_head));
            list::changed(&list, id.as_str(), version, was.as_ref(), is.as_ref(), now)
        }
        _ => Ok(Vec::new()),
    }
}

fn head(link: &PaymentLink) -> StoredHead {
    StoredHead {
        id: link.id.clone(),
        owner: link.owner.clone(),
        created_at: link.created_at,
        updated_at: link.updated_at,
        version: link.version,
        uses: link.uses,
        switched_on: link.terms.switched_on,
        max_uses: link.terms.max_uses,
        expires_at: link.terms.expires_at,
        has_items: (!link.items.is_empty()).then_some(true),
        folded_name: fold_case(link.terms.name.as_str()),
        folded_description: link.terms.description.as_ref().map(|text| fold_case(text.as_str())),
    }
}

/// The rows that go with a link's head.
fn terms_and_items(link: &PaymentLink) -> Result<Vec<Item>, StoreError> {
    let code = link.id.short_code();
    let mut rows = vec![row(&Key::link_terms(&code), &link.terms)?];
    if !link.items.is_empty() {
        let items = StoredItems { items: link.items.clone() };
        rows.push(row(&Key::link_items(&code), &items)?);
    }
    Ok(rows)
}

/// A link's rows as they are stored, without what its list knows of it: for tools that load many, and the list's base
/// with [`Db::load_list`].
pub fn rows(link: &PaymentLink) -> Result<Vec<Item>, StoreError> {
    let mut rows = vec![row(&Key::link_head(&link.id.short_code()), &head(link))?];
    rows.extend(terms_and_items(link)?);
    Ok(rows)
}

/// The writes that make a link. Claiming its partition claims its short code: [`crate::Refusal::Taken`] means that
/// the code exists already.
pub fn create(link: &PaymentLink) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::put(row(&Key::link_head(&link.id.short_code()), &head(link))?).if_new()];
    writes.extend(terms_and_items(link)?.into_iter().map(Write::put));
    writes.extend(listed(None, Some(&head(link)), link.version, link.created_at)?);
    Ok(writes)
}

/// The writes that change a link from what it was read as to what it is to be.
pub fn update(was: &PaymentLink, is: &PaymentLink) -> Result<Vec<Write>, StoreError> {
    let code = is.id.short_code();
    let key = Key::link_head(&code);
    let changes = Changes::between(&row(&key, &head(was))?, row(&key, &head(is))?);
    let mut writes = vec![Write::update(key, changes).at_version(was.version)];
    writes.extend(terms_and_items(is)?.into_iter().map(Write::put));
    if is.items.is_empty() {
        writes.push(Write::delete(Key::link_items(&code)));
    }
    writes.extend(listed(Some(&head(was)), Some(&head(is)), is.version, is.updated_at)?);
    Ok(writes)
}

/// The writes that delete a link which was read at its present version, for good: a tombstone takes the place of its
/// head, so that its open sessions fail at once, however many there are, and nobody else ever gets its code.
pub fn delete(link: &PaymentLink, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let code = link.id.short_code();
    let tombstone = StoredTombstone { id: link.id.clone(), deleted_at: now };
    let mut writes = vec![
        Write::put(row(&Key::link_head(&code), &tombstone)?).at_version(link.version),
        Write::delete(Key::link_terms(&code)),
        Write::delete(Key::link_items(&code)),
    ];
    writes.extend(listed(Some(&head(link)), None, link.version + 1, now)?);
    writes.push(checkout_sessions::fail_all_of(&link.id, &link.owner, now)?);
    Ok(writes)
}

/// A link as far as counting a use of it goes.
#[derive(Debug, Clone)]
pub struct LinkHead(StoredHead);

/// The writes that count one more completed payment of a link, which must be as it was seen.
/// [`crate::Refusal::Changed`] means that another payment or the merchant came first.
pub fn count_use(LinkHead(was): &LinkHead, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let is = StoredHead { uses: was.uses.saturating_add(1), version: was.version + 1, ..was.clone() };
    let counted = Changes::set([("uses", number(is.uses)), ("version", number(is.version))]);
    let mut writes = vec![Write::update(Key::link_head(&is.id.short_code()), counted).at_version(was.version)];
    writes.extend(listed(Some(was), Some(&is), is.version, now)?);
    Ok(writes)
}

/// Puts a link's rows together; `None` when the head or the terms are not among them.
pub(crate) fn assemble(rows: Vec<Item>) -> Result<Option<PaymentLink>, StoreError> {
    let (mut stored_head, mut terms, mut items) = (None, None, Vec::new());
    for item in rows {
        match string(&item, schema::SK) {
            "HEAD" if item.contains_key(DELETED_AT) => return Ok(None),
            "HEAD" => stored_head = Some(read::<StoredHead>(item)?),
            "TERMS" => terms = Some(read::<Terms>(item)?),
            "ITEMS" => items = read::<StoredItems>(item)?.items,
            _ => {}
        }
    }
    Ok(stored_head.zip(terms).map(|(head, terms)| PaymentLink {
        id: head.id,
        owner: head.owner,
        terms,
        items,
        uses: head.uses,
        created_at: head.created_at,
        updated_at: head.updated_at,
        version: head.version,
    }))
}

impl Db {
    /// When the link with this short code was deleted, if it was.
    pub async fn link_deleted_at(&self, code: &ShortCode) -> Result<Option<Timestamp>, StoreError> {
        match self.get(&Key::link_head(code), true).await? {
            Some(item) if item.contains_key(DELETED_AT) => Ok(Some(read::<StoredTombstone>(item)?.deleted_at)),
            _ => Ok(None),
        }
    }

    /// What a payment depends on of the link with this short code, and the head that counts the use if there is to be
    /// one.
    pub async fn link_state(&self, code: &ShortCode) -> Result<(LinkState, Option<LinkHead>), StoreError> {
        if *code == ShortCode::none() {
            return Ok((LinkState::None, None));
        }
        Ok(match self.get(&Key::link_head(code), true).await? {
            None => (LinkState::None, None),
            Some(item) if item.contains_key(DELETED_AT) => {
                (LinkState::Deleted(read::<StoredTombstone>(item)?.deleted_at), None)
            }
            Some(item) => {
                let head: StoredHead = read(item)?;
                let StoredHead { uses, max_uses, version, .. } = head;
                (LinkState::Present { uses, max_uses, version }, Some(LinkHead(head)))
            }
        })
    }

    /// The link a caller names, whoever owns it, with its items.
    pub async fn find_payment_link(&self, wanted: &PaymentLinkRef) -> Result<Option<PaymentLink>, StoreError> {
        let rows = self.partition(&link_partition(&wanted.short_code())).await?;
        Ok(assemble(rows)?.filter(|link| wanted.names(&link.id)))
    }

    /// What has become of the link a payer names. The cheap read may be a moment behind, which is good enough to show;
    /// only before it is said that there is no such link, the table is asked for the truth.
    pub async fn meet_payment_link(&self, wanted: &PaymentLinkRef) -> Result<LinkFate, StoreError> {
        match self.fate_of_link(wanted, false).await? {
            LinkFate::Unknown => self.fate_of_link(wanted, true).await,
            fate => Ok(fate),
        }
    }

    /// What has become of the link a payer names, as of this moment.
    pub async fn find_link_fate(&self, wanted: &PaymentLinkRef) -> Result<LinkFate, StoreError> {
        self.fate_of_link(wanted, true).await
    }

    async fn fate_of_link(&self, wanted: &PaymentLinkRef, consistent: bool) -> Result<LinkFate, StoreError> {
        let rows = self.partition_as(&link_partition(&wanted.short_code()), consistent).await?;
        let tombstone = rows.iter().find(|row| row.contains_key(DELETED_AT)).cloned();
        if let Some(tombstone) = tombstone {
            let tombstone = read::<StoredTombstone>(tombstone)?;
            let named = wanted.names(&tombstone.id);
            return Ok(if named { LinkFate::Deleted(tombstone.deleted_at) } else { LinkFate::Unknown });
        }
        let link = assemble(rows)?.filter(|link| wanted.names(&link.id));
        Ok(link.map_or(LinkFate::Unknown, |link| LinkFate::Stands(Box::new(link))))
    }

    /// The whole links of a page, in its order. One that was deleted in between is left out.
    pub async fn get_payment_links(&self, page: &[ListRow]) -> Result<Vec<PaymentLink>, StoreError> {
        let keys = |listed: &ListRow| {
            let Some(id) = PaymentLinkId::parse(&listed.id) else { return Vec::new() };
            let code = id.short_code();
            let items = (!listed.hint.is_empty()).then(|| Key::link_items(&code));
            [Key::link_head(&code), Key::link_terms(&code)].into_iter().chain(items).collect()
        };
        let mut rows: HashMap<String, Vec<Item>> = HashMap::new();
        for item in self.get_listed(page, keys).await? {
            rows.entry(string(&item, schema::PK).to_owned()).or_default().push(item);
        }
        let mut links = Vec::with_capacity(page.len());
        for id in page.iter().filter_map(|listed| PaymentLinkId::parse(&listed.id)) {
            let found = rows.remove(&link_partition(&id.short_code())).map(assemble).transpose()?.flatten();
            links.extend(found.filter(|link| link.id == id));
        }
        Ok(links)
    }
}
