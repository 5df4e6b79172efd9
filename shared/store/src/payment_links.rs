//! Payment links: three rows in one partition, read together by one query.
//!
//! `HEAD` is small and carries what lists filter by and what a completed payment counts; `TERMS` is what the
//! merchant decided; `ITEMS` exists only where there are line items. Counting a use therefore never rewrites a form.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::list::Listed;
use crate::schema::{self, Key, link_partition, list_partition};
use anyspend_domain::line_item::LineItem;
use anyspend_domain::payment::LinkState;
use anyspend_domain::payment_link::{PaymentLink, Terms, is_active};
use anyspend_domain::text::fold_case;
use anyspend_domain::{Mode, OrgId, Owner, PaymentLinkId, PaymentLinkRef, ShortCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The attribute that makes a head row a tombstone.
const DELETED_AT: &str = "deleted_at";
/// Columns of the head row that an update may remove.
const OPTIONAL_COLUMNS: &[&str] = &["max_uses", "expires_at", "has_items", "folded_description"];

#[derive(Debug, Serialize, Deserialize)]
struct StoredHead {
    id: PaymentLinkId,
    org: OrgId,
    mode: Mode,
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

/// What a list needs to know of a link before it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlimLink {
    /// The link.
    pub id: PaymentLinkId,
    switched_on: bool,
    expires_at: Option<Timestamp>,
    max_uses: Option<u64>,
    /// Completed payments so far.
    pub uses: u64,
    /// When the merchant last changed it.
    pub updated_at: Timestamp,
    /// The name, case-folded.
    pub folded_name: String,
    folded_description: Option<String>,
    has_items: bool,
}

#[derive(Debug, Deserialize)]
struct StoredSlim {
    #[serde(rename = "lsk")]
    id: PaymentLinkId,
    switched_on: bool,
    expires_at: Option<Timestamp>,
    max_uses: Option<u64>,
    uses: u64,
    updated_at: Timestamp,
    folded_name: String,
    folded_description: Option<String>,
    has_items: Option<bool>,
}

impl SlimLink {
    /// Whether the name, the description or the short code contains `folded`, a case-folded text.
    pub fn contains(&self, folded: &str) -> bool {
        self.folded_name.contains(folded)
            || self.folded_description.as_ref().is_some_and(|description| description.contains(folded))
            || fold_case(self.id.short_code().as_str()).contains(folded)
    }

    /// Whether the link takes payments at `now`: the same rule as for the whole link.
    pub fn is_active(&self, now: Timestamp) -> bool {
        is_active(self.switched_on, self.expires_at, self.max_uses, self.uses, now)
    }
}

fn head(link: &PaymentLink) -> StoredHead {
    StoredHead {
        id: link.id.clone(),
        org: link.owner.org.clone(),
        mode: link.owner.mode,
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

fn terms_and_items(link: &PaymentLink) -> Result<Vec<Write>, StoreError> {
    let code = link.id.short_code();
    let mut writes = vec![Write::put(row(&Key::link_terms(&code), &link.terms)?)];
    if !link.items.is_empty() {
        let items = StoredItems { items: link.items.clone() };
        writes.push(Write::put(row(&Key::link_items(&code), &items)?));
    }
    Ok(writes)
}

/// The writes that make a link. Claiming its partition claims its short code: [`crate::Refusal::Taken`] means that
/// the code exists already.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(link: &PaymentLink) -> Result<Vec<Write>, StoreError> {
    let mut item = row(&Key::link_head(&link.id.short_code()), &head(link))?;
    if link.owner.org != OrgId::anonymous() {
        Listed { owner: &link.owner, object: PaymentLinkId::OBJECT, id: link.id.as_str() }.enter(&mut item);
    }
    let mut writes = vec![Write::create(item)];
    writes.extend(terms_and_items(link)?);
    Ok(writes)
}

/// The writes that change a link which was read at `version`. They leave `uses` alone: payments may be counting it
/// at this moment.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn update(link: &PaymentLink, version: u64) -> Result<Vec<Write>, StoreError> {
    let code = link.id.short_code();
    let key = Key::link_head(&code);
    let mut set = row(&key, &head(link))?;
    for fixed in [schema::PK, schema::SK, "id", "org", "mode", "created_at", "uses"] {
        set.remove(fixed);
    }
    let remove = OPTIONAL_COLUMNS.iter().copied().filter(|column| !set.contains_key(*column)).collect();
    let mut writes = vec![Write::set_at_version(key, version, set, remove)];
    writes.extend(terms_and_items(link)?);
    if link.items.is_empty() {
        writes.push(Write::delete(Key::link_items(&code)));
    }
    Ok(writes)
}

/// The writes that delete a link which was read at its present version, for good: a tombstone takes the place of its
/// head, so that its open sessions fail at once, however many there are, and nobody else ever gets its code.
///
/// # Errors
/// When the tombstone cannot be stored, which is a fault of ours.
pub fn delete(link: &PaymentLink, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let code = link.id.short_code();
    let tombstone = StoredTombstone { id: link.id.clone(), deleted_at: now };
    Ok(vec![
        Write::replace_at_version(row(&Key::link_head(&code), &tombstone)?, link.version),
        Write::delete(Key::link_terms(&code)),
        Write::delete(Key::link_items(&code)),
    ])
}

/// The write that counts one more completed payment of a link that was seen with this version and this many uses.
/// [`crate::Refusal::Changed`] means that another payment or the merchant came first.
pub fn count_use(code: &ShortCode, version: u64, uses: u64) -> Write {
    Write::count_seen(Key::link_head(code), version, ("uses", uses))
}

/// Puts a link's rows together; `None` when the head or the terms are not among them.
fn assemble(rows: Vec<Item>) -> Result<Option<PaymentLink>, StoreError> {
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
        owner: Owner { org: head.org, mode: head.mode },
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
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn link_deleted_at(&self, code: &ShortCode) -> Result<Option<Timestamp>, StoreError> {
        match self.get(&Key::link_head(code), true).await? {
            Some(item) if item.contains_key(DELETED_AT) => Ok(Some(read::<StoredTombstone>(item)?.deleted_at)),
            _ => Ok(None),
        }
    }

    /// The link of a session, as far as a payment depends on it.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn link_state(&self, code: &ShortCode) -> Result<LinkState, StoreError> {
        if *code == ShortCode::none() {
            return Ok(LinkState::None);
        }
        Ok(match self.get(&Key::link_head(code), true).await? {
            None => LinkState::None,
            Some(item) if item.contains_key(DELETED_AT) => {
                LinkState::Deleted(read::<StoredTombstone>(item)?.deleted_at)
            }
            Some(item) => {
                let StoredHead { uses, max_uses, version, .. } = read(item)?;
                LinkState::Present { uses, max_uses, version }
            }
        })
    }

    /// Which of these links were deleted, and when.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn deleted_links(
        &self,
        links: &[PaymentLinkId],
    ) -> Result<HashMap<PaymentLinkId, Timestamp>, StoreError> {
        let mut keys: Vec<Key> = links.iter().map(|id| Key::link_head(&id.short_code())).collect();
        keys.sort_by(|one, other| one.pk.cmp(&other.pk));
        keys.dedup();
        let items = self.batch_get(&keys).await?.into_iter().filter(|item| item.contains_key(DELETED_AT));
        items.map(|item| read::<StoredTombstone>(item).map(|gone| (gone.id, gone.deleted_at))).collect()
    }

    /// The link a caller names, whoever owns it, with its items.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_payment_link(&self, wanted: &PaymentLinkRef) -> Result<Option<PaymentLink>, StoreError> {
        let rows = self.partition(&link_partition(&wanted.short_code())).await?;
        Ok(assemble(rows)?.filter(|link| wanted.names(&link.id)))
    }

    /// What has become of the link a payer names. The cheap read may be a moment behind, which is good enough to show;
    /// only before it is said that there is no such link, the table is asked for the truth.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn meet_payment_link(&self, wanted: &PaymentLinkRef) -> Result<LinkFate, StoreError> {
        match self.fate_of_link(wanted, false).await? {
            LinkFate::Unknown => self.fate_of_link(wanted, true).await,
            fate => Ok(fate),
        }
    }

    /// What has become of the link a payer names, as of this moment.
    ///
    /// # Errors
    /// When the table does not answer.
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

    /// What lists need to know of every link of an owner, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_slim_payment_links(&self, owner: &Owner) -> Result<Vec<SlimLink>, StoreError> {
        let rows = self.list_rows(&list_partition(owner, PaymentLinkId::OBJECT)).await?;
        rows.into_iter()
            .map(|item| {
                let slim: StoredSlim = read(item)?;
                Ok(SlimLink {
                    id: slim.id,
                    switched_on: slim.switched_on,
                    expires_at: slim.expires_at,
                    max_uses: slim.max_uses,
                    uses: slim.uses,
                    updated_at: slim.updated_at,
                    folded_name: slim.folded_name,
                    folded_description: slim.folded_description,
                    has_items: slim.has_items.unwrap_or(false),
                })
            })
            .collect()
    }

    /// The whole links of a page, in its order. One that was deleted in between is left out.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get_payment_links(&self, page: &[SlimLink]) -> Result<Vec<PaymentLink>, StoreError> {
        let keys: Vec<Key> = page
            .iter()
            .flat_map(|slim| {
                let code = slim.id.short_code();
                let items = slim.has_items.then(|| Key::link_items(&code));
                [Key::link_head(&code), Key::link_terms(&code)].into_iter().chain(items)
            })
            .collect();
        let mut rows: HashMap<String, Vec<Item>> = HashMap::new();
        for item in self.batch_get(&keys).await? {
            rows.entry(string(&item, schema::PK).to_owned()).or_default().push(item);
        }
        let mut links = Vec::with_capacity(page.len());
        for slim in page {
            let found = rows.remove(&link_partition(&slim.id.short_code())).map(assemble).transpose()?.flatten();
            links.extend(found.filter(|link| link.id == slim.id));
        }
        Ok(links)
    }
}
