//! The form a payer fills in: what a link asks, drawn, with what was filled in and what is wrong with it.

use super::money::Currency;
use anyspend_domain::checkout_session::Bounds;
use anyspend_domain::country;
use anyspend_domain::link_form::{FieldKind, FormField, ShippingOption};
use anyspend_domain::payer_answers::Asked;
use anyspend_domain::{Amount, Code, Problem};
use maud::{Markup, html};

/// The name of the radio buttons.
const SHIPPING_OPTION: &str = "shipping_option_id";
/// The name of the amount's input.
const AMOUNT: &str = "amount";
/// The name of the discount code's input.
pub(crate) const DISCOUNT_CODE: &str = "discount_code";
/// The country's part of a postal address.
const COUNTRY: &str = "country";
/// The other parts: name, label, what is said where it may stay empty, and what browsers know it as.
const ADDRESS: [(&str, &str, Option<&str>, &str); 6] = [
    ("name", "Recipient's name", OPTIONAL, "shipping name"),
    ("line1", "Street and number", None, "shipping address-line1"),
    ("line2", "Flat, floor, company", OPTIONAL, "shipping address-line2"),
    ("city", "Town or city", None, "shipping address-level2"),
    ("state", "State or region", OPTIONAL, "shipping address-level1"),
    ("postal_code", "Postal code", Some("(where there is one)"), "shipping postal-code"),
];
/// What is said of an input that may stay empty.
const OPTIONAL: Option<&str> = Some("(optional)");

/// What is asked on one page.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) asked: Asked<'a>,
    /// Where the payer chooses the amount: the bounds, and what is proposed.
    pub(crate) choice: Option<(Bounds, Option<Amount>)>,
    pub(crate) currency: &'a Currency,
}

/// What was filled in, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct FormState {
    /// As it was sent, by the inputs' names.
    pub(crate) values: Vec<(String, String)>,
    /// What is wrong, in the payer's words, by the inputs' names.
    pub(crate) wrong: Vec<(String, String)>,
    /// What is wrong with the whole.
    pub(crate) notice: Option<String>,
}

impl FormState {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn wrong(&self, name: &str) -> Option<&str> {
        self.wrong.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }

    /// Whether anything is wrong.
    pub(crate) fn is_refused(&self) -> bool {
        !self.wrong.is_empty() || self.notice.is_some()
    }
}

/// The input of a form's field.
pub(crate) fn field_input(id: &str) -> String {
    format!("form_data[{id}]")
}

/// The input of a part of a postal address.
fn address_input(part: &str) -> String {
    format!("shipping_address[{part}]")
}

/// An element's id for an input's name. Names carry what merchants wrote, spaces included, which ids may not.
fn id_of(name: &str) -> String {
    let mut id = "in-".to_owned();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else {
            id.push_str(&format!("-{:x}-", u32::from(c)));
        }
    }
    id
}

impl Ask<'_> {
    /// Whether there is anything to fill in.
    pub(crate) fn is_empty(&self) -> bool {
        let fields = self.asked.form.is_some_and(|form| !form.fields.is_empty());
        !fields && !self.asked.shipping_address && self.asked.shipping_options.is_empty() && self.choice.is_none()
    }

    /// What is wrong in the payer's words, by inputs; what is about no input of this form is about the whole.
    pub(crate) fn explain(&self, problems: &[Problem], state: &mut FormState) {
        for problem in problems {
            let param = problem.param.as_deref().unwrap_or_default();
            let rest = problem.message.strip_prefix(&format!("The '{param}' field ")).unwrap_or_default();
            match self.input_of(param).filter(|_| !rest.is_empty()) {
                Some((name, label)) => {
                    let text = match (&*name, problem.code) {
                        (AMOUNT, Code::InvalidFieldValue) => self.amount_words(state.value(AMOUNT), rest),
                        _ => rest.to_owned(),
                    };
                    state.wrong.push((name, format!("{label} {text}")));
                }
                // What is wrong with a code is a sentence of its own.
                None if param == DISCOUNT_CODE => state.wrong.push((param.to_owned(), problem.message.clone())),
                None => state.notice = Some(problem.message.clone()),
            }
        }
        state.wrong.sort_by_key(|(name, _)| self.place(name));
    }

    /// Where an input stands in the form.
    fn place(&self, name: &str) -> (usize, usize) {
        let fields = self.asked.form.map(|form| form.fields.as_slice()).unwrap_or_default();
        let field = fields.iter().position(|field| field_input(field.id.as_str()) == name);
        let part = ADDRESS.iter().position(|(part, ..)| address_input(part) == name);
        match (name, field, part) {
            (AMOUNT, ..) => (0, 0),
            (_, Some(position), _) => (1, position),
            (SHIPPING_OPTION, ..) => (2, 0),
            (_, _, Some(position)) => (3, position),
            _ => (4, 0),
        }
    }

    /// The bounds as the payer reads them: the rule speaks of smallest units.
    fn amount_words(&self, typed: Option<&str>, rest: &str) -> String {
        let bounds = self.choice.map(|(bounds, _)| bounds).unwrap_or_default();
        match self.currency.read(typed.unwrap_or_default()) {
            Err(invalid) => format!("{}.", invalid.must),
            Ok(amount) => match (bounds.min.filter(|min| amount < *min), bounds.max.filter(|max| amount > *max)) {
                (Some(min), _) => format!("must be at least {}.", self.currency.amount(min)),
                (_, Some(max)) => format!("must be at most {}.", self.currency.amount(max)),
                (None, None) => rest.to_owned(),
            },
        }
    }

    /// The input a problem's path is about, and its label.
    fn input_of(&self, param: &str) -> Option<(String, String)> {
        if let Some(id) = param.strip_prefix("form_data.") {
            let field = self.asked.form?.fields.iter().find(|field| field.id.as_str() == id)?;
            return Some((field_input(id), field.label.as_str().to_owned()));
        }
        if let Some(part) = param.strip_prefix("shipping_address.") {
            let label = match part {
                COUNTRY => "Country",
                _ => ADDRESS.iter().find(|(name, ..)| *name == part)?.1,
            };
            return Some((address_input(part), label.to_owned()));
        }
        match param {
            AMOUNT => Some((AMOUNT.to_owned(), "Amount".to_owned())),
            SHIPPING_OPTION => Some((SHIPPING_OPTION.to_owned(), "Shipping".to_owned())),
            DISCOUNT_CODE => Some((DISCOUNT_CODE.to_owned(), "Discount code".to_owned())),
            _ => None,
        }
    }

    /// The inputs.
    pub(crate) fn inputs(&self, state: &FormState) -> Markup {
        html! {
            @if let Some((bounds, suggested)) = self.choice { (amount(bounds, suggested, self.currency, state)) }
            @for field in self.asked.form.iter().flat_map(|form| &form.fields) { (form_field(field, state)) }
            @if !self.asked.shipping_options.is_empty() {
                (shipping_options(self.asked.shipping_options, self.currency, state))
            }
            @if self.asked.shipping_address { (shipping_address(state)) }
        }
    }
}

/// Where a discount code is typed, out of the way of those who have none.
pub(crate) fn discount(state: &FormState) -> Markup {
    let input = Input {
        name: DISCOUNT_CODE.to_owned(),
        label: "Discount code",
        may_be_empty: OPTIONAL,
        placeholder: None,
        autocomplete: "off",
        hint: None,
    };
    let value = state.value(DISCOUNT_CODE).filter(|value| !value.is_empty());
    html! {
        details.more open[value.is_some()] {
            summary { "Have a discount code?" }
            (input.around(state, &input.line("text", None, value, state)))
        }
    }
}

/// Everything that is wrong, each leading to its input.
pub(crate) fn errors(state: &FormState) -> Markup {
    html! {
        @if state.is_refused() {
            div.errors id="errors" role="alert" tabindex="-1" {
                h3 { "There is a problem" }
                @if let Some(notice) = &state.notice { p { (notice) } }
                @if !state.wrong.is_empty() {
                    ul { @for (name, text) in &state.wrong { li { a href={ "#" (id_of(name)) } { (text) } } } }
                }
            }
        }
    }
}

/// One input as it is about to be drawn.
struct Input<'a> {
    /// Its name in the form, from which its id is made.
    name: String,
    label: &'a str,
    /// What is said where it may; browsers hold payers to the others.
    may_be_empty: Option<&'static str>,
    placeholder: Option<&'a str>,
    autocomplete: &'static str,
    /// What stands beside it.
    hint: Option<String>,
}

impl Input<'_> {
    fn id(&self) -> String {
        id_of(&self.name)
    }

    const fn is_required(&self) -> bool {
        self.may_be_empty.is_none()
    }

    /// What is read with it: its hint, and what is wrong.
    fn described_by(&self, state: &FormState) -> Option<String> {
        let id = self.id();
        let hint = self.hint.as_ref().map(|_| format!("{id}-hint"));
        let wrong = state.wrong(&self.name).map(|_| format!("{id}-wrong"));
        let parts: Vec<String> = hint.into_iter().chain(wrong).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn is_wrong(&self, state: &FormState) -> Option<&'static str> {
        state.wrong(&self.name).map(|_| "true")
    }

    /// The label, the hint, the control, and what is wrong with it.
    fn around(&self, state: &FormState, control: &Markup) -> Markup {
        let id = self.id();
        html! {
            div.field {
                label for=(id) { (self.label) @if let Some(said) = self.may_be_empty { " " span.hint { (said) } } }
                @if let Some(hint) = &self.hint { p.hint id={ (id) "-hint" } { (hint) } }
                (control)
                (what_is_wrong(&self.name, state))
            }
        }
    }

    /// A line of text of one type or another.
    fn line(&self, kind: &'static str, mode: Option<&'static str>, value: Option<&str>, state: &FormState) -> Markup {
        html! {
            input id=(self.id()) name=(self.name) type=(kind) inputmode=[mode] value=[value] required[self.is_required()]
                placeholder=[self.placeholder] autocomplete=(self.autocomplete) aria-invalid=[self.is_wrong(state)]
                aria-describedby=[self.described_by(state)];
        }
    }
}

fn what_is_wrong(name: &str, state: &FormState) -> Markup {
    html! {
        @if let Some(wrong) = state.wrong(name) { p.wrong id={ (id_of(name)) "-wrong" } { (wrong) } }
    }
}

fn amount(bounds: Bounds, suggested: Option<Amount>, currency: &Currency, state: &FormState) -> Markup {
    let input = Input {
        name: AMOUNT.to_owned(),
        label: "Amount",
        may_be_empty: None,
        placeholder: None,
        autocomplete: "off",
        hint: match (bounds.min, bounds.max) {
            (Some(min), Some(max)) => Some(format!("From {} to {}", currency.amount(min), currency.amount(max))),
            (Some(min), None) => Some(format!("At least {}", currency.amount(min))),
            (None, Some(max)) => Some(format!("At most {}", currency.amount(max))),
            (None, None) => None,
        },
    };
    let value = state.value(AMOUNT).map(str::to_owned).or_else(|| suggested.map(|amount| currency.number(amount)));
    let mode = if currency.is_unknown() { "numeric" } else { "decimal" };
    let control = html! {
        div.unit {
            (input.line("text", Some(mode), value.as_deref(), state))
            span { (currency.symbol()) }
        }
    };
    input.around(state, &control)
}

fn form_field(field: &FormField, state: &FormState) -> Markup {
    let input = Input {
        name: field_input(field.id.as_str()),
        label: field.label.as_str(),
        may_be_empty: OPTIONAL.filter(|_| !field.required),
        placeholder: field.placeholder.as_ref().map(anyspend_domain::text::Name::as_str),
        autocomplete: match field.kind {
            FieldKind::Email => "email",
            FieldKind::Phone => "tel",
            _ => "on",
        },
        hint: None,
    };
    let value = state.value(&input.name);
    let (wrong, described) = (input.is_wrong(state), input.described_by(state));
    let control = match field.kind {
        FieldKind::Text => input.line("text", None, value, state),
        FieldKind::Email => input.line("email", Some("email"), value, state),
        FieldKind::Phone => input.line("tel", Some("tel"), value, state),
        FieldKind::Number => input.line("text", Some("decimal"), value, state),
        FieldKind::Textarea => html! {
            textarea id=(input.id()) name=(input.name) rows="4" required[input.is_required()] placeholder=[input.placeholder]
                aria-invalid=[wrong] aria-describedby=[described] { (value.unwrap_or_default()) }
        },
        FieldKind::Select => html! {
            select id=(input.id()) name=(input.name) required[input.is_required()] aria-invalid=[wrong]
                aria-describedby=[described] {
                option value="" { (input.placeholder.unwrap_or("Choose…")) }
                @for option in field.options.iter().flatten() {
                    option value=(option.as_str()) selected[value == Some(option.as_str())] { (option.as_str()) }
                }
            }
        },
        FieldKind::Checkbox => {
            return html! {
                div.field {
                    div.choice {
                        input id=(input.id()) name=(input.name) type="checkbox" value="true" checked[value.is_some()]
                            required[input.is_required()] aria-invalid=[wrong] aria-describedby=[described];
                        label for=(input.id()) { (input.label) }
                    }
                    (what_is_wrong(&input.name, state))
                }
            };
        }
    };
    input.around(state, &control)
}

fn shipping_options(options: &[ShippingOption], currency: &Currency, state: &FormState) -> Markup {
    // A single way is chosen already; among several, the payer decides.
    let only = (options.len() == 1).then(|| options[0].id.as_str());
    let chosen = state.value(SHIPPING_OPTION).or(only);
    let first = id_of(SHIPPING_OPTION);
    let described = state.wrong(SHIPPING_OPTION).map(|_| format!("{first}-wrong"));
    html! {
        fieldset aria-describedby=[described] {
            legend { "Shipping" }
            div.choices {
                @for (index, option) in options.iter().enumerate() {
                    // The first carries the id the list of problems leads to.
                    @let id = if index == 0 { first.clone() } else { format!("{first}-{index}") };
                    div.choice {
                        input id=(id) type="radio" name=(SHIPPING_OPTION) value=(option.id.as_str()) required
                            checked[chosen == Some(option.id.as_str())];
                        label for=(id) {
                            (option.name.as_str())
                            @if let Some(days) = &option.estimated_days {
                                br; span.small.muted { (days.as_str()) @if days.as_str() == "1" { " day" } @else { " days" } }
                            }
                        }
                        span.money { (currency.cost(option.amount)) }
                    }
                }
            }
            (what_is_wrong(SHIPPING_OPTION, state))
        }
    }
}

fn shipping_address(state: &FormState) -> Markup {
    let inputs = ADDRESS.map(|(part, label, may_be_empty, autocomplete)| Input {
        name: address_input(part),
        label,
        may_be_empty,
        placeholder: None,
        autocomplete,
        hint: None,
    });
    let land = Input {
        name: address_input(COUNTRY),
        label: "Country",
        may_be_empty: None,
        placeholder: None,
        autocomplete: "shipping country",
        hint: None,
    };
    let chosen = state.value(&land.name);
    let control = html! {
        select id=(land.id()) name=(land.name) required autocomplete=(land.autocomplete)
            aria-invalid=[land.is_wrong(state)] aria-describedby=[land.described_by(state)] {
            option value="" { "Choose…" }
            @for (code, name) in country::all() { option value=(code) selected[chosen == Some(*code)] { (name) } }
        }
    };
    html! {
        fieldset {
            legend { "Shipping address" }
            div.stack {
                @for input in &inputs {
                    (input.around(state, &input.line("text", None, state.value(&input.name), state)))
                }
                (land.around(state, &control))
            }
        }
    }
}
