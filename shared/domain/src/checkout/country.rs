//! Countries goods are sent to: ISO 3166-1 alpha-2 codes and their English names.

use crate::{Invalid, pasted};
use celes::Country;
use std::sync::LazyLock;

/// Countries and territories where post needs no code, sorted: those whose address format in Google's address data
/// (libaddressinput, which follows the Universal Postal Union's "Postal addressing systems") has none, and North Korea, of
/// which the Union knows none. Some of them have codes on paper that nobody writes.
const WITHOUT_POSTAL_CODES: [&str; 70] = [
    "AE", "AG", "AO", "AQ", "AW", "BF", "BI", "BJ", "BO", "BQ", "BS", "BV", "BW", "BZ", "CD", "CF", "CG", "CI", "CK",
    "CM", "CW", "DJ", "DM", "ER", "FJ", "GA", "GD", "GH", "GM", "GQ", "GY", "HK", "JM", "KI", "KM", "KN", "KP", "LC",
    "LY", "ML", "MO", "MR", "MS", "MW", "NR", "NU", "PA", "QA", "RW", "SB", "SC", "SL", "SR", "SS", "ST", "SX", "SY",
    "TD", "TF", "TG", "TK", "TL", "TO", "TT", "TV", "UG", "VU", "WS", "YE", "ZW",
];

/// A code that is assigned, and what it stands for, in the order of the names.
static COUNTRIES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let mut countries: Vec<_> =
        Country::get_countries().iter().map(|country| (country.alpha2, country.long_name)).collect();
    countries.sort_unstable_by_key(|(_, name)| *name);
    countries.dedup();
    countries
});

/// Every country: its code in upper case and its English name, by name.
pub fn all() -> &'static [(&'static str, &'static str)] {
    &COUNTRIES
}

/// The code of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountryCode(&'static str);

impl CountryCode {
    /// Reads two letters of any case.
    ///
    /// # Errors
    /// `invalid_field_value` when they stand for no country.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = pasted::machine_form(text);
        let known = COUNTRIES.iter().find(|(code, _)| code.eq_ignore_ascii_case(&text));
        known
            .map(|(code, _)| Self(code))
            .ok_or_else(|| Invalid::new("must be the two-letter code of a country (ISO 3166-1 alpha-2), such as 'US'"))
    }

    /// The code in upper case.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether an address there needs a postal code.
    pub fn has_postal_codes(self) -> bool {
        WITHOUT_POSTAL_CODES.binary_search(&self.0).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_letters_that_are_assigned_in_either_case() {
        let parse = |text| CountryCode::parse(text).ok().map(CountryCode::as_str);
        assert_eq!((parse("de"), parse("US"), parse("gB")), (Some("DE"), Some("US"), Some("GB")));
        for text in ["", "D", "DEU", "XX", "ZZ", "UK", "Germany", "d€"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(
            all().iter().all(|(code, name)| code.len() == 2
                && code.bytes().all(|b| b.is_ascii_uppercase())
                && !name.is_empty())
        );
        assert!(WITHOUT_POSTAL_CODES.is_sorted());
        assert!(WITHOUT_POSTAL_CODES.iter().all(|code| all().iter().any(|(known, _)| known == code)));
        let has_codes = |text| CountryCode::parse(text).unwrap().has_postal_codes();
        assert!(["US", "DE", "GB", "IN", "IE", "SG", "SA"].into_iter().all(has_codes));
        assert!(!["HK", "QA", "ae", "MO", "ZW"].into_iter().any(has_codes));
        assert!((240..=260).contains(&all().len()), "{}", all().len());
    }
}
