//! API keys: found, checked, counted and marked as used by one conditional write.

use crate::db::{Db, Item, StoreError, read, row, string};
use crate::rate_limits::{Interval, Spend, Spent, TokenBucket};
use crate::schema::{self, Key, api_keys_partition};
use crate::write::{Changes, number};
use crate::{Refusal, Write};
use anyspend_domain::api_key::{ApiKey, KeyHash, Permission};
use anyspend_domain::rate_limit::PER_API_KEY;
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{ApiKeyId, Owner, Timestamp};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

/// `last_used_at` moves in steps of this, so that it says nothing more precise than it promises.
const LAST_USED_STEP_MILLIS: u64 = 60_000;

#[derive(Debug, Serialize, Deserialize)]
struct StoredPointer {
    hash: KeyHash,
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
pub fn create(key: &ApiKey) -> Result<Vec<Write>, StoreError> {
    let pointer = row(&Key::api_key_pointer(&key.owner, &key.id), &StoredPointer { hash: key.hash })?;
    Ok(vec![Write::put(row(&Key::api_key(key.hash), key)?).if_new(), Write::put(pointer).if_new()])
}

/// The write that stops a key for good. It takes effect with the commit: every request reads the key's own row.
pub fn revoke(key: &ApiKey, now: Timestamp) -> Write {
    Write::update(Key::api_key(key.hash), Changes::set([("revoked_at", number(now.millis()))])).if_exists()
}

/// The condition that `key` is still an active administrator's.
pub fn check_active_admin(key: &ApiKey, now: Timestamp) -> Write {
    Write::check(Key::api_key(key.hash))
        .where_contains("permissions", Permission::Admin.as_str())
        .where_absent("revoked_at")
        .before("expires_at", now)
        .refused_as(Refusal::Unsupported)
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
                KeyAuth::Granted(api_key(item)?, allowance)
            }
            Spent::Empty(item) => {
                let allowance = allowance(&item)?;
                let key = api_key(item)?;
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
                if api_key(item)?.revoked_at.is_some() {
                    KeyAuth::Revoked
                } else {
                    KeyAuth::Expired
                }
            }
        })
    }

    /// The owner's key with this public id.
    pub async fn find_api_key(&self, owner: &Owner, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let Some(pointer) = self.get(&Key::api_key_pointer(owner, id), true).await? else { return Ok(None) };
        self.find_api_key_by_hash(hash_in(pointer)?).await
    }

    /// The key with this hash.
    pub async fn find_api_key_by_hash(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.get(&Key::api_key(hash), true).await?.map(api_key).transpose()
    }

    /// Every key of an owner, oldest first. An organization has few, so all are read.
    pub async fn list_api_keys(&self, owner: &Owner) -> Result<Vec<ApiKey>, StoreError> {
        let pointers = self.partition(&api_keys_partition(owner)).await?.into_iter().map(hash_in);
        let keys = pointers.map(|hash| Ok(Key::api_key(hash?))).collect::<Result<Vec<_>, StoreError>>()?;
        let rows = self.batch_get_consistent(&keys).await?.into_iter().map(api_key);
        let mut found = rows.collect::<Result<Vec<_>, _>>()?;
        found.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        Ok(found)
    }
}

/// Reads a key, whose hash is what its row is found by.
pub(crate) fn api_key(mut item: Item) -> Result<ApiKey, StoreError> {
    let hash = string(&item, schema::PK).trim_start_matches(schema::API_KEY_PREFIX).to_owned();
    item.insert("hash".to_owned(), AttributeValue::S(hash));
    read(item)
}

fn hash_in(pointer: Item) -> Result<KeyHash, StoreError> {
    read::<StoredPointer>(pointer).map(|pointer| pointer.hash)
}
