//! A payment link's page: what is sold, what is asked of the payer, and the button.

use super::money::Currency;
use super::{Look, Motion};
use anyspend_api::{Answer, Call};
use anyspend_domain::country;
use anyspend_domain::line_item::LineItem;
use anyspend_domain::link_form::{FieldKind, FormField, ShippingOption};
use anyspend_domain::payer_answers::Asked;
use anyspend_domain::payment_link::PaymentLink;
use http::StatusCode;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// What the button says where the merchant chose nothing.
const PAY: &str = "Pay";

/// The parts of a postal address: name, label, whether it must be filled in, and what browsers know it as.
const ADDRESS: [(&str, &str, bool, &str); 6] = [
    ("name", "Recipient's name", false, "shipping name"),
    ("line1", "Street and number", true, "shipping address-line1"),
    ("line2", "Flat, floor, company", false, "shipping address-line2"),
    ("city", "Town or city", true, "shipping address-level2"),
    ("state", "State or region", false, "shipping address-level1"),
    ("postal_code", "Postal code", true, "shipping postal-code"),
];

/// What the payer filled in, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// As it was sent, by the inputs' names.
    pub(crate) values: Vec<(String, String)>,
    /// What is wrong, in the payer's words, by the inputs' names.
    pub(crate) wrong: BTreeMap<String, String>,
    /// What is wrong with the whole.
    pub(crate) notice: Option<String>,
}

impl Filled {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One input as it is about to be drawn.
struct Input<'a> {
    /// Its name in the form, from which its id is made.
    name: String,
    label: &'a str,
    required: bool,
    placeholder: Option<&'a str>,
    autocomplete: &'static str,
}

impl Input<'_> {
    fn id(&self) -> String {
        id_of(&self.name)
    }
}

/// An element's id for an input's name. Names carry what merchants wrote, spaces included, which ids may not.
fn id_of(name: &str) -> String {
    name.chars().fold("in".to_owned(), |id, c| {
        if c.is_ascii_alphanumeric() { id + c.encode_utf8(&mut [0; 4]) } else { format!("{id}-{:x}-", u32::from(c)) }
    })
}

/// Answers with a link's page, empty or as it was filled in.
pub(crate) fn answer(
    call: &Call,
    status: StatusCode,
    link: &PaymentLink,
    filled: &Filled,
    visitor: Option<&str>,
) -> Answer {
    let title = if filled.wrong.is_empty() {
        link.terms.name.as_str().to_owned()
    } else {
        format!("Error: {}", link.terms.name.as_str())
    };
    let currency = Currency::new(&link.terms.token_address, link.terms.chain_id);
    let content = html! {
        div.sheet {
            (summary(link, &currency))
            (form(call, link, &currency, filled, visitor))
        }
    };
    super::answer(call, status, &Look::of_link(link, &title), &Motion::Still, &content)
}

fn summary(link: &PaymentLink, currency: &Currency) -> Markup {
    let terms = &link.terms;
    html! {
        section.card.stack.summary aria-labelledby="name" {
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
            @match link.amount() {
                Some(amount) => p.total { span { "Total" } strong { (currency.amount(amount)) } },
                None => p.muted { "You choose the amount." },
            }
            p.small.muted {
                "Paid in " (currency.symbol()) " on " (currency.network()) "."
                @if currency.is_unknown() {
                    " Amounts are counted in the smallest units of the token " code { (currency.token.as_sent()) } "."
                }
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

fn form(call: &Call, link: &PaymentLink, currency: &Currency, filled: &Filled, visitor: Option<&str>) -> Markup {
    let asked = Asked::by(&link.terms);
    let query = if call.query_string.is_empty() { String::new() } else { format!("?{}", call.query_string) };
    let action = format!("/pay/{}{query}", link.id.short_code());
    let button = link.terms.button_text.as_ref().map_or(PAY, |text| text.as_str());
    let fields = asked.form.map(|form| form.fields.as_slice()).unwrap_or_default();
    let details = !fields.is_empty() || asked.shipping_address || !asked.shipping_options.is_empty();
    html! {
        section.card.stack aria-labelledby="details" {
            h2 id="details" { @if details || link.amount().is_none() { "Your details" } @else { "Payment" } }
            (errors(filled))
            form.stack method="post" action=(action) {
                @if let Some(visitor) = visitor { input type="hidden" name="visitor_id" value=(visitor); }
                @if link.amount().is_none() { (amount(link, currency, filled)) }
                @for field in fields { (form_field(field, filled)) }
                @if !asked.shipping_options.is_empty() { (shipping_options(asked.shipping_options, currency, filled)) }
                @if asked.shipping_address { (shipping_address(filled)) }
                @match link.amount() {
                    Some(amount) if details => p.total { span { "Total" @if !asked.shipping_options.is_empty() { " before shipping" } } strong { (currency.amount(amount)) } },
                    _ => {}
                }
                button.button type="submit" { (button) }
                p.small.muted { "Next you see the address to pay to and a code to scan. Nothing is charged before you pay." }
            }
        }
    }
}

fn errors(filled: &Filled) -> Markup {
    html! {
        @if !filled.wrong.is_empty() || filled.notice.is_some() {
            div.errors id="errors" role="alert" tabindex="-1" {
                h3 { "There is a problem" }
                @if let Some(notice) = &filled.notice { p { (notice) } }
                @if !filled.wrong.is_empty() {
                    ul { @for (name, text) in &filled.wrong { li { a href={ "#" (id_of(name)) } { (text) } } } }
                }
            }
        }
    }
}

/// The label of an input, the input, and what is wrong with it.
fn field(input: &Input<'_>, filled: &Filled, hint: Option<&str>, control: &Markup) -> Markup {
    let id = input.id();
    html! {
        div.field {
            label for=(id) { (input.label) @if !input.required { " " span.hint { "(optional)" } } }
            @if let Some(hint) = hint { p.hint id={ (id) "-hint" } { (hint) } }
            (control)
            @if let Some(wrong) = filled.wrong.get(&input.name) { p.wrong id={ (id) "-wrong" } { (wrong) } }
        }
    }
}

/// What stands beside an input and is read with it.
fn described_by(input: &Input<'_>, filled: &Filled, hint: bool) -> Option<String> {
    let id = input.id();
    let wrong = filled.wrong.contains_key(&input.name).then(|| format!("{id}-wrong"));
    let parts: Vec<String> = hint.then(|| format!("{id}-hint")).into_iter().chain(wrong).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// A line of text of one type or another.
fn line(
    input: &Input<'_>,
    kind: &'static str,
    mode: Option<&'static str>,
    value: Option<&str>,
    filled: &Filled,
    hint: bool,
) -> Markup {
    let wrong = filled.wrong.contains_key(&input.name).then_some("true");
    html! {
        input id=(input.id()) name=(input.name) type=(kind) inputmode=[mode] value=[value] required[input.required]
            placeholder=[input.placeholder] autocomplete=(input.autocomplete) aria-invalid=[wrong]
            aria-describedby=[described_by(input, filled, hint)];
    }
}

fn amount(link: &PaymentLink, currency: &Currency, filled: &Filled) -> Markup {
    let terms = &link.terms;
    let input =
        Input { name: "amount".to_owned(), label: "Amount", required: true, placeholder: None, autocomplete: "off" };
    let hint = match (terms.min_amount, terms.max_amount) {
        (Some(min), Some(max)) => Some(format!("From {} to {}", currency.amount(min), currency.amount(max))),
        (Some(min), None) => Some(format!("At least {}", currency.amount(min))),
        (None, Some(max)) => Some(format!("At most {}", currency.amount(max))),
        (None, None) => None,
    };
    let suggested = terms.suggested_amount.map(|amount| currency.number(amount));
    let value = filled.value("amount").map(str::to_owned).or(suggested);
    let mode = if currency.is_unknown() { "numeric" } else { "decimal" };
    let control = html! {
        div.unit {
            (line(&input, "text", Some(mode), value.as_deref(), filled, hint.is_some()))
            span { (currency.symbol()) }
        }
    };
    field(&input, filled, hint.as_deref(), &control)
}

fn form_field(asked: &FormField, filled: &Filled) -> Markup {
    let input = Input {
        name: format!("form_data[{}]", asked.id.as_str()),
        label: asked.label.as_str(),
        required: asked.required,
        placeholder: asked.placeholder.as_ref().map(|text| text.as_str()),
        autocomplete: match asked.kind {
            FieldKind::Email => "email",
            FieldKind::Phone => "tel",
            _ => "on",
        },
    };
    let value = filled.value(&input.name);
    let wrong = filled.wrong.contains_key(&input.name).then_some("true");
    let described = described_by(&input, filled, false);
    let control = match asked.kind {
        FieldKind::Text => line(&input, "text", None, value, filled, false),
        FieldKind::Email => line(&input, "email", Some("email"), value, filled, false),
        FieldKind::Phone => line(&input, "tel", Some("tel"), value, filled, false),
        FieldKind::Number => line(&input, "text", Some("decimal"), value, filled, false),
        FieldKind::Textarea => html! {
            textarea id=(input.id()) name=(input.name) rows="4" required[input.required] placeholder=[input.placeholder]
                aria-invalid=[wrong] aria-describedby=[described] { (value.unwrap_or_default()) }
        },
        FieldKind::Select => html! {
            select id=(input.id()) name=(input.name) required[input.required] aria-invalid=[wrong]
                aria-describedby=[described] {
                option value="" { (input.placeholder.unwrap_or("Choose…")) }
                @for option in asked.options.iter().flatten() {
                    option value=(option.as_str()) selected[value == Some(option.as_str())] { (option.as_str()) }
                }
            }
        },
        FieldKind::Checkbox => return checkbox(&input, value.is_some(), filled, described.as_deref()),
    };
    field(&input, filled, None, &control)
}

fn checkbox(input: &Input<'_>, ticked: bool, filled: &Filled, described: Option<&str>) -> Markup {
    let id = input.id();
    let wrong = filled.wrong.get(&input.name);
    html! {
        div.field {
            div.choice {
                input id=(id) name=(input.name) type="checkbox" value="true" checked[ticked] required[input.required]
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby=[described];
                label for=(id) { (input.label) }
            }
            @if let Some(wrong) = wrong { p.wrong id={ (id) "-wrong" } { (wrong) } }
        }
    }
}

fn shipping_options(options: &[ShippingOption], currency: &Currency, filled: &Filled) -> Markup {
    const NAME: &str = "shipping_option_id";
    // A single way is chosen already; among several, the payer decides.
    let only = (options.len() == 1).then(|| options[0].id.as_str());
    let chosen = filled.value(NAME).or(only);
    let wrong = filled.wrong.get(NAME);
    html! {
        fieldset aria-describedby=[wrong.map(|_| format!("{}-wrong", id_of(NAME)))] {
            legend { "Shipping" }
            div.choices {
                @for (index, option) in options.iter().enumerate() {
                    // The first carries the id the list of problems leads to.
                    @let id = if index == 0 { id_of(NAME) } else { format!("{}-{index}", id_of(NAME)) };
                    div.choice {
                        input id=(id) type="radio" name=(NAME) value=(option.id.as_str()) required
                            checked[chosen == Some(option.id.as_str())];
                        label for=(id) {
                            (option.name.as_str())
                            @if let Some(days) = &option.estimated_days {
                                br; span.small.muted { (days.as_str()) " days" }
                            }
                        }
                        span.money { (currency.cost(option.amount)) }
                    }
                }
            }
            @if let Some(wrong) = wrong { p.wrong id={ (id_of(NAME)) "-wrong" } { (wrong) } }
        }
    }
}

fn shipping_address(filled: &Filled) -> Markup {
    let inputs = ADDRESS.map(|(part, label, required, autocomplete)| Input {
        name: format!("shipping_address[{part}]"),
        label,
        required,
        placeholder: None,
        autocomplete,
    });
    let land = Input {
        name: "shipping_address[country]".to_owned(),
        label: "Country",
        required: true,
        placeholder: None,
        autocomplete: "shipping country",
    };
    let chosen = filled.value(&land.name);
    let wrong = filled.wrong.contains_key(&land.name).then_some("true");
    let control = html! {
        select id=(land.id()) name=(land.name) required autocomplete=(land.autocomplete) aria-invalid=[wrong]
            aria-describedby=[described_by(&land, filled, false)] {
            option value="" { "Choose…" }
            @for (code, name) in country::all() { option value=(code) selected[chosen == Some(*code)] { (name) } }
        }
    };
    html! {
        fieldset {
            legend { "Shipping address" }
            div.stack {
                @for input in &inputs {
                    (field(input, filled, None, &line(input, "text", None, filled.value(&input.name), filled, false)))
                }
                (field(&land, filled, None, &control))
            }
        }
    }
}
