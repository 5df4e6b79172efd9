//! The page of a session that waits for its payment: how much, where to, and by which wallet.

use super::money::Currency;
use super::session::{ASK_EVERY_MILLIS, LONG_AMOUNT, REFRESH_SECONDS, look, state, summary, way_back};
use super::{Motion, qr};
use crate::decisions::context::Context;
use crate::decisions::instructions::{payment_uri, wallet_transaction};
use anyspend_api::{Answer, Call};
use anyspend_domain::Amount;
use anyspend_domain::checkout_session::{CheckoutSession, Status};
use http::StatusCode;
use maud::{Markup, html};

/// What the payer is shown of a session that can be paid.
struct Paying<'a> {
    session: &'a CheckoutSession,
    currency: &'a Currency,
    /// What is still to be paid.
    owed: Amount,
    /// The same, as it is written.
    amount: String,
    /// What a wallet's app opens.
    uri: String,
    /// Whether a payment would be noticed.
    is_followed: bool,
}

impl<'a> Paying<'a> {
    fn new(call: &Call, session: &'a CheckoutSession, currency: &'a Currency) -> Self {
        let owed = session.amount_owed().unwrap_or(Amount::ONE);
        // Where nobody follows the chain, which only test mode allows, a wallet would send money nobody notices.
        let is_followed = session.owner.mode.is_live() || call.platform.config.chains.can_settle(session.chain_id);
        let (amount, uri) = (currency.amount(owed), payment_uri(session, owed));
        Self { session, currency, owed, amount, uri, is_followed }
    }

    /// What has arrived.
    fn arrived(&self) -> Markup {
        html! {
            @if let Some(received) = self.session.amount_received {
                p.note { (self.currency.amount(received)) " has arrived. Send the rest to complete the payment." }
            }
        }
    }

    /// Why there is no code: what is sent by hand could not be told from other payments.
    fn only_by_wallet(&self) -> Markup {
        html! {
            p {
                "Pay with a wallet in this browser. It says in the transaction itself which payment it is for."
            }
            p.note {
                "Do not send anything by hand: nothing would tell your payment from others. If no wallet shows up below, "
                "open this page in a browser that has one, or in your wallet's own browser."
            }
        }
    }

    /// How much, and what has arrived.
    fn how_much(&self) -> Markup {
        html! {
            (self.arrived())
            div.copy {
                p.amount.long[self.amount.len() > LONG_AMOUNT] { (self.amount) }
                button type="button" hidden data-copy=(self.currency.number(self.owed)) aria-label="Copy the amount" { "Copy" }
            }
            @if self.session.extra > 0 {
                p.small.muted { "The last digits are yours alone: by them your payment is told from others." }
            }
        }
    }

    /// The code to scan, the address, the network and the token.
    fn where_to(&self) -> Markup {
        let (session, network) = (self.session, self.currency.network());
        let recipient = session.recipient_address.as_sent();
        html! {
            div.qr { (qr::draw(&self.uri, &format!("QR code for a wallet: {} on {network}", self.amount))) }
            dl.facts {
                div {
                    dt { "To this address" }
                    dd.copy {
                        code { (recipient) }
                        button type="button" hidden data-copy=(recipient) aria-label="Copy the address" { "Copy" }
                    }
                }
                div { dt { "On the network" } dd { (network) } }
                @if !session.token_address.is_native_coin() {
                    div { dt { "Token contract" } dd { code { (session.token_address.as_sent()) } } }
                }
            }
        }
    }

    /// What would be lost.
    fn warnings(&self) -> Markup {
        html! {
            @if !self.is_followed {
                p.note { "This is a test. Do not send real money: nobody would notice it." }
            }
            p.note {
                "Send only " @if self.currency.is_unknown() { "this token" } @else { (self.currency.symbol()) }
                " on " (self.currency.network()) ". Anything else may be lost."
            }
        }
    }

    /// The wallets in the browser, and those elsewhere.
    fn wallets(&self, call: &Call) -> Markup {
        let session = self.session;
        let reference = call.platform.payment_reference(&session.id).filter(|_| self.is_followed);
        let transaction = reference.map(|reference| wallet_transaction(session, self.owed, &reference));
        let transaction = transaction.and_then(|transaction| serde_json::to_string(&transaction).ok());
        html! {
            @if let Some(transaction) = &transaction {
                // A script fills in the wallets it finds, and takes this away where there are none.
                div.stack.wallets hidden data-transaction=(transaction) data-chain=(session.chain_id)
                    data-network=(self.currency.network()) data-pays=(session.id.as_str()) {
                    p.small role="status" {}
                }
            }
            @if !self.session.by_reference_only { a.button.quiet href=(self.uri) { "Open in a wallet app" } }
        }
    }

    /// What a script keeps up to date, and until when it can be paid.
    fn waiting(&self, call: &Call) -> Markup {
        let session = self.session;
        let seconds = session.expires_at.millis_since(call.now) / 1_000;
        let expiry = session.expires_at.to_iso8601();
        html! {
            div.live data-session=(session.id.as_str()) data-state=(state(session, Status::Open))
                data-every=(ASK_EVERY_MILLIS) {
                span.spinner aria-hidden="true" {}
                div {
                    p role="status" { "Waiting for your payment. This page notices it by itself." }
                    p.small.muted {
                        "Pay by " time datetime=(expiry) { (clock(&expiry)) }
                        span hidden { ", " span data-seconds=(seconds) {} " left" }
                    }
                }
            }
        }
    }
}

/// Answers with the page.
pub(super) fn page(call: &Call, context: &Context, currency: &Currency) -> Answer {
    let session = &context.session;
    let paying = Paying::new(call, session, currency);
    let content = html! {
        div.sheet {
            (summary(session, context.link.as_deref(), currency))
            section.card.stack aria-labelledby="pay" {
                @if !session.by_reference_only {
                    h2 id="pay" { "Send exactly this amount" }
                    (paying.how_much())
                    (paying.where_to())
                } @else {
                    h2 id="pay" { "Pay with your wallet" }
                    (paying.arrived())
                    (paying.only_by_wallet())
                }
                (paying.warnings())
                (paying.wallets(call))
                (paying.waiting(call))
                (way_back(session))
            }
        }
    };
    let look = look(context, &format!("Pay {}", paying.amount));
    super::answer(call, StatusCode::OK, &look, &Motion::Refresh(REFRESH_SECONDS), &content)
}

/// `11:00 UTC on 2026-02-27`
fn clock(iso: &str) -> String {
    let (date, time) = iso.split_once('T').unwrap_or((iso, ""));
    format!("{} UTC on {date}", time.get(..5).unwrap_or_default())
}
