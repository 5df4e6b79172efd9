//! API keys: found, checked, counted and marked as used by one conditional write.

use crate::Write;
use crate::db::{Db, Item, StoreError, in_order, read, row, string};
use crate::rate_limits::{Interval, Spend, Spent, TokenBucket, number};
use crate::schema::{self, Key, api_keys_partition};
use anyspend_domain::api_key::{ApiKey, KeyHash, Permissions};
use anyspend_domain::rate_limit::PER_API_KEY;
use anyspend_domain::text::Name;
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{ApiKeyId, Mode, OrgId, Owner, Timestamp};
use serde::{Deserialize, Serialize};

/// `last_used_at` moves in steps of this, so that it says nothing more precise than it promises.
const LAST_USED_STEP_MILLIS: u64 = 60_000;

#[derive(Debug, Serialize, Deserialize)]
struct StoredKey {
    id: ApiKeyId,
    org: OrgId,
    mode: Mode,
    prefix: String,
    name: Name,
    permissions: Permissions,
    api_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_limit: Option<u32>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredPointer {
    hash: String,
}

impl StoredKey {
    fn into_key(self, hash: KeyHash) -> ApiKey {
        ApiKey {
            id: self.id,
            owner: Owner { org: self.org, mode: self.mode },
            hash,
            prefix: self.prefix,
            name: self.name,
            permissions: self.permissions,
            pinned_version: self.api_version,
            rate_limit: self.rate_limit,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
        }
    }
}

/// What a presented key turned out to be.
#[derive(Debug)]
pub enum KeyAuth {
    /// Valid, and a token was taken.
    Granted(ApiKey, Allowance),
    /// Valid, but the bucket is empty.
    Limited(ApiKey, Allowance),
    /// No such key.
    Unknown,
    /// Its expiry has passed.
    Expired,
    /// It was revoked.
    Revoked,
}

/// The writes that make a key.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(key: &ApiKey) -> Result<Vec<Write>, StoreError> {
    let stored = StoredKey {
        id: key.id.clone(),
        org: key.owner.org.clone(),
        mode: key.owner.mode,
        prefix: key.prefix.clone(),
        name: key.name.clone(),
        permissions: key.permissions.clone(),
        api_version: key.pinned_version.clone(),
        rate_limit: key.rate_limit,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    };
    let pointer = row(&Key::api_key_pointer(&key.owner, &key.id), &StoredPointer { hash: key.hash.to_hex() })?;
    Ok(vec![Write::create(row(&Key::api_key(key.hash), &stored)?), Write::create(pointer)])
}

/// The write that stops a key for good. It takes effect with the commit: every request reads the key's own row.
pub fn revoke(key: &ApiKey, now: Timestamp) -> Write {
    Write::set(Key::api_key(key.hash), Item::from([("revoked_at".to_owned(), number(now.millis()))]))
}

/// The condition that `key` is still an active administrator's.
pub fn check_active_admin(key: &ApiKey, now: Timestamp) -> Write {
    Write::check_active_admin(Key::api_key(key.hash), now)
}

impl Db {
    /// Checks a key, takes a token from its bucket and marks it as used, in one `UpdateItem`.
    ///
    /// # Errors
    /// When the table does not answer: the request must then not be let through.
    pub async fn authenticate_key(
        &self,
        hash: KeyHash,
        now: Timestamp,
        expected: Interval,
    ) -> Result<KeyAuth, StoreError> {
        let key = Key::api_key(hash);
        let last_used = now.millis() - now.millis() % LAST_USED_STEP_MILLIS;
        let spend = Spend {
            key: &key,
            limit: PER_API_KEY,
            now,
            condition: Some((
                "attribute_exists(pk) AND attribute_not_exists(revoked_at) \
                 AND (attribute_not_exists(expires_at) OR expires_at > :moment)",
                Item::from([(":moment".to_owned(), number(now.millis()))]),
            )),
            assignments: Some(("last_used_at = :used", Item::from([(":used".to_owned(), number(last_used))]))),
            ttl: None,
        };
        let allowance = |item: &Item| -> Result<Allowance, StoreError> {
            Ok(read::<TokenBucket>(item.clone())?.allowance(PER_API_KEY, now))
        };
        Ok(match self.spend(&spend, expected).await? {
            Spent::Taken(item) => {
                let allowance = allowance(&item)?;
                KeyAuth::Granted(read::<StoredKey>(item)?.into_key(hash), allowance)
            }
            Spent::Empty(item) => {
                let allowance = allowance(&item)?;
                let key = read::<StoredKey>(item)?.into_key(hash);
                if key.revoked_at.is_some() {
                    KeyAuth::Revoked
                } else if key.is_active(now) {
                    KeyAuth::Limited(key, allowance)
                } else {
                    KeyAuth::Expired
                }
            }
            Spent::Refused(None) => KeyAuth::Unknown,
            Spent::Refused(Some(item)) => {
                if read::<StoredKey>(item)?.revoked_at.is_some() {
                    KeyAuth::Revoked
                } else {
                    KeyAuth::Expired
                }
            }
        })
    }

    /// The owner's key with this public id.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_api_key(&self, owner: &Owner, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let Some(pointer) = self.get(&Key::api_key_pointer(owner, id), true).await? else { return Ok(None) };
        self.find_api_key_by_hash(pointed_to(pointer)?).await
    }

    /// The key with this hash.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_api_key_by_hash(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let Some(item) = self.get(&Key::api_key(hash), true).await? else { return Ok(None) };
        Ok(Some(read::<StoredKey>(item)?.into_key(hash)))
    }

    /// Every key of an owner, oldest first. An organization has few, so all are read.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_api_keys(&self, owner: &Owner) -> Result<Vec<ApiKey>, StoreError> {
        let pointers = self.partition(&api_keys_partition(owner)).await?.into_iter().map(pointed_to);
        let keys = pointers.map(|hash| Ok(Key::api_key(hash?))).collect::<Result<Vec<_>, StoreError>>()?;
        let rows = self.batch_get_consistent(&keys).await?;
        in_order(keys.into_iter(), rows)
            .map(|item| {
                let hash = string(&item, schema::PK).strip_prefix(schema::API_KEY_PREFIX).map_or("", |hash| hash);
                let hash = hash_of(hash)?;
                Ok(read::<StoredKey>(item)?.into_key(hash))
            })
            .collect()
    }
}

fn pointed_to(pointer: Item) -> Result<KeyHash, StoreError> {
    hash_of(&read::<StoredPointer>(pointer)?.hash)
}

fn hash_of(hex: &str) -> Result<KeyHash, StoreError> {
    KeyHash::from_hex(hex).ok_or_else(|| StoreError::Fault("a key hash is not hex".to_owned()))
}
