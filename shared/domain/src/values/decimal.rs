//! Decimal numbers as people type them: digits of any script, a point or a comma before the fraction.

use crate::{Invalid, pasted};

/// The sign that separates thousands in Arabic, and the one that begins a fraction.
const ARABIC: (char, char) = ('\u{66C}', '\u{66B}');
/// The comma of Arabic keyboards.
const ARABIC_COMMA: char = '\u{60C}';

/// A number that was typed, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// `-` or `+`, where one was typed.
    pub sign: Option<char>,
    /// ASCII digits before the point; none of `.5`.
    pub whole: String,
    /// ASCII digits behind it; none of `5`.
    pub fraction: String,
}

/// Reads a number. A comma is a decimal comma, because telephones of half the world have no point among their digits;
/// where it could as well set off thousands, it is refused: nothing is guessed that somebody pays.
///
/// # Errors
/// `invalid_field_value` for what is no such number, or could be two.
pub fn typed(text: &str) -> Result<Typed, Invalid> {
    let text = pasted::machine_form(text).replace(ARABIC.1, ".").replace(ARABIC_COMMA, ",");
    let sets_off = |c: char| c == ' ' || c == '\'' || c == '\u{2019}' || c == ARABIC.0;
    let several = text.matches(',').count() > 1 || (text.contains(',') && text.contains('.'));
    if several || (text.contains(sets_off) && text.contains(|c: char| c.is_ascii_digit())) {
        return Err(Invalid::new("must be a number without signs between thousands, such as 1234.50"));
    }
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.chars().next(), digits),
        None => (None, text.as_str()),
    };
    let ambiguous = |(whole, rest): (&str, &str)| rest.len() == 3 && !whole.trim_start_matches('0').is_empty();
    if digits.split_once(',').is_some_and(ambiguous) {
        return Err(Invalid::new("must be a number such as 1234 or 12.34; with a comma it could mean either"));
    }
    let digits = digits.replace(',', ".");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(Invalid::new("must be a number such as 10 or 10.50"));
    }
    Ok(Typed { sign, whole: whole.to_owned(), fraction: fraction.to_owned() })
}

impl Typed {
    /// The number with a point and without a bare one: `-12.50`, `0.5`, `5`.
    pub fn canonical(&self) -> String {
        let sign = self.sign.map(String::from).unwrap_or_default();
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{}", self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        typed(text).ok().map(|number| number.canonical())
    }

    #[test]
    fn a_number_may_have_digits_of_any_script_and_a_point_or_a_comma() {
        for (text, meant) in [
            ("1,5", "1.5"),
            ("-12.50", "-12.50"),
            (".5", "0.5"),
            ("5,", "5"),
            ("\u{661}\u{66B}\u{665}", "1.5"),
            ("\u{661}\u{60C}\u{665}", "1.5"),
            ("\u{967}\u{968}", "12"),
            ("\u{FF11}\u{FF0C}\u{FF15}", "1.5"),
            ("\u{2212}3", "-3"),
            ("\u{200E}7\u{A0}", "7"),
            ("0,125", "0.125"),
            ("1.125", "1.125"),
            ("1,0000", "1.0000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(meant), "{text:?}");
        }
    }

    #[test]
    fn what_could_be_two_numbers_is_refused_with_the_sentence_that_helps() {
        for text in [
            "1,000",
            "-12,345",
            "1,000,000",
            "1,000.00",
            "1.000,00",
            "1 000",
            "1'000",
            "1\u{66C}000",
            "\u{661},\u{660}\u{660}\u{660}",
        ] {
            let must = typed(text).unwrap_err().must;
            assert!(must.contains("1234"), "{text:?}: {must}");
        }
        for text in ["", ".", ",", "-", "--1", "1e3", "0x1", "1.1.1", "one", "\u{0}1", "1\n2"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_that_was_read_reads_back_as_itself(text in "[-+]?\\p{Nd}{0,5}[.,]?\\p{Nd}{0,5}") {
            if let Some(number) = read(&text) {
                prop_assert_eq!(read(&number), Some(number));
            }
        }
    }
}
