//! Identifiers: a type prefix, `_`, and a time-ordered, unguessable token of letters and digits.
//!
//! The token is a ULID: 48 bits of milliseconds, then 80 random bits. A payment link's id ends with the link's
//! short code, so that the id *and* the short code lead to the link's partition without a look-up in between.

use crate::{Invalid, Timestamp, entropy};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters in a ULID.
const ULID_LENGTH: usize = 26;

fn new_token(now: Timestamp) -> String {
    let random = entropy::bytes::<16>();
    ulid::Ulid::from_parts(now.millis(), u128::from_be_bytes(random)).to_string()
}

fn is_token(token: &str) -> bool {
    token.len() == ULID_LENGTH && token.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The type prefix with its underscore.
            pub const PREFIX: &'static str = $prefix;
            /// The resource's `object` name.
            pub const OBJECT: &'static str = $noun;

            /// A fresh id, ordered by `now`.
            pub fn generate(now: Timestamp) -> Self {
                Self(format!("{}{}", Self::PREFIX, new_token(now)))
            }

            /// Reads an id of this type; anything else is `None`, which callers treat as "no such object".
            pub fn parse(text: &str) -> Option<Self> {
                text.strip_prefix(Self::PREFIX).filter(|token| is_token(token))?;
                Some(Self(text.to_owned()))
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
    )*};
}

ids! {
    /// A line item of a payment link.
    LineItemId "pli_" "payment_link_item";
    /// A product.
    ProductId "prod_" "product";
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

macro_rules! coded_ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The type prefix with its underscore.
            pub const PREFIX: &'static str = $prefix;
            /// The resource's `object` name.
            pub const OBJECT: &'static str = $noun;

            /// A fresh id that carries this short code, ordered by `now`.
            pub fn generate(now: Timestamp, code: &ShortCode) -> Self {
                Self(format!("{}{}{code}", Self::PREFIX, new_token(now)))
            }

            /// Reads an id of this type; anything else is `None`, which callers treat as "no such object".
            pub fn parse(text: &str) -> Option<Self> {
                let (token, code) = text.strip_prefix(Self::PREFIX)?.split_at_checked(ULID_LENGTH)?;
                (is_token(token) && ShortCode::parse(code).is_some()).then(|| Self(text.to_owned()))
            }

            /// When the object was made: the time in its token.
            pub fn made_at(&self) -> Timestamp {
                let token = &self.0[Self::PREFIX.len()..Self::PREFIX.len() + ULID_LENGTH];
                let millis = ulid::Ulid::from_string(token).map_or(0, |token| token.timestamp_ms());
                Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX)
            }

            /// The short code the id ends with.
            pub fn short_code(&self) -> ShortCode {
                ShortCode(self.0[self.0.len() - ShortCode::LENGTH..].to_owned())
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
    )*};
}

coded_ids! {
    /// A payment link's id: `pl_`, a ULID, and the link's short code.
    PaymentLinkId "pl_" "payment_link";
    /// A checkout session's id: `cs_`, a ULID, and the short code of the link it was opened from, so that the session
    /// and its link are read side by side. A session of no link carries [`ShortCode::none`].
    CheckoutSessionId "cs_" "checkout_session";
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

/// Refuses a malformed product id in a body the way the API names such errors.
impl ProductId {
    /// Reads a product id out of a body field.
    ///
    /// # Errors
    /// When the text is not `prod_` and a token.
    pub fn from_field(text: &str) -> Result<Self, Invalid> {
        Self::parse(text).ok_or_else(|| Invalid::new("must be a product id such as 'prod_…'"))
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
    fn malformed_ids_are_refused() {
        for text in
            ["", "pl_", "pl_x", "org_é", "pl_01ARZ3NDEKTSV4RRFFQ69G5FAV", "pl_01ARZ3NDEKTSV4RRFFQ69G5FAé1234567"]
        {
            assert_eq!(PaymentLinkId::parse(text), None, "{text}");
        }
    }
}
