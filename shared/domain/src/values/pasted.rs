//! What people paste and type, turned into what they meant: the one place that does so.
//!
//! Text comes out of web pages, spreadsheets, chats and keyboards of every script. It brings characters nobody sees, wide
//! and joined forms, other scripts' digits, spaces and hyphens that do not break, and letters in one piece or in two. There
//! are four forms of it. [`line`] and [`lines`] are how a text is kept: as it was written, in NFC, without what nobody
//! sees. [`machine_form`] is for what machines compare: numbers, codes, ids, hashes, addresses. [`findable`] is the form in
//! which texts are searched.
//!
//! What must stay true: each form of a form is that form again, and nothing that is kept has a control character but the
//! line ends of [`lines`].

use crate::Invalid;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use std::borrow::Cow;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const NFD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfd();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// How often [`findable`] folds again before it takes what it has: two rounds are enough for all known characters.
const MOST_ROUNDS: usize = 4;
/// The flag that tags stand behind; nowhere else do they say anything.
const FLAG: char = '\u{1F3F4}';
/// The keycap that turns a digit into a sign.
const KEYCAP: char = '\u{20E3}';

/// The zeros of all scripts with decimal digits (general category Nd of Unicode 17); their nine others follow each.
const ZEROS: [u32; 77] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136,
    0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0,
    0x11C50, 0x11D50, 0x11DA0, 0x11DE0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE,
    0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

// ------------------------------------------------------------------------------------------------- single characters

/// The ASCII digit of a digit of any script.
fn ascii_digit(c: char) -> Option<char> {
    let point = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= point)].last()?;
    char::from_digit(point - zero, 10)
}

/// Hyphens, dashes and the minus sign, whatever their width and whether a line may break behind them.
const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

/// What is never drawn (Unicode's `Default_Ignorable_Code_Point`).
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// What is not drawn and says nothing in any script: soft hyphens, zero-width spaces and no-break spaces, byte order
/// marks, marks of direction.
const fn is_meaningless(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202C}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E001F}')
}

/// What joins or parts its neighbours in some scripts, and in signs made of several.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// What chooses among the shapes of the character before it.
const fn is_selector(c: char) -> bool {
    matches!(c, '\u{180B}'..='\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0020}'..='\u{E007F}')
}

/// What turns the direction of all that follows, so that a name reads as another.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202D}' | '\u{202E}')
}

/// A line end that is no `\n`, or part of one.
const fn is_other_line_end(c: char) -> bool {
    matches!(c, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

// --------------------------------------------------------------------------------------------------------- the forms

/// Whether there is nothing to be seen in it.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_ignorable(c))
}

/// A text of one line as it is kept.
///
/// # Errors
/// `invalid_field_value` for a text with control characters, line ends among them, or one that turns its direction.
pub fn line(text: &str) -> Result<String, Invalid> {
    if text.chars().any(|c| c == '\n' || is_other_line_end(c)) {
        return Err(Invalid::new("must be one line of text, without line ends"));
    }
    kept(text)
}

/// A text of several lines as it is kept: each ends with one `\n`, however it was written, and tabs are spaces.
///
/// # Errors
/// `invalid_field_value` for a text with other control characters, or one that turns its direction.
pub fn lines(text: &str) -> Result<String, Invalid> {
    let text = text.replace("\r\n", "\n").replace(is_other_line_end, "\n").replace('\t', " ");
    kept(&text)
}

/// A text that is kept byte by byte, because its owner compares it with one of his own.
///
/// # Errors
/// `invalid_field_value` for a text with control characters.
pub fn verbatim(text: &str) -> Result<String, Invalid> {
    if text.chars().any(char::is_control) {
        return Err(Invalid::new("must not have control characters"));
    }
    Ok(text.to_owned())
}

/// A text without its control characters, for what nobody typed and nobody can be told about.
pub fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn kept(text: &str) -> Result<String, Invalid> {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Invalid::new("must not have control characters"));
    }
    if text.is_ascii() {
        return Ok(text.trim().to_owned());
    }
    if text.chars().any(turns_direction) {
        return Err(Invalid::new("must not have characters that turn the direction of text (U+202D, U+202E)"));
    }
    let meant = without_meaningless(&NFC.normalize(text));
    Ok(NFC.normalize(meant.trim()).into_owned())
}

/// Leaves out what says nothing where it stands. Joiners and selectors are meant in many scripts and signs, but not at the
/// edges of words nor between ASCII letters.
pub fn without_meaningless(text: &str) -> String {
    let mut rest = text.chars().filter(|c| !is_meaningless(*c)).peekable();
    let mut kept = String::with_capacity(text.len());
    let mut last = ' ';
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let behind_sign = !last.is_ascii() && !last.is_whitespace() && !is_ignorable(last);
        let said = if is_joiner(c) {
            let selected = !last.is_ascii() && is_selector(last);
            (behind_sign || selected) && !next.is_ascii() && !next.is_whitespace() && !is_ignorable(next)
        } else if is_selector(c) {
            behind_sign || (last.is_ascii_graphic() && next == KEYCAP)
        } else if is_tag(c) {
            last == FLAG || is_tag(last)
        } else {
            true
        };
        if said {
            kept.push(c);
            last = c;
        }
    }
    kept
}

/// The form of what machines compare: numbers, codes, ids, hashes, addresses. Nothing unseen, ASCII digits for all
/// digits, `-` for all hyphens and dashes, a plain space for all spaces, none around it, and NFKC for the rest.
pub fn machine_form(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(plain(&compatible(text)).trim().to_owned())
}

/// Without what is not seen, in NFKC, without white space around it: for what machines compare and people own, such as
/// e-mail addresses, whose letters stay as they are.
pub fn compatible(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
    NFKC.normalize(&seen).trim().to_owned()
}

/// Digits, dashes and spaces in ASCII.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        _ if is_dash(c) => '-',
        // Control characters stay what they are, and are refused.
        _ if c.is_whitespace() && !c.is_control() => ' ',
        _ => ascii_digit(c).unwrap_or(c),
    };
    text.chars().map(plain).collect()
}

/// Full Unicode case folding, so that "STRASSE" is "Straße". Lists are ordered by texts folded in this way alone.
pub fn fold_case(text: &str) -> String {
    icu_casemap::CaseMapper::new().fold_string(text).into_owned()
}

/// The form in which texts are searched: whatever was meant by two texts that look alike, it is the same.
pub fn findable(text: &str) -> String {
    // A line end is a space to whoever looks for what stands around it.
    let mut found = text.replace("\r\n", " ").replace(char::is_whitespace, " ");
    if found.is_ascii() {
        return found.trim().to_ascii_lowercase();
    }
    for _ in 0..MOST_ROUNDS {
        // Folding can take apart what was composed, and composing make what is folded further.
        let next = plain(&compatible(&fold_case(&compatible(&found)))).trim().to_owned();
        if next == found {
            break;
        }
        found = next;
    }
    found
}

/// The text with each letter in one piece (NFC).
pub fn composed(text: &str) -> Cow<'_, str> {
    NFC.normalize(text)
}

/// The text with letters and their marks apart (NFD), as some systems write the names of files and people.
pub fn decomposed(text: &str) -> Cow<'_, str> {
    NFD.normalize(text)
}

/// Whether a text that was folded by [`fold_case`], as lists keep them, holds what [`findable`] made of a search.
pub fn holds(folded: &str, sought: &str) -> bool {
    // Most texts are findable as they are: folding a million anew would take seconds.
    let is_findable = || folded.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    folded.contains(sought) || (!is_findable() && findable(folded).contains(sought))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_nobody_sees_is_not_kept() {
        for (pasted, meant) in [
            ("\u{FEFF}Pre\u{AD}mium\u{200B} Plan\u{200E}", "Premium Plan"),
            (" T-shirt ", "T-shirt"),
            ("\u{202A}Alice\u{202C}", "Alice"),
            ("Cafe\u{301}", "Caf\u{e9}"),
            ("e\u{200B}\u{301}", "\u{e9}"),
            ("Plan\u{FE0F}", "Plan"),
            ("a\u{200D}b", "ab"),
        ] {
            assert_eq!(line(pasted).unwrap(), meant, "{pasted:?}");
        }
    }

    #[test]
    fn what_signs_and_scripts_need_is_kept() {
        for text in [
            "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
            "\u{2764}\u{FE0F}\u{200D}\u{1F525}",
            "1\u{FE0F}\u{20E3}",
            // Persian "I go", whose parts must not join.
            "\u{645}\u{6CC}\u{200C}\u{631}\u{648}\u{645}",
            // A surname's variant of a Japanese character.
            "\u{845B}\u{E0100}\u{57CE}",
            // The flag of England is tags behind a black flag.
            "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "Prix\u{A0}: 5",
        ] {
            assert_eq!(line(text).unwrap(), text, "{text:?}");
        }
    }

    #[test]
    fn control_characters_and_turned_directions_are_refused() {
        for text in ["A\0B", "A\tB", "\u{7}", "A\u{9B}B", "A\nB", "A\u{2028}B", "A\n", "\u{202E}evil", "a\u{202D}b"] {
            assert!(line(text).is_err(), "{text:?}");
        }
        for text in ["A\0B", "\u{1B}[0m", "\u{202E}evil\n"] {
            assert!(lines(text).is_err(), "{text:?}");
        }
        assert_eq!(lines("a\r\nb\rc\u{2028}d\te\n").unwrap(), "a\nb\nc\nd e");
        assert!(verbatim("A\nB").is_err());
        assert_eq!(verbatim(" e\u{301}\u{200B} ").unwrap(), " e\u{301}\u{200B} ");
    }

    #[test]
    fn machines_read_ascii_whatever_was_typed() {
        for (typed, meant) in [
            ("\u{FF33}\u{FF21}\u{FF36}\u{FF25}\u{FF11}\u{FF10}", "SAVE10"),
            ("SA\u{200B}VE\u{AD}10\u{A0}", "SAVE10"),
            ("SAVE\u{2011}10", "SAVE-10"),
            ("\u{661}\u{662}\u{663}", "123"),
            ("\u{967}\u{968}", "12"),
            ("1\u{202F}234", "1 234"),
            ("\u{2212}5", "-5"),
            ("\u{1D7DB}", "3"),
            ("\u{116DB}", "1"),
        ] {
            assert_eq!(machine_form(typed), meant, "{typed:?}");
        }
    }

    #[test]
    fn texts_that_look_alike_are_found_by_each_other() {
        for (one, other) in [
            ("STRASSE", "Stra\u{df}e"),
            ("\u{3a3}\u{38a}\u{3a3}\u{3a5}\u{3a6}\u{39f}\u{3a3}", "\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}"),
            ("Cafe\u{301} Noir", "caf\u{e9}\u{a0}noir"),
            ("\u{FF33}\u{FF21}\u{FF36}\u{FF25}", "save"),
            ("\u{fb01}lm", "Film"),
            ("e\u{2011}mail", "E-Mail"),
            ("\u{665}", "5"),
            ("so\u{AD}ft", "soft"),
        ] {
            assert_eq!(findable(one), findable(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_blank_text_shows_nothing() {
        assert!(["", " ", "\u{200B}\u{FEFF}", "\u{3164}", "\u{A0}\n"].iter().all(|text| is_blank(text)));
        assert!(!is_blank("\u{200B}.") && !is_blank("\u{0}"));
    }

    /// Texts with much of what folding is about.
    fn pasted() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{AD}',
            '\u{FE0F}',
            '\u{E0067}',
            '\u{1F3F4}',
            '\u{1F525}',
            '\u{20E3}',
            '\u{301}',
            '\u{345}',
            '\u{338}',
            'e',
            'E',
            '1',
            '\u{661}',
            '\u{212A}',
            '\u{2126}',
            '\u{37E}',
            '\u{FFA0}',
            '\u{1160}',
            '\u{3164}',
            '\u{1100}',
            '\u{1161}',
            '\u{2011}',
            '\u{A0}',
            '\u{A8}',
            '\u{130}',
            '\u{1E9E}',
            '\u{3f4}',
            '\u{FB01}',
            '\u{34F}',
            '\u{202A}',
            '\u{E0100}',
            '\u{845B}',
            '\u{180B}',
            '\u{1FBE}',
            '\u{390}',
            '\n',
            ' ',
            '-',
            '<',
            '\u{2000}',
        ]);
        prop_oneof![
            prop::collection::vec(odd, 0..12).prop_map(String::from_iter),
            prop::collection::vec(any::<char>(), 0..8).prop_map(String::from_iter),
            "\\PC{0,20}",
            "\\p{Nd}{1,6}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn folding_what_is_folded_changes_nothing(text in pasted()) {
            for keep in [line, lines, verbatim] {
                if let Ok(kept) = keep(&text) {
                    prop_assert_eq!(keep(&kept), Ok(kept.clone()));
                }
            }
            let plain = machine_form(&text).into_owned();
            prop_assert_eq!(machine_form(&plain), plain.as_str());
            let found = findable(&text);
            prop_assert_eq!(findable(&found), found);
        }

        #[test]
        fn nothing_that_is_kept_has_control_characters(text in pasted()) {
            for keep in [line, verbatim] {
                prop_assert!(!keep(&text).is_ok_and(|kept| kept.chars().any(char::is_control)));
            }
            prop_assert!(!lines(&text).is_ok_and(|kept| kept.chars().any(|c| c.is_control() && c != '\n')));
        }

        #[test]
        fn what_is_kept_is_found_by_what_was_typed(text in pasted()) {
            // But for a Greek mark that folding turns into a letter: behind another mark it ends up elsewhere.
            prop_assume!(!text.contains('\u{345}'));
            if let Ok(kept) = lines(&text) {
                prop_assert!(holds(&fold_case(&kept), &findable(&text)), "{:?}", kept);
            }
            // Texts that were stored before anything was folded are found as well.
            prop_assert!(holds(&fold_case(&text), &findable(&text)));
        }

        #[test]
        fn digits_of_every_script_are_read(number in "\\p{Nd}{1,9}") {
            prop_assert!(machine_form(&number).bytes().all(|byte| byte.is_ascii_digit()));
            prop_assert_eq!(machine_form(&number).len(), number.chars().count());
        }
    }
}
