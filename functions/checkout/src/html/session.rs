//! A session's page, in each of its states.

use super::form::{Ask, FormState, errors};
use super::money::Currency;
use super::{Look, Motion, Sign, closed, link, paying};
use crate::decisions::context::Context;
use crate::decisions::instructions::{cancel_url, success_url};
use anyspend_api::{Answer, Call};
use anyspend_domain::checkout_session::{CheckoutSession, FailureReason, Status};
use anyspend_domain::payment_link::PaymentLink;
use http::StatusCode;
use maud::{Markup, html};

/// Seconds after which a page without a script looks anew.
pub(super) const REFRESH_SECONDS: u32 = 10;
/// Milliseconds after which a script asks anew: twenty times a minute, a third of what one address may.
pub(super) const ASK_EVERY_MILLIS: u32 = 3_000;
/// Characters from which on an amount is written smaller.
pub(super) const LONG_AMOUNT: usize = 22;
/// Seconds after which a payer who has paid is sent on.
const LEAVE_SECONDS: u32 = 5;

/// What a session is paid in.
pub(crate) fn currency(session: &CheckoutSession) -> Currency {
    Currency::new(&session.token_address, session.chain_id)
}

/// What a session's page asks before it can be paid; `None` when nothing is missing.
pub(crate) fn ask<'a>(context: &'a Context, currency: &'a Currency) -> Option<Ask<'a>> {
    let session = &context.session;
    let all = context.asked();
    if !session.lacks_details(all) {
        return None;
    }
    let suggested = context.link.as_ref().and_then(|link| link.terms.suggested_amount);
    let choice = session.amount.is_none().then_some((session.bounds, suggested));
    Some(Ask { asked: session.still_asked(all), choice, currency })
}

/// Answers with a session's page; `state` is what was filled in, where something was missing.
pub(crate) fn answer(call: &Call, context: &Context, state: &FormState) -> Answer {
    let session = &context.session;
    let currency = currency(session);
    match session.status(call.now, context.link_deleted_at) {
        Status::Open => match ask(context, &currency) {
            Some(ask) => details(call, context, &ask, state),
            None => paying::page(call, context, &currency),
        },
        Status::Processing => processing(call, context, &currency),
        Status::Completed => completed(call, context, &currency),
        Status::Expired => expired(call, context),
        Status::Failed => failed(call, context),
    }
}

pub(super) fn look(context: &Context, title: &str) -> Look {
    match &context.link {
        Some(link) => Look::of_link(link, title),
        None => Look::of_session(&context.session, title),
    }
}

/// What is bought, and what it comes to.
pub(super) fn summary(session: &CheckoutSession, link: Option<&PaymentLink>, currency: &Currency) -> Markup {
    let due = session.amount_due();
    let parts = session.discount.is_some() || session.shipping_option.is_some();
    html! {
        section.card.stack.summary aria-labelledby="name" {
            @match link {
                Some(link) => (link::what_is_sold(link, currency)),
                None => h1 id="name" { "Your payment" },
            }
            @if parts {
                ul.items aria-label="Price" {
                    @if let Some(price) = session.amount {
                        li { span { "Price" } span.money { (currency.amount(price)) } }
                    }
                    @if let Some(discount) = &session.discount {
                        li {
                            span { "Discount " (discount.code) }
                            @if let Some(amount) = discount.amount { span.money { "−" (currency.amount(amount)) } }
                        }
                    }
                    @if let Some(option) = &session.shipping_option {
                        li { span { (option.name.as_str()) } span.money { (currency.cost(option.amount)) } }
                    }
                }
            }
            @if let Some(due) = due { p.total { span { "Total" } strong { (currency.amount(due)) } } }
            (link::paid_in(currency))
        }
    }
}

fn details(call: &Call, context: &Context, ask: &Ask<'_>, state: &FormState) -> Answer {
    let session = &context.session;
    let status = if state.is_refused() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let title = if state.is_refused() { "Error: your details" } else { "Your details" };
    let content = html! {
        div.sheet {
            (summary(session, context.link.as_deref(), ask.currency))
            section.card.stack aria-labelledby="details" {
                h2 id="details" { "Your details" }
                (errors(state))
                form.stack method="post" action=(crate::session_path(&session.id)) {
                    (ask.inputs(state))
                    button.button type="submit" { "Continue" }
                }
                (way_back(session))
            }
        }
    };
    super::answer(call, status, &look(context, title), &Motion::Still, &content)
}

/// What the page shows of the session's progress; a script compares it with what it is told.
pub(super) fn state(session: &CheckoutSession, status: Status) -> String {
    let received = session.amount_received.map_or_else(|| "0".to_owned(), |amount| amount.to_string());
    format!("{} {received}", status.as_str())
}

pub(super) fn way_back(session: &CheckoutSession) -> Markup {
    html! {
        @if let Some(url) = cancel_url(session) { p.small { a href=(url) rel="noreferrer" { "Cancel and go back" } } }
    }
}

fn transaction(session: &CheckoutSession) -> Markup {
    html! {
        @if let Some(hash) = &session.tx_hash {
            dl.facts { div { dt { "Transaction" } dd { code { (hash.to_string()) } } } }
        }
    }
}

fn processing(call: &Call, context: &Context, currency: &Currency) -> Answer {
    let session = &context.session;
    let content = html! {
        section.card.stack.narrow {
            div.state { div.muted { (Sign::Clock.draw()) } h1 { "Your payment is on its way" } }
            div.live data-session=(session.id.as_str()) data-state=(state(session, Status::Processing))
                data-every=(ASK_EVERY_MILLIS) {
                span.spinner aria-hidden="true" {}
                p role="status" {
                    "It was sent on " (currency.network()) " and is being confirmed. You can close this page: nothing is lost."
                }
            }
            (transaction(session))
        }
    };
    let motion = Motion::Refresh(REFRESH_SECONDS);
    super::answer(call, StatusCode::OK, &look(context, "Confirming your payment"), &motion, &content)
}

fn completed(call: &Call, context: &Context, currency: &Currency) -> Answer {
    let session = &context.session;
    let terms = context.link.as_ref().map(|link| &link.terms);
    let home = success_url(session).or_else(|| Some(terms?.return_url.as_ref()?.as_str().to_owned()));
    let label = terms.and_then(|terms| terms.return_label.as_ref()).map_or("Continue", |label| label.as_str());
    let paid = session.amount_received.or_else(|| session.amount_due());
    let content = html! {
        section.card.stack.narrow {
            div.state {
                div.good { (Sign::Tick.draw()) }
                h1 { "Payment complete" }
                @if let Some(paid) = paid.map(|paid| currency.amount(paid)) {
                    p.amount.long[paid.len() > LONG_AMOUNT] { (paid) }
                }
                @if let Some(terms) = terms { p.muted { (terms.name.as_str()) } }
            }
            (transaction(session))
            @if let Some(home) = &home {
                a.button href=(home) data-after=(LEAVE_SECONDS) { (label) }
                p.small.muted { "You are taken there in a few seconds." }
            }
        }
    };
    let motion = home.map_or(Motion::Still, |home| Motion::Leave(LEAVE_SECONDS, home));
    super::answer(call, StatusCode::OK, &look(context, "Payment complete"), &motion, &content)
}

/// A way to begin anew, where there is one.
fn again(call: &Call, context: &Context) -> Markup {
    let link = context.link.as_ref().filter(|link| link.is_active(call.now));
    html! {
        @if let Some(link) = link { a.button href={ "/pay/" (link.id.short_code().as_str()) } { "Start again" } }
        (way_back(&context.session))
    }
}

fn expired(call: &Call, context: &Context) -> Answer {
    const TITLE: &str = "This payment session has expired";
    let content = html! {
        (closed::card(Sign::Clock, TITLE, "The time to pay is over. Do not send anything for it any more."))
        div.narrow.stack { (again(call, context)) }
    };
    super::answer(call, StatusCode::OK, &look(context, TITLE), &Motion::Still, &content)
}

fn failed(call: &Call, context: &Context) -> Answer {
    let (title, text) = match context.session.failure_reason(Status::Failed) {
        Some(FailureReason::LinkUsedUp) => (
            "Somebody else was first",
            "The last one was taken by another payment. Yours has arrived, and the merchant has been told: ask them about it.",
        ),
        Some(FailureReason::PaymentFailed) => {
            ("The payment did not go through", "The transaction failed, and no money has moved.")
        }
        Some(FailureReason::LinkDeleted) | None => (
            "This payment can no longer be made",
            "The merchant has withdrawn it. Do not send anything for it any more.",
        ),
    };
    let content = html! {
        (closed::card(Sign::Cross, title, text))
        div.narrow.stack { (again(call, context)) }
    };
    super::answer(call, StatusCode::OK, &look(context, title), &Motion::Still, &content)
}
