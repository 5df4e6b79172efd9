//! What the pages load: the style sheet, the script and the icon, each under a name with the hash of what it names.

use super::accent::Accent;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

pub(crate) const STYLE: &str = include_str!("../../assets/page.css");
pub(crate) const SCRIPT: &str = include_str!("../../assets/page.js");
pub(crate) const ICON: &str = include_str!("../../assets/icon.svg");
/// Hexadecimal digits of a hash in a name.
pub(crate) const HASH_DIGITS: usize = 12;

/// The hashes of style sheet, script and icon, as they stand in names.
pub(crate) static HASHES: LazyLock<[String; 3]> = LazyLock::new(|| {
    [STYLE, SCRIPT, ICON].map(|text| hex::encode(Sha256::digest(text.as_bytes()))[..HASH_DIGITS].to_owned())
});

/// The style sheet, with the page's accent in it: one request, and no style in the page.
pub(crate) fn style_url(accent: Accent) -> String {
    format!("/pay/assets/{}-{accent}.css", HASHES[0])
}

/// The script.
pub(crate) fn script_url() -> String {
    format!("/pay/assets/{}.js", HASHES[1])
}

/// The icon of the browser's tab.
pub(crate) fn icon_url() -> String {
    format!("/pay/assets/{}.svg", HASHES[2])
}
