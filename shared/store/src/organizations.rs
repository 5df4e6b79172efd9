//! Organizations.

use crate::Write;
use crate::db::{Db, StoreError, row};
use crate::schema::Key;
use anyspend_domain::OrgId;
use anyspend_domain::organization::Organization;

/// The write that makes an organization.
pub fn create(organization: &Organization) -> Result<Write, StoreError> {
    Ok(Write::put(row(&Key::organization(&organization.id), organization)?).if_new())
}

/// The write that puts the next state of an organization in the place of the one that was read at `before`.
pub fn replace(organization: &Organization, before: u64) -> Result<Write, StoreError> {
    Ok(Write::put(row(&Key::organization(&organization.id), organization)?).at_version(before))
}

impl Db {
    /// The organization with this id, as the last change that was answered left it: money goes where its defaults say.
    pub async fn find_organization(&self, id: &OrgId) -> Result<Option<Organization>, StoreError> {
        self.find(&Key::organization(id)).await
    }
}
