//! Pages for what cannot be paid or shown: each says what happened and what to do, and none says who would be paid.

use super::{Look, Motion, Sign};
use anyspend_api::operation::Page;
use anyspend_api::{Answer, ApiError, Call};
use anyspend_domain::Timestamp;
use anyspend_domain::payment_link::PaymentLink;
use http::StatusCode;
use maud::{Markup, html};

/// Why a link takes no payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    Expired,
    SwitchedOff,
    UsedUp,
}

impl Closed {
    /// Why this link is closed, if it is.
    pub(crate) fn of(link: &PaymentLink, now: Timestamp) -> Option<Self> {
        if link.is_active(now) {
            return None;
        }
        let terms = &link.terms;
        Some(if !terms.switched_on {
            Self::SwitchedOff
        } else if terms.expires_at.is_some_and(|expiry| now >= expiry) {
            Self::Expired
        } else {
            Self::UsedUp
        })
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Expired => (
                "This payment link has expired",
                "It no longer takes payments. Ask whoever sent it to you for a new one.",
            ),
            Self::SwitchedOff => {
                ("This payment link is not active", "It takes no payments at the moment. Ask whoever sent it to you.")
            }
            Self::UsedUp => (
                "This payment link has been used up",
                "It has taken all the payments it was made for. Ask whoever sent it to you for a new one.",
            ),
        }
    }
}

/// The page of a link that takes no payments.
pub(crate) fn link(call: &Call, link: &PaymentLink, closed: Closed) -> Answer {
    let (title, text) = closed.words();
    let sign = if closed == Closed::Expired { Sign::Clock } else { Sign::Cross };
    let look = Look::of_link(link, title);
    let content = html! {
        (card(sign, title, text))
        @if let Some(url) = &link.terms.return_url {
            div.narrow.stack { a.button.quiet href=(url.as_str()) {
                (link.terms.return_label.as_ref().map_or("Back to the merchant", |label| label.as_str()))
            } }
        }
    };
    super::answer(call, StatusCode::GONE, &look, &Motion::Still, &content)
}

/// The page of a link that was deleted: nothing of it is left to show.
pub(crate) fn deleted(call: &Call) -> Answer {
    const TITLE: &str = "This payment link no longer exists";
    let content = card(Sign::Cross, TITLE, "It was deleted. Ask whoever sent it to you for a new one.");
    super::answer(call, StatusCode::GONE, &Look::plain(TITLE), &Motion::Still, &content)
}

/// The page of a failure.
pub(crate) fn failure(_: &Call, error: &ApiError) -> Page {
    let (title, text) = match error.status() {
        StatusCode::NOT_FOUND => {
            ("Page not found", "There is nothing at this address. Check that the link you were sent is complete.")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ("Too many requests", "Your network has opened many pages in a short time. Wait a minute, then try again.")
        }
        StatusCode::METHOD_NOT_ALLOWED => ("This does not work", "This page cannot be used in this way."),
        StatusCode::PAYLOAD_TOO_LARGE => ("That is too much", "What was filled in is larger than this page can take."),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("We are not available", "Nothing was charged. Try again in a moment: reload this page.")
        }
        status if status.is_server_error() => {
            ("Something went wrong", "The fault is ours. Nothing was charged. Try again in a moment.")
        }
        _ => ("This does not work", "The request could not be understood. Open the link you were sent once more."),
    };
    let look = Look::plain(title);
    let body = super::page(&look, &Motion::Still, &card(Sign::Cross, title, text));
    Page { headers: super::headers(&look), body }
}

/// One sign, one headline, one piece of advice.
pub(crate) fn card(sign: Sign, title: &str, text: &str) -> Markup {
    html! {
        section.card.narrow {
            div.state {
                div.muted { (sign.draw()) }
                h1 { (title) }
                p.muted { (text) }
            }
        }
    }
}
