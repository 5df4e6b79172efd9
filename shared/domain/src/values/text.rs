//! Bounded texts. A length is counted in characters (Unicode scalar values), as the API documents it.

use crate::Invalid;
use serde::{Deserialize, Serialize};

/// Checks that a text has `min` to `max` characters.
///
/// # Errors
/// `invalid_field_value` that says the limit.
pub fn bounded(text: &str, min: usize, max: usize) -> Result<String, Invalid> {
    let length = text.chars().count();
    if length < min {
        return Err(Invalid::new("must not be empty"));
    }
    if length > max {
        return Err(Invalid::new(format!("must be at most {max} characters long, and has {length}")));
    }
    Ok(text.to_owned())
}

/// The form texts are searched and ordered in: full Unicode case folding, so that "STRASSE" finds "Straße".
pub fn fold_case(text: &str) -> String {
    icu_casemap::CaseMapper::new().fold_string(text).into_owned()
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $min:literal..=$max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Fewest characters.
            pub const MIN: usize = $min;
            /// Most characters.
            pub const MAX: usize = $max;

            /// Checks the length.
            ///
            /// # Errors
            /// `invalid_field_value` outside the limits.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                bounded(text, Self::MIN, Self::MAX).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )*};
}

texts! {
    /// A display name.
    Name 1..=100;
    /// A description shown to the payer.
    Description 0..=500;
    /// A short caption, such as a button's text.
    Caption 1..=100;
    /// A merchant's own reference for a purchase.
    ClientReference 1..=200;
    /// A buyer's name.
    CustomerName 1..=200;
    /// A UTM tag; longer ones are not tags but abuse.
    UtmTag 1..=200;
}

impl Name {
    /// What a thing is called before it has a name.
    pub(crate) fn untitled() -> Self {
        Self("Untitled".to_owned())
    }

    /// "Copy of {name}", shortened with "…" where that passes the limit.
    pub(crate) fn copy_of(&self) -> Self {
        let copy = format!("Copy of {}", self.0);
        if copy.chars().count() <= Self::MAX {
            return Self(copy);
        }
        Self(copy.chars().take(Self::MAX - 1).chain(['…']).collect())
    }
}

/// An e-mail address, checked for what every address has; only a letter to it proves more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Most characters (RFC 5321: 64 before the @, 255 after it).
    pub const MAX: usize = 320;

    /// Reads an address.
    ///
    /// # Errors
    /// `invalid_field_value` when it has no local part, no domain, or spaces.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bounded = bounded(text, 1, Self::MAX)?;
        let plausible = !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && text.rsplit_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.starts_with('.') && !domain.ends_with('.')
            });
        if plausible { Ok(Self(bounded)) } else { Err(Invalid::new("must be an e-mail address")) }
    }

    /// The address as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A colour as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThemeColor(String);

impl ThemeColor {
    /// Reads `#` and six hexadecimal digits.
    ///
    /// # Errors
    /// `invalid_field_value` for anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text.strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(|_| Self(text.to_owned()))
            .ok_or_else(|| Invalid::new("must be a colour such as '#6366f1'"))
    }

    /// The colour as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(Name::parse(&"é".repeat(100)).is_ok());
        assert!(Name::parse(&"é".repeat(101)).is_err());
        assert!(Name::parse("").is_err());
        assert!(Description::parse("").is_ok());
    }

    #[test]
    fn folding_makes_every_case_of_a_letter_the_same() {
        assert_eq!(fold_case("STRASSE"), fold_case("Straße"));
        assert_eq!(fold_case("ΣΊΣΥΦΟΣ"), fold_case("σίσυφος"));
        assert_eq!(fold_case("ÉCLAIR"), fold_case("éclair"));
    }

    #[test]
    fn the_name_of_a_copy_stays_within_the_limit() {
        let copy = |length: usize| Name::parse(&"é".repeat(length)).unwrap().copy_of();
        assert_eq!(copy(92).as_str(), format!("Copy of {}", "é".repeat(92)));
        assert_eq!(copy(93).as_str(), format!("Copy of {}…", "é".repeat(91)));
        assert_eq!(copy(100).copy_of().as_str().chars().count(), Name::MAX);
    }

    #[test]
    fn a_colour_is_hash_and_six_hex_digits() {
        assert!(ThemeColor::parse("#6366f1").is_ok());
        for text in ["", "#", "6366f1", "#6366f", "#6366f11", "#gggggg", "red", "#63é6f"] {
            assert!(ThemeColor::parse(text).is_err(), "{text}");
        }
    }
}
