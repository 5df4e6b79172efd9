//! What may be appended to a payment link's address.
//!
//! What must stay true: whatever stands there, the page opens. Links are tagged on their way, shortened, and mangled: what
//! is unknown is ignored, and what is known but too long, repeated or malformed is left out, because a payer can neither
//! understand nor mend it.

use anyspend_api::json::Json;
use anyspend_domain::checkout_session::Attribution;
use anyspend_domain::pasted::machine_form;
use anyspend_domain::text::{ClientReference, UtmTag};
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::{CheckoutSessionId, Metadata, Mode};
use std::collections::BTreeMap;

/// What a link's address says besides the link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageQuery {
    pub(crate) client_reference_id: Option<ClientReference>,
    /// By key.
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) session_id: Option<CheckoutSessionId>,
    pub(crate) success_url: Option<WebUrl>,
    pub(crate) cancel_url: Option<WebUrl>,
    pub(crate) attribution: Attribution,
}

impl PageQuery {
    /// Reads a query string. `mode` is the link's: a test link may lead to the developer's own machine.
    pub(crate) fn read(query: &str, mode: Mode) -> Self {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.as_ref();
            // The first of a repeated parameter counts: what was appended later was appended by somebody else.
            match name.as_ref() {
                "client_reference_id" => keep(&mut read.client_reference_id, ClientReference::parse(value).ok()),
                "session_id" => keep(&mut read.session_id, CheckoutSessionId::parse(&machine_form(value))),
                "success_url" => keep(&mut read.success_url, WebUrl::parse(value, mode).ok()),
                "cancel_url" => keep(&mut read.cancel_url, WebUrl::parse(value, mode).ok()),
                "utm_source" => keep(&mut read.attribution.source, UtmTag::parse(value).ok()),
                "utm_medium" => keep(&mut read.attribution.medium, UtmTag::parse(value).ok()),
                "utm_campaign" => keep(&mut read.attribution.campaign, UtmTag::parse(value).ok()),
                other => {
                    if let Some(key) = other.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']')) {
                        read.keep_metadata(key, value);
                    }
                }
            }
        }
        read
    }

    /// What a link's address says, as the fields of a body.
    pub(crate) fn into_fields(self) -> Vec<(String, Json)> {
        let Self { client_reference_id, metadata, session_id: _, success_url, cancel_url, attribution } = self;
        let text = |text: &str| Json::String(text.to_owned());
        let metadata: Vec<_> = metadata.into_iter().map(|(key, value)| (key, Json::String(value))).collect();
        let fields = [
            ("client_reference_id", client_reference_id.map(|value| text(value.as_str()))),
            ("metadata", (!metadata.is_empty()).then_some(Json::Object(metadata))),
            ("success_url", success_url.map(|value| text(value.as_str()))),
            ("cancel_url", cancel_url.map(|value| text(value.as_str()))),
            ("utm_source", attribution.source.map(|value| text(value.as_str()))),
            ("utm_medium", attribution.medium.map(|value| text(value.as_str()))),
            ("utm_campaign", attribution.campaign.map(|value| text(value.as_str()))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn keep_metadata(&mut self, key: &str, value: &str) {
        let fits = Metadata::check_key(key).is_ok() && Metadata::check_value(value).is_ok();
        let room = self.metadata.len() < Metadata::MAX_KEYS;
        if fits && room && !self.metadata.contains_key(key) {
            self.metadata.insert(key.to_owned(), value.to_owned());
        }
    }
}

fn keep<T>(kept: &mut Option<T>, value: Option<T>) {
    if kept.is_none() {
        *kept = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> PageQuery {
        PageQuery::read(query, Mode::Live)
    }

    #[test]
    fn every_parameter_of_the_documentation_is_read() {
        let query = read(
            "client_reference_id=order_456&metadata[user_id]=clerk_abc&metadata%5Bplan%5D=pro&utm_source=twitter\
             &utm_medium=social&utm_campaign=launch&success_url=https%3A%2F%2Fexample.com%2Fthanks\
             &cancel_url=https://example.com/cart&session_id=cs_01ARZ3NDEKTSV4RRFFQ69G5FAVFixture1",
        );
        assert_eq!(query.client_reference_id.unwrap().as_str(), "order_456");
        let metadata =
            [("plan", "pro"), ("user_id", "clerk_abc")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(query.metadata, BTreeMap::from(metadata));
        assert_eq!(query.attribution.source.unwrap().as_str(), "twitter");
        assert_eq!(query.attribution.medium.unwrap().as_str(), "social");
        assert_eq!(query.attribution.campaign.unwrap().as_str(), "launch");
        assert_eq!(query.success_url.unwrap().as_str(), "https://example.com/thanks");
        assert_eq!(query.cancel_url.unwrap().as_str(), "https://example.com/cart");
        assert!(query.session_id.is_some());
    }

    #[test]
    fn what_is_unknown_or_does_not_fit_is_left_out() {
        let long = "a".repeat(501);
        for query in [
            "fbclid=1&gclid=2".to_owned(),
            format!("client_reference_id={}&utm_source={long}", "a".repeat(201)),
            format!("metadata[{}]=1&metadata[]=1&metadata[k]={long}&metadata=1&metadata[k=1", "k".repeat(41)),
            "success_url=javascript:alert(1)&cancel_url=http://example.com&session_id=cs_1".to_owned(),
            "&&==%%&%ff=%ff&\u{0}".to_owned(),
            "metadata[a%00]=1&metadata[b]=%07&client_reference_id=a%0Ab&utm_source=a%00".to_owned(),
        ] {
            assert_eq!(read(&query), PageQuery::default(), "{query}");
        }
    }

    #[test]
    fn the_fiftieth_key_is_the_last_and_the_first_of_a_kind_counts() {
        let query: String = (0..60).map(|n| format!("metadata[k{n:02}]={n}&")).collect();
        let metadata = read(&query).metadata;
        assert_eq!((metadata.len(), metadata.contains_key("k49")), (Metadata::MAX_KEYS, true));
        assert_eq!(read("metadata[a]=1&metadata[a]=2").metadata["a"], "1");
        assert_eq!(read("utm_source=a&utm_source=b").attribution.source.unwrap().as_str(), "a");
    }
}
