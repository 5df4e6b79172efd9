//! Identifiers: a type prefix, `_`, and a time-ordered, unguessable token of letters and digits.
//!
//! The token is a ULID: 48 bits of milliseconds, then 80 random bits. A payment link's id ends with the link's
//! short code, so that the id *and* the short code lead to the link's partition without a look-up in between; a
//! customer's and a discount code's end with a [`Locator`] for the same reason.

use crate::{Invalid, Owner, Timestamp, entropy, pasted};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Characters in a ULID.
const ULID_LENGTH: usize = 26;
/// Bytes in a ULID.
const ULID_BYTES: usize = 16;
/// Bytes that hold a short code: 62^8 is less than 2^48.
const CODE_BYTES: usize = 6;

fn new_token(now: Timestamp) -> String {
    let random = entropy::bytes::<16>();
    ulid::Ulid::from_parts(now.millis(), u128::from_be_bytes(random)).to_string()
}

fn is_token(token: &str) -> bool {
    token.len() == ULID_LENGTH && token.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// The moment in a token's first half.
fn made_at(id: &str, prefix: &str) -> Timestamp {
    let millis =
        ulid::Ulid::from_string(&id[prefix.len()..prefix.len() + ULID_LENGTH]).map_or(0, |id| id.timestamp_ms());
    Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX)
}

/// A character that sorts after all that ids consist of.
const AFTER_ALL: char = '~';

/// What every id has, whatever its token carries.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident $prefix:literal $noun:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The type prefix with its underscore.
            pub const PREFIX: &'static str = $prefix;
            /// The resource's `object` name.
            pub const OBJECT: &'static str = $noun;

            /// When the object was made: the time in its token.
            pub fn made_at(&self) -> Timestamp {
                made_at(&self.0, Self::PREFIX)
            }

            /// Two texts between which, as texts are ordered, all ids lie that were made from `from` to `to`, and no others.
            pub fn range(from: Option<Timestamp>, to: Option<Timestamp>) -> (String, String) {
                let token = |moment: Timestamp, random| ulid::Ulid::from_parts(moment.millis(), random);
                let first = from.map_or(ulid::Ulid::nil(), |from| token(from, 0));
                let last = token(to.unwrap_or(Timestamp::MAX), u128::MAX);
                (format!("{}{first}", Self::PREFIX), format!("{}{last}{AFTER_ALL}", Self::PREFIX))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Ids that are a prefix and a ULID.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $noun:literal;)*) => {$(
        id!($(#[$doc])* $name $prefix $noun);

        impl $name {
            /// A fresh id, ordered by `now`.
            pub fn generate(now: Timestamp) -> Self {
                Self(format!("{}{}", Self::PREFIX, new_token(now)))
            }

            /// Reads an id of this type; anything else is `None`, which callers treat as "no such object".
            pub fn parse(text: &str) -> Option<Self> {
                text.strip_prefix(Self::PREFIX).filter(|token| is_token(token))?;
                Some(Self(text.to_owned()))
            }
        }
    )*};
}

ids! {
    /// A line item of a payment link.
    LineItemId "pli_" "payment_link_item";
    /// A product.
    ProductId "prod_" "product";
    /// A payment that was seen, on chain or through a test helper.
    TransactionId "tx_" "transaction";
    /// A webhook endpoint.
    WebhookId "wh_" "webhook";
    /// One event on its way to one webhook endpoint.
    DeliveryId "del_" "webhook_delivery";
    /// An API key. The id names the key; it is not the secret.
    ApiKeyId "ak_" "api_key";
    /// An entry of the audit trail.
    EventId "evt_" "event";
    /// An organization.
    OrgId "org_" "organization";
    /// One HTTP request.
    RequestId "req_" "request";
}

impl OrgId {
    /// The owner of quick-pay links: no organization.
    pub fn anonymous() -> Self {
        Self("anonymous".to_owned())
    }
}

/// A payment link's public code: what stands in its URL. Unique across the platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShortCode(String);

impl ShortCode {
    /// Characters in a code: 62^8 codes make a guess hopeless and a collision an event of its own.
    pub const LENGTH: usize = 8;

    /// A fresh random code. Uniqueness is decided by the write that claims it.
    pub fn generate() -> Self {
        Self(entropy::base62(Self::LENGTH))
    }

    /// The code no link has: random codes of eight zeros are as likely as none.
    pub fn none() -> Self {
        Self("0".repeat(Self::LENGTH))
    }

    /// Reads a short code; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .then(|| Self(text.to_owned()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an object with a unique value is found: 24 characters that name the value and its owner, so that the value
/// *and* the id, which ends with them, lead to the same partition, and claiming the partition claims the value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locator(String);

impl Locator {
    /// Characters in a locator: 96 bits, as hexadecimal digits: too many to make two values meet.
    pub const LENGTH: usize = 24;

    /// The locator of a unique value, e.g. a wallet's lower-case address, among its owner's.
    pub fn of(object: &str, owner: &Owner, value: &str) -> Self {
        let named = format!("{object}\n{}\n{}\n{value}", owner.org, owner.mode.as_str());
        Self(hex::encode(&Sha256::digest(named)[..Self::LENGTH / 2]))
    }

    /// Reads a locator; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (text.len() == Self::LENGTH && digits).then(|| Self(text.to_owned()))
    }

    /// The locator as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ids that are a prefix, a ULID and a suffix which tells where the object is found.
macro_rules! suffixed_ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $noun:literal $suffix:ident $getter:ident;)*) => {$(
        id!($(#[$doc])* $name $prefix $noun);

        impl $name {
            /// A fresh id that carries this suffix, ordered by `now`.
            pub fn generate(now: Timestamp, suffix: &$suffix) -> Self {
                Self(format!("{}{}{suffix}", Self::PREFIX, new_token(now)))
            }

            /// Reads an id of this type; anything else is `None`, which callers treat as "no such object".
            pub fn parse(text: &str) -> Option<Self> {
                let (token, suffix) = text.strip_prefix(Self::PREFIX)?.split_at_checked(ULID_LENGTH)?;
                (is_token(token) && $suffix::parse(suffix).is_some()).then(|| Self(text.to_owned()))
            }

            /// What the id ends with.
            pub fn $getter(&self) -> $suffix {
                $suffix(self.0[self.0.len() - $suffix::LENGTH..].to_owned())
            }
        }
    )*};
}

suffixed_ids! {
    /// A payment link's id: `pl_`, a ULID, and the link's short code.
    PaymentLinkId "pl_" "payment_link" ShortCode short_code;
    /// A checkout session's id: `cs_`, a ULID, and the short code of the link it was opened from, so that the session
    /// and its link are read side by side. A session of no link carries [`ShortCode::none`].
    CheckoutSessionId "cs_" "checkout_session" ShortCode short_code;
    /// A visit's id: `vis_`, a ULID, and the short code of the link whose page was opened.
    VisitorId "vis_" "visitor" ShortCode short_code;
    /// A customer's id: `cust_`, a ULID, and the locator of its wallet.
    CustomerId "cust_" "customer" Locator locator;
    /// A discount code's id: `dc_`, a ULID, and the locator of the code.
    DiscountCodeId "dc_" "discount_code" Locator locator;
}

impl CheckoutSessionId {
    /// The id without its link's short code: what is different for every session, at its end too.
    pub fn token(&self) -> &str {
        &self.0[..self.0.len() - ShortCode::LENGTH]
    }

    /// Bytes of [`CheckoutSessionId::to_bytes`].
    pub const BYTES: usize = ULID_BYTES + CODE_BYTES;

    /// The id in as few bytes as it fits into: its ULID, then its short code as a number. `None` of an id that was never
    /// generated.
    pub fn to_bytes(&self) -> Option<[u8; Self::BYTES]> {
        let (token, code) = self.0.strip_prefix(Self::PREFIX)?.split_at_checked(ULID_LENGTH)?;
        let token = ulid::Ulid::from_string(token).ok()?;
        let code = code.bytes().try_fold(0_u64, |number, character| {
            let digit = entropy::BASE62.iter().position(|known| *known == character)?;
            number.checked_mul(62)?.checked_add(u64::try_from(digit).ok()?)
        })?;
        let mut bytes = [0; Self::BYTES];
        bytes[..ULID_BYTES].copy_from_slice(&u128::from(token).to_be_bytes());
        bytes[ULID_BYTES..].copy_from_slice(&code.to_be_bytes()[8 - CODE_BYTES..]);
        Some(bytes)
    }

    /// The id that [`CheckoutSessionId::to_bytes`] made these bytes of; `None` of bytes no id has.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let (mut token, mut code) = ([0; ULID_BYTES], [0; 8]);
        token.copy_from_slice(&bytes[..ULID_BYTES]);
        code[8 - CODE_BYTES..].copy_from_slice(&bytes[ULID_BYTES..]);
        let mut number = u64::from_be_bytes(code);
        let mut text = [b'0'; ShortCode::LENGTH];
        for place in text.iter_mut().rev() {
            *place = entropy::BASE62[usize::try_from(number % 62).ok()?];
            number /= 62;
        }
        let token = ulid::Ulid::from(u128::from_be_bytes(token)).to_string();
        let code = std::str::from_utf8(&text).ok().filter(|_| number == 0)?;
        Self::parse(&format!("{}{token}{code}", Self::PREFIX))
    }
}

/// How a caller names a payment link: by id, or by the short code in its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentLinkRef {
    /// `pl_…`
    Id(PaymentLinkId),
    /// The bare short code.
    ShortCode(ShortCode),
}

impl PaymentLinkRef {
    /// Reads either form; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        PaymentLinkId::parse(text).map(Self::Id).or_else(|| ShortCode::parse(text).map(Self::ShortCode))
    }

    /// The short code, which both forms carry.
    pub fn short_code(&self) -> ShortCode {
        match self {
            Self::Id(id) => id.short_code(),
            Self::ShortCode(code) => code.clone(),
        }
    }

    /// Whether `id` is the link meant.
    pub fn names(&self, id: &PaymentLinkId) -> bool {
        match self {
            Self::Id(wanted) => wanted == id,
            Self::ShortCode(code) => *code == id.short_code(),
        }
    }
}

impl DeliveryId {
    /// The delivery of an event to an endpoint: the same one however often it is asked for, ordered by the event.
    pub fn of(event: &EventId, webhook: &WebhookId) -> Self {
        let digest: [u8; 32] = Sha256::digest(format!("{event}\n{webhook}")).into();
        let random = digest[..16].iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        Self(format!("{}{}", Self::PREFIX, ulid::Ulid::from_parts(event.made_at().millis(), random)))
    }
}

/// Refuses a malformed product id in a body the way the API names such errors.
impl ProductId {
    /// Reads a product id out of a body field.
    ///
    /// # Errors
    /// When the text is not `prod_` and a token.
    pub fn from_field(text: &str) -> Result<Self, Invalid> {
        Self::parse(&pasted::machine_form(text)).ok_or_else(|| Invalid::new("must be a product id such as 'prod_…'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later() {
        let early = EventId::generate(Timestamp::from_millis(1_000).unwrap());
        let late = EventId::generate(Timestamp::from_millis(1_001).unwrap());
        assert!(early < late);
    }

    #[test]
    fn an_id_is_a_prefix_and_letters_and_digits_only() {
        let id = OrgId::generate(Timestamp::from_millis(1).unwrap());
        assert!(id.as_str().strip_prefix("org_").unwrap().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_eq!(OrgId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn a_link_id_carries_its_short_code() {
        let code = ShortCode::generate();
        let id = PaymentLinkId::generate(Timestamp::from_millis(1).unwrap(), &code);
        assert_eq!(id.short_code(), code);
        assert!(PaymentLinkRef::parse(id.as_str()).unwrap().names(&id));
        assert!(PaymentLinkRef::parse(code.as_str()).unwrap().names(&id));
    }

    #[test]
    fn another_id_with_the_same_short_code_is_another_link() {
        let code = ShortCode::generate();
        let one = PaymentLinkId::generate(Timestamp::from_millis(1).unwrap(), &code);
        let other = PaymentLinkId::generate(Timestamp::from_millis(1).unwrap(), &code);
        assert!(!PaymentLinkRef::Id(one).names(&other));
    }

    #[test]
    fn a_unique_value_is_located_by_itself_and_by_its_object_id_for_its_owner_only() {
        let now = Timestamp::from_millis(1).unwrap();
        let owner = |mode| Owner { org: OrgId::anonymous(), mode };
        let locator = Locator::of("customer", &owner(crate::Mode::Test), "0xab");
        let id = CustomerId::generate(now, &locator);
        assert_eq!(CustomerId::parse(id.as_str()).unwrap().locator(), locator);
        assert_eq!(id.made_at(), now);
        assert_ne!(Locator::of("customer", &owner(crate::Mode::Live), "0xab"), locator);
        assert_ne!(Locator::of("discount_code", &owner(crate::Mode::Test), "0xab"), locator);
    }

    #[test]
    fn an_event_has_one_delivery_to_each_endpoint() {
        let now = Timestamp::from_millis(1_000).unwrap();
        let (event, webhook) = (EventId::generate(now), WebhookId::generate(now));
        let id = DeliveryId::of(&event, &webhook);
        assert_eq!(DeliveryId::of(&event, &webhook), id);
        assert_eq!((DeliveryId::parse(id.as_str()), id.made_at()), (Some(id.clone()), now));
        assert_ne!(DeliveryId::of(&EventId::generate(now), &webhook), id);
        assert_ne!(DeliveryId::of(&event, &WebhookId::generate(now)), id);
    }

    #[test]
    fn a_session_id_fits_into_22_bytes_and_comes_back() {
        let now = Timestamp::from_millis(1_772_188_200_000).unwrap();
        for code in [ShortCode::none(), ShortCode::parse("zzzzzzzz").unwrap(), ShortCode::generate()] {
            let id = CheckoutSessionId::generate(now, &code);
            assert_eq!(CheckoutSessionId::from_bytes(id.to_bytes().unwrap()), Some(id));
        }
        assert_eq!(CheckoutSessionId::from_bytes([0xFF; CheckoutSessionId::BYTES]), None);
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in
            ["", "pl_", "pl_x", "org_é", "pl_01ARZ3NDEKTSV4RRFFQ69G5FAV", "pl_01ARZ3NDEKTSV4RRFFQ69G5FAé1234567"]
        {
            assert_eq!(PaymentLinkId::parse(text), None, "{text}");
        }
    }
}
