//! Bounded texts. A length is counted in characters (Unicode scalar values), as the API documents it.

use crate::{Invalid, pasted};
use serde::{Deserialize, Serialize};

/// Checks that a text has `min` to `max` characters, and, where it must have any, one that is seen.
///
/// # Errors
/// `invalid_field_value` that says the limit.
pub fn bounded(text: &str, min: usize, max: usize) -> Result<String, Invalid> {
    let length = text.chars().count();
    if length < min || (min > 0 && pasted::is_blank(text)) {
        return Err(Invalid::new("must not be empty"));
    }
    if length > max {
        return Err(Invalid::new(format!("must be at most {max} characters long, and has {length}")));
    }
    Ok(text.to_owned())
}

fn machine_readable(text: &str) -> Result<String, Invalid> {
    pasted::verbatim(&pasted::machine_form(text))
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $min:literal..=$max:literal by $fold:path;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Fewest characters.
            pub const MIN: usize = $min;
            /// Most characters.
            pub const MAX: usize = $max;

            /// Folds what was pasted, and checks the length of what is left.
            ///
            /// # Errors
            /// `invalid_field_value` outside the limits, and for control characters.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                bounded(&$fold(text)?, Self::MIN, Self::MAX).map(Self)
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
    Name 1..=100 by pasted::line;
    /// A description shown to the payer.
    Description 0..=500 by pasted::lines;
    /// A short caption, such as a button's text.
    Caption 1..=100 by pasted::line;
    /// A merchant's own reference for a purchase. He looks it up in records of his own, so it stays as it was sent.
    ClientReference 1..=200 by pasted::verbatim;
    /// A buyer's name.
    CustomerName 1..=200 by pasted::line;
    /// A UTM tag; longer ones are not tags but abuse.
    UtmTag 1..=200 by pasted::line;
    /// What names something, as it was typed or pasted: an id, or a code.
    Identifier 1..=100 by machine_readable;
    /// A postal code; nothing where a country has none.
    PostalCode 0..=100 by machine_readable;
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
        let text = pasted::compatible(text);
        let bounded = bounded(&text, 1, Self::MAX)?;
        let plausible = !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && text.rsplit_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.starts_with('.') && !domain.ends_with('.')
            });
        if plausible { Ok(Self(bounded)) } else { Err(Invalid::new("must be an e-mail address")) }
    }

    /// The address, its case as it was sent.
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
        let text = pasted::machine_form(text);
        text.strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(|_| Self(text.clone().into_owned()))
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
    fn a_text_of_which_nothing_is_seen_is_empty() {
        for text in ["", "  ", "\u{200B}", "\u{3164}"] {
            assert!(Name::parse(text).is_err() && Identifier::parse(text).is_err(), "{text:?}");
            assert!(Description::parse(text).is_ok() && PostalCode::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn length_is_that_of_what_is_kept() {
        let invisible = "\u{200B}".repeat(50);
        assert_eq!(Name::parse(&format!("{}{invisible}", "e\u{301}".repeat(100))).unwrap().as_str(), "é".repeat(100));
    }

    #[test]
    fn an_address_is_read_whatever_width_and_space_it_was_pasted_with() {
        for text in [" a@b.com", "a@b.com\u{200B}", "a\u{FF20}b.com\n", "\u{202A}a@b.com\u{202C}"] {
            assert_eq!(Email::parse(text).unwrap().as_str(), "a@b.com", "{text:?}");
        }
        for text in ["a b@c.com", "a@", "@b", "a\0@b.com", "a@b.com\nc"] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
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
