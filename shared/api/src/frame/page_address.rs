//! Addresses of pages as they arrive when somebody pasted them: with the full stop of the sentence they stood in, a
//! bracket, a slash, a space or something unseen behind them, or in full width.

use crate::platform::Platform;
use anyspend_domain::pasted::machine_form;
use anyspend_domain::{CheckoutSessionId, PaymentLinkRef, ShortCode};
use http::Method;
use percent_encoding::percent_decode_str;

/// Where links' pages are; behind it stands a short code or an id.
const PAGE: &str = "/pay/";
/// Where sessions' pages are.
const SESSION_PAGE: &str = "/pay/s/";
/// Where short links are.
const SHORT: &str = "/l/";

/// The address that was meant by one with something around its code or id; `None` when nothing is, or none is in it.
/// Whether there is such a page is the page's to say.
pub(crate) fn meant(platform: &Platform, method: &Method, path: &str) -> Option<String> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    let config = &platform.config;
    let (page, sent) =
        [SESSION_PAGE, PAGE, SHORT].into_iter().find_map(|page| Some((page, path.strip_prefix(page)?)))?;
    let decoded = percent_decode_str(sent).decode_utf8().ok()?;
    let typed = machine_form(&decoded);
    let name = typed.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name == sent {
        return None;
    }
    match page {
        SESSION_PAGE => CheckoutSessionId::parse(name).map(|id| config.session_url(&id)),
        // A short link leads there in any case.
        SHORT => ShortCode::parse(name).map(|code| config.page_url(&code)),
        _ => PaymentLinkRef::parse(name).map(|_| format!("{}{PAGE}{name}", config.public_url)),
    }
}
