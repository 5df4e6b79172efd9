//! The page's accent: the merchant's colour, with a text colour on it that can be read.

use anyspend_domain::text::ThemeColor;
use std::fmt;

/// Where the merchant chose none.
const DEFAULT: Accent = Accent { red: 0x1f, green: 0x3f, blue: 0xd1 };
/// Relative luminance is counted in these parts.
const WHOLE: u64 = 100_000;
/// The brightest background on which white text has a contrast of 4.5; a little less, as luminance is an approximation.
const DARK_ENOUGH: u64 = 18_000;
/// The brightest background on which white text is what a designer would choose: a contrast of 3.
const NEARLY_DARK_ENOUGH: u64 = 30_000;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accent {
    red: u8,
    green: u8,
    blue: u8,
}

impl Accent {
    pub(crate) fn new(color: Option<&ThemeColor>) -> Self {
        color.and_then(|color| Self::parse(color.as_str().trim_start_matches('#'))).unwrap_or(DEFAULT)
    }

    /// Reads six hexadecimal digits.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        // The number's own parser would also take a sign.
        let is_color = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_color)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self { red, green, blue })
    }

    /// The colour as a background, and the text colour on it: white on a colour that is dark or can be made so without
    /// anyone noticing, black on the others.
    pub(crate) fn with_text(self) -> (Self, &'static str) {
        let mut background = self;
        if background.luminance() > NEARLY_DARK_ENOUGH {
            return (background, "#000000");
        }
        while background.luminance() > DARK_ENOUGH {
            background = background.darker();
        }
        (background, "#ffffff")
    }

    /// One hundredth darker; any colour but black gets darker by it.
    fn darker(self) -> Self {
        let less = |channel: u8| channel.saturating_sub(channel / 100 + 1);
        Self { red: less(self.red), green: less(self.green), blue: less(self.blue) }
    }

    /// Relative luminance as WCAG defines it, in parts of [`WHOLE`].
    fn luminance(self) -> u64 {
        (2_126 * linear(self.red) + 7_152 * linear(self.green) + 722 * linear(self.blue)) / 10_000
    }
}

/// A channel's linear light, by the usual cubic approximation of sRGB's curve, in integers.
fn linear(channel: u8) -> u64 {
    let x = u64::from(channel) * WHOLE / 255;
    x * (x * (x * 30_531 / WHOLE + 68_217) / WHOLE + 1_252) / WHOLE
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast WCAG asks of text, computed as WCAG does.
    #[expect(clippy::float_arithmetic, reason = "the definition is in real numbers")]
    fn contrast(background: Accent, text: &str) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance =
            |c: Accent| 0.2126 * channel(c.red) + 0.7152 * channel(c.green) + 0.0722 * channel(c.blue) + 0.05;
        let (one, other) = (luminance(background), luminance(Accent::parse(&text[1..]).unwrap()));
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_on_any_accent_can_be_read() {
        for number in (0..=0x00ff_ffff_u32).step_by(4_099).chain([0x00ff_ffff, 0x0063_66f1]) {
            let accent = Accent::parse(&format!("{number:06x}")).unwrap();
            let (background, text) = accent.with_text();
            assert!(contrast(background, text) >= 4.5, "{accent} {background} {text}");
        }
        assert_eq!(Accent::parse("6366f1").unwrap().with_text().1, "#ffffff");
        assert_eq!(Accent::parse("ffff00").unwrap().with_text().1, "#000000");
    }

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        for text in ["", "fff", "6366f1a", "gggggg", "+366f1"] {
            assert_eq!(Accent::parse(text).map(|accent| accent.to_string()), None, "{text}");
        }
        assert_eq!(Accent::parse("6366F1").unwrap().to_string(), "6366f1");
    }
}
