//! A form as a browser sends it, turned into the body the API takes, so that both are held to the same rules.

use crate::html::form::{Ask, DISCOUNT_CODE, FormState, field_input};
use anyspend_api::json::Json;
use anyspend_api::{ApiError, Call};
use anyspend_domain::VisitorId;
use anyspend_domain::link_form::FieldKind;
use anyspend_domain::pasted::is_blank;

/// What a browser sent.
pub(crate) struct PageForm {
    state: FormState,
}

impl PageForm {
    /// Reads the request's form.
    ///
    /// # Errors
    /// 413 and 415.
    pub(crate) fn read(call: &Call) -> Result<Self, ApiError> {
        Ok(Self { state: FormState { values: call.form()?, ..FormState::default() } })
    }

    /// What was sent to the inputs of this form, as fields of a body. Inputs left empty were not sent; browsers do not
    /// tell the difference.
    pub(crate) fn fields(&self, ask: &Ask<'_>) -> Vec<(String, Json)> {
        let text = |name: &str| self.state.value(name).filter(|text| !is_blank(text));
        let string = |text: &str| Json::String(text.to_owned());
        let mut fields = Vec::new();
        if ask.choice.is_some()
            && let Some(typed) = text("amount")
        {
            // What is no amount is sent as something that is none: "5" of a token nobody could read must not become 5 units.
            let amount = ask.currency.read(typed).map_or_else(|_| format!("'{typed}'"), |amount| amount.to_string());
            fields.push(("amount".to_owned(), Json::String(amount)));
        }
        let mut form_data = Vec::new();
        for field in ask.asked.form.iter().flat_map(|form| &form.fields) {
            let sent = text(&field_input(field.id.as_str()));
            let value = match field.kind {
                // A box that need not be ticked and is not says no; one that must be was not answered.
                FieldKind::Checkbox if sent.is_none() && field.required => None,
                FieldKind::Checkbox => Some(Json::Bool(sent.is_some())),
                _ => sent.map(string),
            };
            form_data.extend(value.map(|value| (field.id.as_str().to_owned(), value)));
        }
        if !form_data.is_empty() {
            fields.push(("form_data".to_owned(), Json::Object(form_data)));
        }
        if let Some(id) = text("shipping_option_id").filter(|_| !ask.asked.shipping_options.is_empty()) {
            fields.push(("shipping_option_id".to_owned(), string(id)));
        }
        if ask.asked.shipping_address {
            let part = |(name, value): &(String, String)| {
                let part = name.strip_prefix("shipping_address[")?.strip_suffix(']')?;
                (!is_blank(value)).then(|| (part.to_owned(), string(value)))
            };
            let mut parts: Vec<(String, Json)> = Vec::new();
            for (part, value) in self.state.values.iter().filter_map(part) {
                if parts.iter().all(|(known, _)| *known != part) {
                    parts.push((part, value));
                }
            }
            fields.push(("shipping_address".to_owned(), Json::Object(parts)));
        }
        fields
    }

    /// The discount code that was typed, if one was.
    pub(crate) fn discount_code(&self) -> Option<(String, Json)> {
        let typed = self.state.value(DISCOUNT_CODE).filter(|typed| !is_blank(typed))?;
        Some((DISCOUNT_CODE.to_owned(), Json::String(typed.to_owned())))
    }

    /// The visit the page was opened with, if it is one.
    pub(crate) fn visitor(&self) -> Option<VisitorId> {
        self.state.value("visitor_id").and_then(VisitorId::parse)
    }

    /// The form with what is wrong with it, in the payer's words.
    pub(crate) fn refused(mut self, ask: &Ask<'_>, error: &ApiError) -> FormState {
        ask.explain(error.problems(), &mut self.state);
        self.state
    }
}
