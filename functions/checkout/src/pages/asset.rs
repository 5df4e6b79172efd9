//! `GET /pay/assets/{name}`
//!
//! A name carries the hash of what it names, so that a browser may keep it for good; a page of the version before, whose
//! names are no longer these, still gets what it needs, and keeps that for a minute.

use crate::html::accent::Accent;
use crate::html::assets::{HASH_DIGITS, HASHES, ICON, SCRIPT, STYLE};
use crate::html::closed::failure;
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use http::{HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "getCheckoutAsset",
        Method::GET,
        "/pay/assets/{name}",
        Access::Public,
        (StatusCode::OK, Content::Text("text/css")),
        "Get the style sheet, the script or the icon of the checkout pages",
    )
    .described(
        "Its media type is that of the name's ending; a name that carries the hash of the content never changes.",
    )
    .read_by(Audience::People(failure))
    .handled_by(asset)
}

async fn asset(call: Arc<Call>, _: Caller) -> Result<Answer, ApiError> {
    let name = call.param("name");
    let unknown = || ApiError::not_found("asset", name);
    let (stem, ending) = name.rsplit_once('.').ok_or_else(unknown)?;
    let (kind, hash, body, expected) = match ending {
        "css" => {
            let (hash, accent) = stem.split_once('-').ok_or_else(unknown)?;
            let accent = Accent::parse(accent).ok_or_else(unknown)?;
            let (background, text) = accent.with_text();
            let body = format!("{STYLE}:root{{--accent:#{background};--on-accent:{text}}}\n");
            ("text/css; charset=utf-8", hash, body, &HASHES[0])
        }
        "js" => ("text/javascript; charset=utf-8", stem, SCRIPT.to_owned(), &HASHES[1]),
        "svg" => ("image/svg+xml", stem, ICON.to_owned(), &HASHES[2]),
        _ => return Err(unknown()),
    };
    if hash.len() != HASH_DIGITS {
        return Err(unknown());
    }
    let keep = if hash == expected { FOR_GOOD } else { FOR_A_MINUTE };
    Ok(call.answer_with(StatusCode::OK, kind, body.into_bytes()).with(header::CACHE_CONTROL, keep))
}
