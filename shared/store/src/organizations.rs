//! Organizations.

use crate::Write;
use crate::db::{Db, StoreError, read, row};
use crate::schema::Key;
use anyspend_domain::text::Name;
use anyspend_domain::{Address, OrgId, Timestamp};
use serde::{Deserialize, Serialize};

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// `org_…`
    pub id: OrgId,
    /// Its name.
    pub name: Name,
    /// Fills a link's recipient where none is sent.
    pub default_recipient_address: Option<Address>,
    /// Fills a link's chain where none is sent.
    pub default_chain_id: Option<u64>,
    /// Fills a link's token where none is sent.
    pub default_token_address: Option<Address>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The write that makes an organization.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(organization: &Organization) -> Result<Write, StoreError> {
    Ok(Write::create(row(&Key::organization(&organization.id), organization)?))
}

impl Db {
    /// The organization with this id.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_organization(&self, id: &OrgId) -> Result<Option<Organization>, StoreError> {
        self.get(&Key::organization(id), false).await?.map(read).transpose()
    }
}
