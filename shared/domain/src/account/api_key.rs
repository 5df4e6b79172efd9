//! API keys: their text, what they may do, and when they stop.

use crate::rate_limit::PER_API_KEY;
use crate::text::Name;
use crate::values::named::{named, named_in_fields};
use crate::{ApiKeyId, Invalid, Mode, Owner, Timestamp, entropy};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use strum::{EnumMessage, EnumString, IntoStaticStr, VariantArray, VariantNames};

/// What a credential may do. Each level includes the ones before it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumMessage,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Permission {
    /// Look.
    Read,
    /// Look and change.
    Write,
    /// Everything, credentials included.
    Admin,
}

named!(Permission);
named_in_fields!(Permission);

impl Permission {
    /// What it means, in a sentence that stands in the documentation too.
    pub fn meaning(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

/// The permissions of a key: never empty, without repetition, in the order they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(Vec<Permission>);

impl Permissions {
    /// Everything.
    pub fn admin() -> Self {
        Self(vec![Permission::Admin])
    }

    /// A set of permissions.
    ///
    /// # Errors
    /// `invalid_field_value` when there are none.
    pub fn new(permissions: Vec<Permission>) -> Result<Self, Invalid> {
        let mut distinct = Vec::new();
        for permission in permissions {
            if !distinct.contains(&permission) {
                distinct.push(permission);
            }
        }
        if distinct.is_empty() {
            return Err(Invalid::new(format!("must name at least one of: {}", Permission::NAMES.join(", "))));
        }
        Ok(Self(distinct))
    }

    /// Whether something that needs `needed` is allowed.
    pub fn allow(&self, needed: Permission) -> bool {
        self.0.iter().any(|held| *held >= needed)
    }

    /// The permissions by name.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|permission| permission.as_str()).collect()
    }

    /// The strongest one.
    pub fn strongest(&self) -> Permission {
        self.0.iter().copied().max().unwrap_or(Permission::Read)
    }
}

/// What is stored of a key: the SHA-256 of its text, which is enough to recognise it and useless to forge it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Lower-case hex.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads what [`KeyHash::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_hex()
    }
}

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        Self::from_hex(&hex).ok_or("a hash of a key is 64 hexadecimal digits")
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// The text of a key. It exists in memory for one request and in the answer that shows it once.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    mode: Mode,
    text: String,
}

impl KeyText {
    const LIVE: &'static str = "asp_live_";
    const TEST: &'static str = "asp_test_";
    /// Fewest characters behind the prefix.
    pub const MIN_SECRET: usize = 32;
    /// Most characters behind the prefix.
    pub const MAX_SECRET: usize = 128;
    /// Random characters of a minted key: 244 bits.
    const RANDOM: usize = 41;
    /// Checksum characters of a minted key: a CRC-32 in base 62.
    const CHECKSUM: usize = 6;

    /// A fresh key.
    pub fn generate(mode: Mode) -> Self {
        let prefix = match mode {
            Mode::Live => Self::LIVE,
            Mode::Test => Self::TEST,
        };
        let random = entropy::base62(Self::RANDOM);
        let checksum = checksum(&random);
        Self { mode, text: format!("{prefix}{random}{checksum}") }
    }

    /// Reads a key. What cannot be a key is `None`, without asking the database: a wrong prefix, too short, not
    /// base 62, or, for a text as long as the keys minted here, a checksum that does not match.
    pub fn parse(text: &str) -> Option<Self> {
        let (mode, secret) = text
            .strip_prefix(Self::LIVE)
            .map(|secret| (Mode::Live, secret))
            .or_else(|| text.strip_prefix(Self::TEST).map(|secret| (Mode::Test, secret)))?;
        let plausible = (Self::MIN_SECRET..=Self::MAX_SECRET).contains(&secret.len())
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plausible {
            return None;
        }
        if secret.len() == Self::RANDOM + Self::CHECKSUM {
            let (random, check) = secret.split_at(Self::RANDOM);
            if checksum(random) != check {
                return None;
            }
        }
        Some(Self { mode, text: text.to_owned() })
    }

    /// The half of the organization the key opens.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What is stored instead of the key.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.as_bytes()).into())
    }

    /// The beginning of the key, enough for its owner to recognise it in a list.
    pub fn prefix(&self) -> &str {
        &self.text[..Self::LIVE.len() + 4]
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({}…)", self.prefix())
    }
}

fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; KeyText::CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = entropy::BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

/// An API key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// `ak_…`, the key's public name.
    pub id: ApiKeyId,
    /// What it opens.
    #[serde(flatten)]
    pub owner: Owner,
    /// The hash it is found by; what it is kept under says it.
    #[serde(skip_serializing)]
    pub hash: KeyHash,
    /// Its first characters.
    pub prefix: String,
    /// What its owner calls it.
    pub name: Name,
    /// What it may do.
    pub permissions: Permissions,
    /// The API version answers are rendered in unless a request says otherwise.
    #[serde(rename = "api_version")]
    pub pinned_version: String,
    /// Requests it may make per interval where its organization has a limit of its own; [`PER_API_KEY`] otherwise.
    pub rate_limit: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops.
    pub expires_at: Option<Timestamp>,
    /// When it was stopped.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// What is kept of a new key that does not expire.
    pub fn new(
        text: &KeyText,
        owner: Owner,
        name: Name,
        permissions: Permissions,
        version: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id: ApiKeyId::generate(now),
            owner,
            hash: text.hash(),
            prefix: text.prefix().to_owned(),
            name,
            permissions,
            pinned_version: version.to_owned(),
            rate_limit: None,
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    /// Requests it may make per interval.
    pub fn requests_per_interval(&self) -> u32 {
        self.rate_limit.unwrap_or(PER_API_KEY)
    }

    /// Whether the key opens anything at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expiry| now < expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_reads_back_and_one_wrong_character_is_noticed() {
        for mode in [Mode::Live, Mode::Test] {
            let key = KeyText::generate(mode);
            assert_eq!(KeyText::parse(key.expose()).unwrap().mode(), mode);
            let mut text = key.expose().to_owned().into_bytes();
            text[20] = if text[20] == b'a' { b'b' } else { b'a' };
            assert_eq!(KeyText::parse(std::str::from_utf8(&text).unwrap()), None);
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_without_a_look_up() {
        for text in [
            "",
            "asp_",
            "asp_live_",
            "sk_live_0123456789012345678901234567890123",
            "asp_test_0123456789",
            "asp_test_0123456789012345678901234567890é",
            "asp_test_01234567890123456789012345678901-",
        ] {
            assert!(KeyText::parse(text).is_none(), "{text}");
        }
        assert!(KeyText::parse("asp_test_01234567890123456789012345678901").is_some());
    }

    #[test]
    fn each_permission_includes_the_weaker_ones() {
        let write = Permissions::new(vec![Permission::Write, Permission::Write]).unwrap();
        assert!(write.allow(Permission::Read) && write.allow(Permission::Write) && !write.allow(Permission::Admin));
        assert_eq!(write.names(), ["write"]);
        assert!(Permissions::new(vec![]).is_err());
    }

    #[test]
    fn a_key_never_shows_itself_in_logs() {
        let key = KeyText::generate(Mode::Test);
        assert!(!format!("{key:?}").contains(&key.expose()[14..]));
        assert!(!format!("{:?}", key.hash()).contains(&key.hash().to_hex()));
    }
}
