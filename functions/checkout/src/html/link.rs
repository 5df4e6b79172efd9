//! A payment link's page: what is sold, what is asked of the payer, and the button.

use super::form::{Ask, FormState, discount, errors};
use super::money::Currency;
use super::{Look, Motion};
use anyspend_api::{Answer, Call};
use anyspend_domain::VisitorId;
use anyspend_domain::checkout_session::Bounds;
use anyspend_domain::line_item::LineItem;
use anyspend_domain::payer_answers::Asked;
use anyspend_domain::payment_link::PaymentLink;
use http::StatusCode;
use maud::{Markup, html};

/// What the button says where the merchant chose nothing.
const PAY: &str = "Pay";

/// What a link is paid in.
pub(crate) fn currency(link: &PaymentLink) -> Currency {
    Currency::new(&link.terms.token_address, link.terms.chain_id)
}

/// What a link's page asks.
pub(crate) fn ask<'a>(link: &'a PaymentLink, currency: &'a Currency) -> Ask<'a> {
    let terms = &link.terms;
    let bounds = Bounds { min: terms.min_amount, max: terms.max_amount };
    let choice = link.amount().is_none().then_some((bounds, terms.suggested_amount));
    Ask { asked: Asked::by(terms), choice, currency }
}

/// Answers with a link's page, empty or as it was filled in. `visitor` is the visit the page was opened with.
pub(crate) fn answer(call: &Call, link: &PaymentLink, state: &FormState, visitor: Option<&VisitorId>) -> Answer {
    let name = link.terms.name.as_str();
    let (status, title) = match state.is_refused() {
        false => (StatusCode::OK, name.to_owned()),
        true => (StatusCode::BAD_REQUEST, format!("Error: {name}")),
    };
    let currency = currency(link);
    let content = html! {
        div.sheet {
            section.card.stack.summary aria-labelledby="name" {
                (what_is_sold(link, &currency))
                @match link.amount() {
                    Some(amount) => p.total { span { "Total" } strong { (currency.amount(amount)) } },
                    None => p.muted { "You choose the amount." },
                }
                (paid_in(&currency))
            }
            (form(call, link, &currency, state, visitor))
        }
    };
    super::answer(call, status, &Look::of_link(link, &title), &Motion::Still, &content)
}

/// Picture, name, description and items.
pub(crate) fn what_is_sold(link: &PaymentLink, currency: &Currency) -> Markup {
    let terms = &link.terms;
    html! {
        @if let Some(image) = &terms.image_url { img.picture src=(image.as_str()) alt=""; }
        div {
            h1 id="name" { (terms.name.as_str()) }
            @if let Some(description) = terms.description.as_ref().filter(|text| !text.as_str().is_empty()) {
                p.muted.pre { (description.as_str()) }
            }
        }
        @if !link.items.is_empty() {
            ul.items aria-label="Items" { @for item in &link.items { (line_item(item, currency)) } }
        }
    }
}

/// The token, the chain, and what is to be known of a token nobody knows.
pub(crate) fn paid_in(currency: &Currency) -> Markup {
    html! {
        p.small.muted {
            @if currency.is_unknown() {
                "Paid on " (currency.network()) " in the token " code { (currency.token.as_sent()) }
                ". Amounts are counted in its smallest units."
            } @else {
                "Paid in " (currency.symbol()) " on " (currency.network()) "."
            }
        }
    }
}

fn line_item(item: &LineItem, currency: &Currency) -> Markup {
    let line = item.amount.checked_mul(item.quantity);
    html! {
        li.pictured[item.image_url.is_some()] {
            @if let Some(image) = &item.image_url { img src=(image.as_str()) alt="" loading="lazy"; }
            div.what {
                p { (item.name.as_str()) }
                @if let Some(description) = &item.description { p.small.muted { (description.as_str()) } }
                @if item.quantity > 1 {
                    p.small.muted { (item.quantity) " × " (currency.amount(item.amount)) }
                }
            }
            @if let Some(line) = line { p.money { (currency.amount(line)) } }
        }
    }
}

fn form(
    call: &Call,
    link: &PaymentLink,
    currency: &Currency,
    state: &FormState,
    visitor: Option<&VisitorId>,
) -> Markup {
    let ask = ask(link, currency);
    let separator = if call.query_string.is_empty() { "" } else { "?" };
    let action = format!("/pay/{}{separator}{}", link.id.short_code(), call.query_string);
    let button = link.terms.button_text.as_ref().map_or(PAY, |text| text.as_str());
    let shipped = !ask.asked.shipping_options.is_empty();
    html! {
        section.card.stack aria-labelledby="details" {
            h2 id="details" { @if ask.is_empty() { "Payment" } @else { "Your details" } }
            (errors(state))
            form.stack method="post" action=(action) {
                @if let Some(visitor) = visitor { input type="hidden" name="visitor_id" value=(visitor.as_str()); }
                (ask.inputs(state))
                (discount(state))
                // Under a form the price has scrolled away; without one it stands right above.
                @if let Some(amount) = link.amount().filter(|_| !ask.is_empty()) {
                    p.total {
                        span { @if shipped { "Total before shipping" } @else { "Total" } }
                        strong { (currency.amount(amount)) }
                    }
                }
                button.button type="submit" { (button) }
                p.small.muted {
                    "Next you see the address to pay to and a code to scan. Nothing is charged before you pay."
                }
            }
        }
    }
}
