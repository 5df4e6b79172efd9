//! QR codes, drawn into the page.

use maud::{Markup, html};
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// Light modules around a code, as the standard demands.
const QUIET_ZONE: i32 = 4;

/// A code of this text, told to those who cannot see it as `label`; nothing where the text is too long for any code.
pub(crate) fn draw(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let side = code.size() + 2 * QUIET_ZONE;
    html! {
        svg viewBox={ "0 0 " (side) " " (side) } role="img" aria-label=(label) shape-rendering="crispEdges" {
            rect width="100%" height="100%" fill="#fff" {}
            path d=(path(&code)) fill="#000" {}
        }
    }
}

/// One rectangle for each run of dark modules in a row.
fn path(code: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let begin = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            let run = x - begin;
            if run > 0 {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", begin + QUIET_ZONE, y + QUIET_ZONE);
            }
            x += 1;
        }
    }
    path
}
