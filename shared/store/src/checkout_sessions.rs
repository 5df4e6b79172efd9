//! Checkout sessions: one row each, with the buyer's e-mail and name sealed.

use crate::db::{Db, Item, StoreError, open, sealed_row, string};
use crate::list::{self, Columns, Endings, Facet, IdShape, KeyRange, ListId, ListRow, Sort, Suffix, keys, packed_link};
use crate::schema::{self, Key, due_session_key, due_sessions_partition};
use crate::vault::Vault;
use crate::{Write, discount_codes};
use anyspend_domain::checkout_session::{CheckoutSession, MAX_LIFETIME, Status, status_at};
use anyspend_domain::{CheckoutSessionId, OrgId, Owner, PaymentLinkId, ShortCode, Timestamp};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// What lists know of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionColumns {
    stored_status: Status,
    expires_at: Timestamp,
    /// The packed id of the link it was opened from; empty without one.
    link: Vec<u8>,
}

impl SessionColumns {
    /// The columns of a session.
    pub fn of(session: &CheckoutSession) -> Self {
        Self {
            stored_status: session.stored_status,
            expires_at: session.expires_at,
            link: session.payment_link_id.as_ref().map(packed_link).unwrap_or_default(),
        }
    }

    /// Where the sessions stand that were made in a span of time: those of a link, in the order of links; or all, in the
    /// order of creation.
    pub fn range(link: Option<&PaymentLinkId>, from: Option<Timestamp>, to: Option<Timestamp>) -> KeyRange {
        let prefix = link.map(packed_link).unwrap_or_default();
        KeyRange::made::<Self>(&prefix, from, to)
    }
}

/// The filters of lists of sessions: by status, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the status of its sessions")]
pub enum SessionFacet {
    #[default]
    All,
    Open,
    Processing,
    Completed,
    Expired,
    Failed,
}

impl SessionFacet {
    /// The facet of a status.
    pub const fn of(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Processing => Self::Processing,
            Status::Completed => Self::Completed,
            Status::Expired => Self::Expired,
            Status::Failed => Self::Failed,
        }
    }
}

impl Facet<SessionColumns> for SessionFacet {
    fn holds(self, session: &SessionColumns, now: Timestamp) -> bool {
        self == Self::All || self == Self::of(status_at(session.stored_status, session.expires_at, now, None))
    }
}

/// The orders of lists of sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SessionSort {
    /// The order of creation.
    #[default]
    CreatedAt,
    /// The order in which the sessions of a link stand together.
    Link,
}

impl Sort<SessionColumns> for SessionSort {
    fn key(self, session: &SessionColumns, _: Timestamp) -> Vec<u8> {
        match self {
            Self::CreatedAt => keys::created(),
            Self::Link => session.link.clone(),
        }
    }
}

impl Columns for SessionColumns {
    const OBJECT: &'static str = CheckoutSessionId::OBJECT;
    const ID: IdShape = IdShape { prefix: CheckoutSessionId::PREFIX, suffix: Suffix::ShortCode };
    type Facet = SessionFacet;
    type Sort = SessionSort;
    const SEARCHED: bool = false;
    const TELL_ALL: bool = false;
    /// The deletion of a link, whose open sessions fail with it.
    const ENDINGS: Option<Endings<Self>> = Some(Endings {
        facet: SessionFacet::All,
        sort: SessionSort::Link,
        range: |ending| {
            let link = PaymentLinkId::parse(&ending.what)?;
            // Sessions that were made before had expired.
            Some(Self::range(Some(&link), Some(ending.at.minus_seconds(MAX_LIFETIME)), None))
        },
        columns: |key, hint| {
            let expires_at = Timestamp::from_millis(u64::from_be_bytes(hint.try_into().ok()?))?;
            let link = key[..key.len().checked_sub(Self::ID.packed_length())?].to_vec();
            Some(Self { stored_status: Status::Open, expires_at, link })
        },
        ended: |session, at| {
            let fails = session.stored_status == Status::Open
                && status_at(session.stored_status, session.expires_at, at, Some(at)) == Status::Failed;
            fails.then(|| Self { stored_status: Status::Failed, ..session.clone() })
        },
    });

    fn changes_at(&self) -> Option<Timestamp> {
        (self.stored_status == Status::Open).then_some(self.expires_at)
    }

    /// When an open session expires.
    fn hint(&self) -> Vec<u8> {
        self.changes_at().map_or_else(Vec::new, |expiry| expiry.millis().to_be_bytes().to_vec())
    }
}

/// Nobody lists what is nobody's.
fn listed(was: Option<&CheckoutSession>, is: &CheckoutSession) -> Result<Vec<Write>, StoreError> {
    if is.owner.org == OrgId::anonymous() {
        return Ok(Vec::new());
    }
    let (was, columns) = (was.map(SessionColumns::of), SessionColumns::of(is));
    let list = ListId::all::<SessionColumns>(&is.owner);
    list::changed(&list, is.id.as_str(), is.version, was.as_ref(), Some(&columns), is.updated_at)
}

/// The write that ends the open sessions of a link which is deleted, however many they are.
pub fn fail_all_of(link: &PaymentLinkId, owner: &Owner, now: Timestamp) -> Result<Write, StoreError> {
    list::ending(&ListId::all::<SessionColumns>(owner), link.as_str(), now)
}

fn stored(session: &CheckoutSession, vault: &impl Vault) -> Result<Item, StoreError> {
    let mut item = sealed_row(&Key::checkout_session(&session.id), session, vault)?;
    if session.stored_status == Status::Open {
        let (partition, sort) = due_session_key(session.expires_at, &session.id);
        item.insert(schema::DUE_PK.to_owned(), AttributeValue::S(partition));
        item.insert(schema::DUE_SK.to_owned(), AttributeValue::S(sort));
    }
    Ok(item)
}

/// The writes that open a session, and hold what it takes of a discount code.
pub fn create(session: &CheckoutSession, vault: &impl Vault) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::put(stored(session, vault)?).if_new()];
    writes.extend(listed(None, session)?);
    writes.extend(discount_codes::follow(session)?);
    Ok(writes)
}

/// The writes that change a session from what it was read as to what it is to be, and keep what it holds of a discount
/// code in step.
pub fn update(was: &CheckoutSession, is: &CheckoutSession, vault: &impl Vault) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::put(stored(is, vault)?).at_version(was.version)];
    writes.extend(listed(Some(was), is)?);
    writes.extend(discount_codes::follow(is)?);
    Ok(writes)
}

impl Db {
    /// The session with this id, whoever owns it.
    pub async fn find_checkout_session(
        &self,
        id: &CheckoutSessionId,
        vault: &impl Vault,
    ) -> Result<Option<CheckoutSession>, StoreError> {
        self.find_sealed(&Key::checkout_session(id), vault).await
    }

    /// The session with this id, whoever owns it, and side by side when its link was deleted, if it was: the id carries the
    /// link's code.
    pub async fn find_session_and_links_end(
        &self,
        id: &CheckoutSessionId,
        vault: &impl Vault,
    ) -> Result<(Option<CheckoutSession>, Option<Timestamp>), StoreError> {
        let code = id.short_code();
        let link = async { if code == ShortCode::none() { Ok(None) } else { self.link_deleted_at(&code).await } };
        tokio::try_join!(self.find_checkout_session(id, vault), link)
    }

    /// The whole sessions of a page, in its order.
    pub async fn get_checkout_sessions(
        &self,
        page: &[ListRow],
        vault: &impl Vault,
    ) -> Result<Vec<CheckoutSession>, StoreError> {
        let key = |id: &str| CheckoutSessionId::parse(id).as_ref().map(Key::checkout_session);
        self.get_page(page, key).await?.into_iter().map(|item| open(item, vault)).collect()
    }

    /// The open sessions of a shard whose time is over, longest over first, at most `most`. The index may be a moment
    /// behind: what is read of the session itself counts.
    pub async fn due_sessions(
        &self,
        shard: u8,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<CheckoutSessionId>, StoreError> {
        let query = self.query_due(due_sessions_partition(shard), now).limit(i32::try_from(most).unwrap_or(i32::MAX));
        let rows = self.query_page(query).await?;
        let id =
            |row: &Item| string(row, schema::DUE_SK).split_once('#').and_then(|(_, id)| CheckoutSessionId::parse(id));
        Ok(rows.iter().filter_map(id).collect())
    }
}
