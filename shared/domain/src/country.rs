//! Countries goods are sent to: ISO 3166-1 alpha-2 codes and their English names.

use celes::Country;
use std::sync::LazyLock;

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

/// The code in upper case, if it is one that is assigned.
pub fn parse(text: &str) -> Option<&'static str> {
    COUNTRIES.iter().find(|(code, _)| code.eq_ignore_ascii_case(text)).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_letters_that_are_assigned_in_either_case() {
        assert_eq!((parse("de"), parse("US"), parse("gB")), (Some("DE"), Some("US"), Some("GB")));
        for text in ["", "D", "DEU", "XX", "ZZ", "UK", "Germany", "d€"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(
            all().iter().all(|(code, name)| code.len() == 2
                && code.bytes().all(|b| b.is_ascii_uppercase())
                && !name.is_empty())
        );
        assert!((240..=260).contains(&all().len()), "{}", all().len());
    }
}
