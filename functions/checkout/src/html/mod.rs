//! The pages a payer sees: what all of them have in common.
//!
//! What must stay true: a page is whole without a script; nothing on it is loaded from elsewhere but the merchant's own
//! pictures; no script, style or handler stands in the page itself, so that the policy can forbid all of them.

pub(crate) mod accent;
pub(crate) mod assets;
pub(crate) mod closed;
pub(crate) mod form;
pub(crate) mod link;
pub(crate) mod money;
mod paying;
mod qr;
pub(crate) mod session;

use accent::Accent;
use anyspend_api::{Answer, Call};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::payment_link::PaymentLink;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, html};

/// The media type of a page.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// What a page may load, run and be part of. Pictures are the merchant's and come from anywhere, by https.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// In test mode pictures may stand on the developer's own machine.
const TEST_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: \
     http://localhost:* http://127.0.0.1:*; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// What a page looks like.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) title: String,
    accent: Accent,
    logo: Option<String>,
    business: Option<String>,
    test_mode: bool,
}

impl Look {
    /// The look of a page that is nobody's.
    pub(crate) fn plain(title: &str) -> Self {
        let title = title.to_owned();
        Self { title, accent: Accent::new(None), logo: None, business: None, test_mode: false }
    }

    /// The look of a session of no link, or of one that is gone.
    pub(crate) fn of_session(session: &CheckoutSession, title: &str) -> Self {
        Self { test_mode: !session.owner.mode.is_live(), ..Self::plain(title) }
    }

    /// The look of a link's pages.
    pub(crate) fn of_link(link: &PaymentLink, title: &str) -> Self {
        let branding = link.terms.branding.as_ref();
        Self {
            title: title.to_owned(),
            accent: Accent::new(link.terms.theme_color.as_ref()),
            logo: branding.and_then(|branding| branding.logo_url.as_ref()).map(|url| url.as_str().to_owned()),
            business: branding
                .and_then(|branding| branding.business_name.as_ref())
                .map(|name| name.as_str().to_owned()),
            test_mode: !link.owner.mode.is_live(),
        }
    }
}

/// What a page does by itself, for those without a script.
#[derive(Debug, Clone)]
pub(crate) enum Motion {
    /// Nothing.
    Still,
    /// Looks anew every so many seconds.
    Refresh(u32),
    /// Goes elsewhere after so many seconds.
    Leave(u32, String),
}

/// A whole page.
pub(crate) fn page(look: &Look, motion: &Motion, content: &Markup) -> Vec<u8> {
    let refresh = match motion {
        Motion::Still => None,
        Motion::Refresh(seconds) => Some(seconds.to_string()),
        Motion::Leave(seconds, url) => Some(format!("{seconds};url={url}")),
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="referrer" content="strict-origin";
                title { (look.title) }
                link rel="icon" type="image/svg+xml" href=(assets::icon_url());
                link rel="stylesheet" href=(assets::style_url(look.accent));
                script src=(assets::script_url()) defer {}
                @if let Some(refresh) = refresh { noscript { meta http-equiv="refresh" content=(refresh); } }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    @if look.logo.is_some() || look.business.is_some() {
                        div.brand {
                            @if let Some(logo) = &look.logo {
                                // Beside the name it says nothing more; alone it is the name.
                                img src=(logo) alt=(if look.business.is_some() { "" } else { "The merchant's logo" });
                            }
                            @if let Some(business) = &look.business { span { (business) } }
                        }
                    }
                    @if look.test_mode { p.badge { "Test mode" } }
                }
                main id="main" { (content) }
                footer { "Checkout by AnySpend" }
            }
        }
    };
    markup.into_string().into_bytes()
}

/// The headers of every page.
pub(crate) fn headers(look: &Look) -> HeaderMap {
    let policy = if look.test_mode { TEST_POLICY } else { POLICY };
    [
        (header::CONTENT_TYPE, HTML),
        (header::CONTENT_SECURITY_POLICY, policy),
        // The address may carry what the merchant knows about the payer.
        (header::REFERRER_POLICY, "strict-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect()
}

/// Answers with a page.
pub(crate) fn answer(call: &Call, status: StatusCode, look: &Look, motion: &Motion, content: &Markup) -> Answer {
    let mut answer = call.answer_with(status, HTML, page(look, motion, content));
    answer.headers = headers(look);
    answer
}

/// A tick, a cross, a clock: drawn, never loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    Tick,
    Cross,
    Clock,
}

impl Sign {
    pub(crate) fn draw(self) -> Markup {
        let path = match self {
            Self::Tick => "M15 25l6 6 12-14",
            Self::Cross => "M17 17l14 14M31 17L17 31",
            Self::Clock => "M24 14v11l7 5",
        };
        html! {
            svg viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round"
                stroke-linejoin="round" aria-hidden="true" {
                circle cx="24" cy="24" r="21" {}
                path d=(path) {}
            }
        }
    }
}
