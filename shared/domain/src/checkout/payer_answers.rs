//! What a payer answers to what a payment link asks: one pure function decides, for the page and the API alike.
//!
//! What must stay true: nothing is kept that the link did not ask for, whatever is kept is of the kind the field says,
//! and everything that is wrong is found in one pass, named by its path.

use crate::buyer::{FormData, FormValue, ShippingAddress};
use crate::link_form::{FieldKind, FormField, FormSchema, ShippingOption};
use crate::payment_link::Terms;
use crate::problem::{MOST_PROBLEMS, quoted};
use crate::text::{Email, Name, bounded};
use crate::{Code, Invalid, Problem, Rejection, decimal, pasted};
use std::collections::BTreeMap;

/// Most characters of an answer on one line.
pub const MAX_LINE: usize = 500;
/// Most characters of an answer on several lines.
pub const MAX_LINES: usize = 2_000;
/// Most characters of a telephone number, extension included.
pub const MAX_PHONE: usize = 40;
/// Fewest digits of a telephone number.
pub const MIN_PHONE_DIGITS: usize = 3;
/// Most characters of a number.
pub const MAX_NUMBER: usize = 40;
/// Most bytes of all answers together: a session is one row, and every change of it is paid for by the kilobyte.
pub const MAX_ANSWER_BYTES: usize = 16_384;

/// What was sent for one field, before anyone held it against the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A text.
    Text(String),
    /// A number, as it was written.
    Number(String),
    /// Yes or no.
    Flag(bool),
}

/// What was sent for a link, before anyone held it against the link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayerInput {
    /// By the fields' ids.
    pub form_data: BTreeMap<String, Sent>,
    /// Where goods are sent.
    pub shipping_address: Option<ShippingAddress>,
    /// How goods are sent.
    pub shipping_option_id: Option<String>,
}

/// What a link asks of its payer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Fields to fill in.
    pub form: Option<&'a FormSchema>,
    /// Ways of sending goods, of which one is chosen; none when there is nothing to choose.
    pub shipping_options: &'a [ShippingOption],
    /// Whether goods are sent.
    pub shipping_address: bool,
}

/// Answers that fit what was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// What was filled in; `None` when nothing was.
    pub form_data: Option<FormData>,
    /// Where goods are sent.
    pub shipping_address: Option<ShippingAddress>,
    /// How goods are sent.
    pub shipping_option: Option<ShippingOption>,
}

impl<'a> Asked<'a> {
    /// What these terms ask.
    pub fn by(terms: &'a Terms) -> Self {
        Self {
            form: terms.form_schema.as_ref(),
            shipping_options: terms.shipping_options.as_deref().unwrap_or_default(),
            shipping_address: terms.collect_shipping_address,
        }
    }

    /// Whether anything at all is asked that must be answered.
    pub fn demands_something(&self) -> bool {
        self.shipping_address
            || !self.shipping_options.is_empty()
            || self.form.is_some_and(|form| form.fields.iter().any(|field| field.required))
    }

    /// Holds what was sent against what is asked.
    ///
    /// # Errors
    /// Every problem: a required answer that is missing, an answer of the wrong kind, an answer to what was not asked.
    pub fn accept(&self, input: PayerInput) -> Result<Answers, Rejection> {
        let mut problems = Vec::new();
        let form_data = self.accept_form(input.form_data, &mut problems);
        let shipping_address = match (self.shipping_address, input.shipping_address) {
            (true, None) => {
                problems.push(Problem::missing("shipping_address"));
                None
            }
            (false, Some(_)) => {
                let must = "must be left out: this payment link asks for no shipping address";
                problems.push(Problem::invalid("shipping_address", must));
                None
            }
            (_, address) => address,
        };
        let shipping_option = self.accept_option(input.shipping_option_id.as_deref(), &mut problems);
        Rejection::unless_empty(problems)?;
        Ok(Answers { form_data, shipping_address, shipping_option })
    }

    fn accept_form(&self, mut sent: BTreeMap<String, Sent>, problems: &mut Vec<Problem>) -> Option<FormData> {
        let mut data = BTreeMap::new();
        for field in self.form.iter().flat_map(|form| &form.fields) {
            let id = field.id.as_str();
            let param = format!("form_data.{id}");
            match take(&mut sent, id).map(|sent| answer(field, sent)) {
                Some(Ok(Some(value))) => {
                    data.insert(id.to_owned(), value);
                }
                None if field.required => problems.push(Problem::missing(&param)),
                Some(Ok(None)) if field.required => problems.push(Problem::invalid(&param, "must not be empty")),
                None | Some(Ok(None)) => {}
                Some(Err(invalid)) => problems.push(invalid.at(&param)),
            }
        }
        problems.extend(sent.keys().take(MOST_PROBLEMS).map(|id| self.unknown(id)));
        let bytes: usize = data.iter().map(|(id, value)| id.len() + size(value)).sum();
        if bytes > MAX_ANSWER_BYTES {
            let must = format!("must have at most {MAX_ANSWER_BYTES} bytes in all, and has {bytes}");
            problems.push(Problem::invalid("form_data", must));
        }
        (!data.is_empty()).then_some(FormData(data))
    }

    fn unknown(&self, id: &str) -> Problem {
        let shown = quoted(id);
        let known = self.form.iter().flat_map(|form| &form.fields).map(|field| field.id.as_str());
        let known = some_of(known, "', '");
        let has = if known.is_empty() { "no fields".to_owned() } else { format!("'{known}'") };
        Problem {
            code: Code::UnknownParameter,
            message: format!("Unknown parameter 'form_data.{shown}'. This payment link's form has {has}."),
            param: Some(format!("form_data.{shown}")),
        }
    }

    fn accept_option(&self, id: Option<&str>, problems: &mut Vec<Problem>) -> Option<ShippingOption> {
        const PARAM: &str = "shipping_option_id";
        let chosen = self.shipping_options.iter().find(|option| Some(option.id.as_str()) == id);
        match (id, chosen) {
            (None, _) if self.shipping_options.is_empty() => {}
            (None, _) => problems.push(Problem::missing(PARAM)),
            (Some(_), None) if self.shipping_options.is_empty() => {
                let must = "must be left out: this payment link has no shipping options";
                problems.push(Problem::invalid(PARAM, must));
            }
            (Some(_), None) => {
                let known = some_of(self.shipping_options.iter().map(|option| option.id.as_str()), ", ");
                problems.push(Problem::invalid(PARAM, format!("must be one of: {known}")));
            }
            (Some(_), Some(_)) => {}
        }
        chosen.cloned()
    }
}

/// What was sent for a field: by its id as it is, or as it was typed. Ids of old forms were kept as they were sent.
fn take(sent: &mut BTreeMap<String, Sent>, id: &str) -> Option<Sent> {
    if let Some(found) = sent.remove(id) {
        return Some(found);
    }
    let meant = pasted::findable(id);
    let typed = sent.keys().find(|typed| pasted::findable(typed) == meant)?.clone();
    sent.remove(&typed)
}

fn size(value: &FormValue) -> usize {
    match value {
        FormValue::Flag(_) => 1,
        FormValue::Text(text) => text.len(),
    }
}

/// One answer as it is kept; `None` is an answer left empty.
fn answer(field: &FormField, sent: Sent) -> Result<Option<FormValue>, Invalid> {
    if field.kind == FieldKind::Checkbox {
        return match sent {
            Sent::Flag(false) if field.required => Err(Invalid::new("must be true: this box must be ticked")),
            Sent::Flag(ticked) => Ok(Some(FormValue::Flag(ticked))),
            Sent::Text(_) | Sent::Number(_) => Err(Invalid::new("must be true or false")),
        };
    }
    let text = match (field.kind, sent) {
        (FieldKind::Number, Sent::Number(text)) | (_, Sent::Text(text)) => text,
        (FieldKind::Number, _) => return Err(Invalid::new("must be a number")),
        (_, Sent::Number(_) | Sent::Flag(_)) => return Err(Invalid::new("must be a string")),
    };
    if pasted::is_blank(&text) {
        return Ok(None);
    }
    let kept = match field.kind {
        FieldKind::Text | FieldKind::Checkbox => bounded(&pasted::line(&text)?, 1, MAX_LINE)?,
        // Browsers end lines with two characters; what is kept has one.
        FieldKind::Textarea => bounded(&pasted::lines(&text)?, 1, MAX_LINES)?,
        FieldKind::Email => Email::parse(&text)?.as_str().to_owned(),
        FieldKind::Phone => phone(&text)?,
        // A decimal number stays one that was written: a float would round what a merchant wants to read.
        FieldKind::Number => bounded(&decimal::typed(&text)?.canonical(), 1, MAX_NUMBER)?,
        FieldKind::Select => choice(field, &text)?,
    };
    Ok(Some(FormValue::Text(kept)))
}

fn phone(text: &str) -> Result<String, Invalid> {
    // Telephones wrap numbers into marks of direction, and join their parts with what does not break.
    let text = pasted::machine_form(text);
    let plausible = text.chars().all(|c| c.is_ascii_digit() || "+-()./#*,;extEXT ".contains(c))
        && text.chars().filter(char::is_ascii_digit).count() >= MIN_PHONE_DIGITS;
    if !plausible {
        return Err(Invalid::new("must be a telephone number"));
    }
    bounded(&text, 1, MAX_PHONE)
}

fn choice(field: &FormField, text: &str) -> Result<String, Invalid> {
    let mut options = field.options.iter().flatten().map(Name::as_str);
    let kept = pasted::line(text)?;
    // Options of old forms were kept as they were sent.
    if let Some(chosen) = options.clone().find(|option| *option == text || *option == kept) {
        return Ok(chosen.to_owned());
    }
    Err(Invalid::new(format!("must be one of: {}", some_of(&mut options, ", "))))
}

/// The first of the names there are, and an ellipsis where there are more.
fn some_of<'a>(mut names: impl Iterator<Item = &'a str>, between: &str) -> String {
    const SHOWN: usize = 10;
    let mut shown: Vec<&str> = names.by_ref().take(SHOWN).collect();
    if names.next().is_some() {
        shown.push("…");
    }
    shown.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_form::FieldId;
    use crate::money::ShippingCost;
    use crate::text::{CustomerName, PostalCode};
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn field(id: &str, kind: FieldKind, required: bool) -> FormField {
        let options = (kind == FieldKind::Select).then(|| vec![name("a"), name("b")]);
        FormField { id: FieldId::parse(id).unwrap(), kind, label: name(id), required, placeholder: None, options }
    }

    fn form(fields: Vec<FormField>) -> FormSchema {
        FormSchema { fields }
    }

    fn asked(form: &FormSchema) -> Asked<'_> {
        Asked { form: Some(form), shipping_options: &[], shipping_address: false }
    }

    fn input<const N: usize>(pairs: [(&str, Sent); N]) -> PayerInput {
        let form_data = pairs.into_iter().map(|(id, sent)| (id.to_owned(), sent)).collect();
        PayerInput { form_data, ..PayerInput::default() }
    }

    fn text(text: &str) -> Sent {
        Sent::Text(text.to_owned())
    }

    fn params(result: Result<Answers, Rejection>) -> Vec<(Code, String)> {
        let problems = result.unwrap_err().into_problems();
        problems.into_iter().map(|problem| (problem.code, problem.param.unwrap())).collect()
    }

    /// What one field makes of what is sent to it.
    fn kept(kind: FieldKind, sent: Sent) -> Option<FormValue> {
        let form = form(vec![field("f", kind, true)]);
        asked(&form).accept(input([("f", sent)])).ok()?.form_data?.0.remove("f")
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_path_in_one_pass() {
        let form = form(vec![
            field("company_name", FieldKind::Text, true),
            field("email", FieldKind::Email, false),
            field("size", FieldKind::Select, true),
            field("terms", FieldKind::Checkbox, true),
        ]);
        let sent = [("email", text("nobody")), ("size", text("c")), ("terms", Sent::Flag(false)), ("x", text("1"))];
        assert_eq!(
            params(asked(&form).accept(input(sent))),
            [
                (Code::MissingRequiredField, "form_data.company_name".to_owned()),
                (Code::InvalidFieldValue, "form_data.email".to_owned()),
                (Code::InvalidFieldValue, "form_data.size".to_owned()),
                (Code::InvalidFieldValue, "form_data.terms".to_owned()),
                (Code::UnknownParameter, "form_data.x".to_owned()),
            ]
        );
    }

    #[test]
    fn each_kind_takes_its_own_and_nothing_else() {
        for (kind, good, bad) in [
            (FieldKind::Text, "Acme Inc.", "two\nlines"),
            (FieldKind::Textarea, "two\r\nlines", "\u{0}"),
            (FieldKind::Email, "a@b.com", "a b@c.com"),
            (FieldKind::Phone, "+1 (555) 010-9999 ext 4", "call me"),
            (FieldKind::Select, "b", "B"),
            (FieldKind::Number, "-12.50", "1e5"),
        ] {
            assert!(kept(kind, text(good)).is_some(), "{kind:?} {good}");
            assert!(kept(kind, text(bad)).is_none(), "{kind:?} {bad}");
            assert!(kept(kind, Sent::Flag(true)).is_none(), "{kind:?} true");
        }
        assert_eq!(kept(FieldKind::Textarea, text("a\r\nb")), Some(FormValue::Text("a\nb".to_owned())));
        assert_eq!(kept(FieldKind::Number, Sent::Number("5".to_owned())), Some(FormValue::Text("5".to_owned())));
        assert_eq!(kept(FieldKind::Checkbox, Sent::Flag(true)), Some(FormValue::Flag(true)));
        assert_eq!(kept(FieldKind::Checkbox, text("true")), None);
        assert_eq!(kept(FieldKind::Text, text("   ")), None);
    }

    #[test]
    fn an_answer_is_what_was_meant_by_what_was_pasted() {
        for (kind, pasted, meant) in [
            (FieldKind::Number, "1,5", "1.5"),
            (FieldKind::Number, "\u{661}\u{66B}\u{665}", "1.5"),
            (FieldKind::Number, "\u{2212}12.50", "-12.50"),
            (FieldKind::Phone, "\u{202A}+1\u{A0}555\u{2011}0109\u{202C}", "+1 555-0109"),
            (FieldKind::Email, "\u{FEFF}a@b.com ", "a@b.com"),
            (FieldKind::Text, "Cafe\u{301}\u{200B}", "Caf\u{e9}"),
            (FieldKind::Textarea, "a\r\nb\t", "a\nb"),
            (FieldKind::Select, "b\u{200B}", "b"),
        ] {
            assert_eq!(kept(kind, text(pasted)), Some(FormValue::Text(meant.to_owned())), "{kind:?} {pasted:?}");
        }
        assert_eq!(kept(FieldKind::Text, text("\u{200B}")), None);
        assert_eq!(kept(FieldKind::Number, text("1,000")), None);
        let form = form(vec![field("caf\u{e9}", FieldKind::Text, true)]);
        assert!(asked(&form).accept(input([("cafe\u{301}", text("x"))])).is_ok());
    }

    #[test]
    fn one_character_past_a_limit_is_refused() {
        for (kind, most) in [(FieldKind::Text, MAX_LINE), (FieldKind::Textarea, MAX_LINES)] {
            assert!(kept(kind, text(&"é".repeat(most))).is_some());
            assert!(kept(kind, text(&"é".repeat(most + 1))).is_none());
        }
        assert!(kept(FieldKind::Number, text(&"1".repeat(MAX_NUMBER + 1))).is_none());
        assert!(kept(FieldKind::Phone, text(&"1".repeat(MAX_PHONE + 1))).is_none());
        let many = form((0..9).map(|n| field(&format!("f{n}"), FieldKind::Textarea, false)).collect());
        let sent = (0..9).map(|n| (format!("f{n}"), text(&"a".repeat(MAX_LINES)))).collect();
        let all = PayerInput { form_data: sent, ..PayerInput::default() };
        assert_eq!(params(asked(&many).accept(all)), [(Code::InvalidFieldValue, "form_data".to_owned())]);
    }

    #[test]
    fn an_optional_field_left_empty_is_not_kept() {
        let form = form(vec![field("a", FieldKind::Text, false), field("b", FieldKind::Email, false)]);
        let answers = asked(&form).accept(input([("a", text("")), ("b", text(" "))])).unwrap();
        assert_eq!(answers, Answers::default());
    }

    #[test]
    fn shipping_is_given_if_and_only_if_it_is_asked_for() {
        let option = ShippingOption {
            id: FieldId::parse("express").unwrap(),
            name: name("Express"),
            amount: ShippingCost::parse("5").unwrap(),
            estimated_days: None,
        };
        let address = ShippingAddress {
            name: CustomerName::parse("Alice").ok(),
            line1: name("1 Main St"),
            line2: None,
            city: name("Springfield"),
            state: None,
            postal_code: PostalCode::parse("12345").ok(),
            country: "US".to_owned(),
        };
        let options = [option.clone()];
        let all = Asked { form: None, shipping_options: &options, shipping_address: true };
        let none = Asked { form: None, shipping_options: &[], shipping_address: false };
        let sent = |id: &str| PayerInput {
            shipping_address: Some(address.clone()),
            shipping_option_id: Some(id.to_owned()),
            ..PayerInput::default()
        };
        let answers = all.accept(sent("express")).unwrap();
        assert_eq!((answers.shipping_option, answers.shipping_address), (Some(option), Some(address.clone())));
        let both = |code| [(code, "shipping_address".to_owned()), (code, "shipping_option_id".to_owned())];
        assert_eq!(params(all.accept(PayerInput::default())), both(Code::MissingRequiredField));
        assert_eq!(params(none.accept(sent("express"))), both(Code::InvalidFieldValue));
        assert_eq!(params(all.accept(sent("slow")))[0].1, "shipping_option_id");
        assert!(all.demands_something() && !none.demands_something());
    }

    fn any_kind() -> impl Strategy<Value = FieldKind> {
        prop::sample::select(FieldKind::ALL.to_vec())
    }

    fn any_sent() -> impl Strategy<Value = Sent> {
        prop_oneof![
            any::<bool>().prop_map(Sent::Flag),
            "\\PC{0,60}".prop_map(Sent::Text),
            "[ab\\n\\r\\t ]{0,4}".prop_map(Sent::Text),
            "-?[0-9]{0,3}(\\.[0-9]{0,2})?".prop_map(Sent::Number),
            Just(Sent::Text("a@b.co".to_owned())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_accepted_was_asked_for_and_is_accepted_again_unchanged(
            fields in prop::collection::vec((any_kind(), any::<bool>()), 0..6),
            sent in prop::collection::btree_map("f[0-7]", any_sent(), 0..8),
        ) {
            let fields = fields.into_iter().enumerate();
            let form = form(fields.map(|(n, (kind, required))| field(&format!("f{n}"), kind, required)).collect());
            let asked = asked(&form);
            let Ok(answers) = asked.accept(PayerInput { form_data: sent.clone(), ..PayerInput::default() }) else { return Ok(()) };
            let data = answers.form_data.clone().unwrap_or_default().0;
            for (id, value) in &data {
                let field = form.fields.iter().find(|field| field.id.as_str() == id).unwrap();
                prop_assert!(sent.contains_key(id));
                prop_assert_eq!(matches!(value, FormValue::Flag(_)), field.kind == FieldKind::Checkbox);
            }
            for field in form.fields.iter().filter(|field| field.required) {
                prop_assert!(data.contains_key(field.id.as_str()));
            }
            let again = data.iter().map(|(id, value)| (id.clone(), match value {
                FormValue::Flag(flag) => Sent::Flag(*flag),
                FormValue::Text(text) => Sent::Text(text.clone()),
            }));
            let again = PayerInput { form_data: again.collect(), ..PayerInput::default() };
            prop_assert_eq!(asked.accept(again).unwrap(), answers);
        }
    }
}
