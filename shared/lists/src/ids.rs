//! Ids as the bytes they stand for. Packed ids sort like the ids they were packed from, and what does not have the shape is
//! told as `None`, never guessed.

use anyspend_domain::entropy::BASE62;
use anyspend_domain::{PaymentLinkId, Timestamp};
use ulid::Ulid;

/// Characters of the token every id carries.
const TOKEN: usize = 26;
/// Bytes of a packed token.
const TOKEN_BYTES: usize = 16;

/// What an id carries after its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// Nothing.
    None,
    /// A link's short code: eight base-62 digits.
    ShortCode,
    /// A locator: twenty-four hexadecimal digits.
    Locator,
}

impl Suffix {
    const fn characters(self) -> usize {
        match self {
            Self::None => 0,
            Self::ShortCode => 8,
            Self::Locator => 24,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::ShortCode => 6,
            Self::Locator => 12,
        }
    }
}

/// What the ids of a list look like, so that they can be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdShape {
    /// The type prefix with its underscore.
    pub prefix: &'static str,
    /// What comes after the token.
    pub suffix: Suffix,
}

impl IdShape {
    /// Bytes of a packed id.
    pub const fn packed_length(&self) -> usize {
        TOKEN_BYTES + self.suffix.bytes()
    }

    /// The id as bytes that sort like the id; `None` when it does not have this shape.
    pub fn pack(&self, id: &str) -> Option<Vec<u8>> {
        let (token, suffix) = id.strip_prefix(self.prefix)?.split_at_checked(TOKEN)?;
        if suffix.len() != self.suffix.characters() {
            return None;
        }
        let mut packed = Vec::with_capacity(self.packed_length());
        packed.extend_from_slice(&Ulid::from_string(token).ok()?.0.to_be_bytes());
        match self.suffix {
            Suffix::None => {}
            Suffix::ShortCode => {
                let number = suffix.bytes().try_fold(0, |number, digit| Some(number * 62 + base62_value(digit)?))?;
                packed.extend_from_slice(&number.to_be_bytes()[8 - self.suffix.bytes()..]);
            }
            Suffix::Locator => packed.extend_from_slice(&hex::decode(suffix).ok()?),
        }
        Some(packed)
    }

    /// The id that was packed into the last bytes of `key`.
    pub fn unpack(&self, key: &[u8]) -> Option<String> {
        let packed = key.get(key.len().checked_sub(self.packed_length())?..)?;
        let (token, suffix) = packed.split_at_checked(TOKEN_BYTES)?;
        let token = Ulid(u128::from_be_bytes(token.try_into().ok()?)).to_string();
        let suffix = match self.suffix {
            Suffix::None => String::new(),
            Suffix::ShortCode => {
                let mut number = suffix.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
                let mut digits = [b'0'; Suffix::ShortCode.characters()];
                for digit in digits.iter_mut().rev() {
                    *digit = BASE62[usize::try_from(number % 62).ok()?];
                    number /= 62;
                }
                String::from_utf8(digits.to_vec()).ok()?
            }
            Suffix::Locator => hex::encode(suffix),
        };
        Some(format!("{}{token}{suffix}", self.prefix))
    }

    /// When the object was made: the time in the token of the id packed into the last bytes of `key`.
    pub fn made_at(&self, key: &[u8]) -> Option<Timestamp> {
        let packed = key.get(key.len().checked_sub(self.packed_length())?..)?;
        Timestamp::from_millis(packed[..6].iter().fold(0, |millis, byte| (millis << 8) | u64::from(*byte)))
    }

    /// The smallest packed id an object made at `moment` can have.
    pub fn first_at(&self, moment: Timestamp) -> Vec<u8> {
        moment.millis().to_be_bytes()[2..].to_vec()
    }
}

fn base62_value(digit: u8) -> Option<u64> {
    Some(u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'Z' => digit - b'A' + 10,
        b'a'..=b'z' => digit - b'a' + 36,
        _ => return None,
    }))
}

const LINK_ID: IdShape = IdShape { prefix: PaymentLinkId::PREFIX, suffix: Suffix::ShortCode };

/// The packed id of a payment link, by which what belongs to it stands together in an order.
pub fn packed_link(id: &PaymentLinkId) -> Vec<u8> {
    LINK_ID.pack(id.as_str()).unwrap_or_default()
}

/// The id of a payment link that [`packed_link`] packed; `None` of nothing.
pub fn unpacked_link(packed: &[u8]) -> Option<String> {
    LINK_ID.unpack(packed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyspend_domain::ShortCode;

    const LINK: IdShape = LINK_ID;

    #[test]
    fn a_packed_id_sorts_like_the_id_and_comes_back_whole() {
        let now = Timestamp::parse("2026-02-27T10:30:00Z").unwrap();
        let mut ids: Vec<String> = (0..200)
            .map(|n| PaymentLinkId::generate(now.plus_millis(n / 3), &ShortCode::generate()).to_string())
            .collect();
        ids.sort();
        let packed: Vec<Vec<u8>> = ids.iter().map(|id| LINK.pack(id).unwrap()).collect();
        assert!(packed.is_sorted());
        for (id, packed) in ids.iter().zip(&packed) {
            assert_eq!((packed.len(), LINK.unpack(packed).as_ref()), (LINK.packed_length(), Some(id)));
        }
        assert_eq!(LINK.made_at(&packed[0]), Some(now));
        assert!(LINK.first_at(now) <= packed[0] && LINK.first_at(now.plus_millis(1)) > packed[0]);
        let customer = IdShape { prefix: "cust_", suffix: Suffix::Locator };
        let id = "cust_01JD00000000000000000EVENT0123456789abcdef01234567";
        assert_eq!(customer.unpack(&customer.pack(id).unwrap()).as_deref(), Some(id));
        for other in ["pl_x", "cs_01JD00000000000000000EVENT", "pl_01JD00000000000000000EVENTabc", "pl_é"] {
            assert_eq!(LINK.pack(other), None, "{other}");
        }
    }
}
