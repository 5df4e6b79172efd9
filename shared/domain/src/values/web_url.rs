//! URLs that merchants give us to show or to send a payer to.

use crate::{CheckoutSessionId, Invalid, Mode, pasted};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// What a URL must be, as the end of a sentence.
const MUST: &str = "must be a URL that begins with 'https://'";
/// Most characters of a proposal in a sentence.
const SHOWN: usize = 200;
/// What stands for a session's id in a URL: ours, and what those who come from Stripe have in theirs.
const PLACEHOLDERS: [&str; 2] = ["SESSION_ID", "CHECKOUT_SESSION_ID"];
/// How libraries write the braces around it.
const OPENING: [&str; 3] = ["{", "%7B", "%7b"];
const CLOSING: [&str; 3] = ["}", "%7D", "%7d"];

/// An absolute `https://` URL of at most [`WebUrl::MAX`] characters. In test mode `http://` to this very machine is allowed
/// too, for development. Scheme and host are kept as machines compare them, in ASCII; all that follows is kept as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// Most characters.
    pub const MAX: usize = 2_048;

    /// Reads a URL.
    ///
    /// # Errors
    /// `invalid_field_value` when it is too long, not absolute, not `https://`, carries a password, or could be read as
    /// another; the sentence says what was probably meant.
    pub fn parse(text: &str, mode: Mode) -> Result<Self, Invalid> {
        let text = pasted::without_meaningless(text);
        let text = text.trim();
        if text.chars().count() > Self::MAX {
            return Err(Invalid::new(format!("must be at most {} characters long", Self::MAX)));
        }
        // The parser would silently drop tabs and line ends: what is kept would not be what was checked.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Invalid::new("must be a URL without spaces or control characters"));
        }
        // Browsers take them for slashes, others do not: the same text would lead to two places.
        if text.contains('\\') {
            return Err(Invalid::new("must be a URL without backslashes; write '/'"));
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Err(without_scheme(text)) };
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::InvalidPort => Invalid::new("must be a URL whose port is a number from 1 to 65535"),
            _ => Invalid::new(MUST),
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            let must = "must be a URL without a user name or password: a secret in a URL is shown in logs and lists";
            return Err(Invalid::new(must));
        }
        check_scheme(scheme, rest, &url, mode)?;
        let kept = with_plain_host(scheme, rest, &url)?;
        if kept.len() > Self::MAX && kept.chars().count() > Self::MAX {
            return Err(Invalid::new(format!("must be at most {} characters long", Self::MAX)));
        }
        Ok(Self(kept))
    }

    /// Whether both are of one site: the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        let origin = |url: &Self| Url::parse(&url.0).ok().map(|url| url.origin());
        origin(self).zip(origin(other)).is_some_and(|(one, other)| one.is_tuple() && one == other)
    }

    /// Where the payer of a session is sent: the session's id stands where the URL has `{SESSION_ID}` or
    /// `{CHECKOUT_SESSION_ID}`, whether or not a library has encoded the braces.
    pub fn for_session(&self, id: &CheckoutSessionId) -> String {
        let mut url = self.0.clone();
        for name in PLACEHOLDERS {
            for (opening, closing) in OPENING.into_iter().flat_map(|open| CLOSING.map(|close| (open, close))) {
                url = url.replace(&format!("{opening}{name}{closing}"), id.as_str());
            }
        }
        url
    }

    /// Its host, in lower case.
    pub fn host(&self) -> String {
        Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The URL as every spelling of it is compared: host in lower case, no port that goes without saying, no fragment,
    /// which no server is sent.
    pub fn canonical(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else { return self.0.clone() };
        url.set_fragment(None);
        url.into()
    }

    /// The URL as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sentence for a URL without a scheme, which often is all that is missing.
fn without_scheme(text: &str) -> Invalid {
    let meant = format!("https://{}", text.trim_start_matches('/'));
    let is_host = |url: &Url| {
        let dotted = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.'));
        dotted && url.username().is_empty() && url.password().is_none()
    };
    if !text.contains(':') && Url::parse(&meant).is_ok_and(|url| is_host(&url)) {
        return did_you_mean(&meant);
    }
    Invalid::new(MUST)
}

fn did_you_mean(meant: &str) -> Invalid {
    let shown: String = meant.chars().take(SHOWN).collect();
    let more = if shown.len() < meant.len() { "…" } else { "" };
    Invalid::new(format!("{MUST}: did you mean '{shown}{more}'?"))
}

/// `https` to anywhere, and in test mode `http` to this very machine.
fn check_scheme(scheme: &str, rest: &str, url: &Url, mode: Mode) -> Result<(), Invalid> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    // The parser skips slashes that are too many, which others take for an empty host.
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#']);
    match scheme.to_ascii_lowercase().as_str() {
        "https" if has_host => Ok(()),
        "http" if has_host && loopback && mode == Mode::Test => Ok(()),
        "http" if has_host && !loopback => Err(did_you_mean(&format!("https://{rest}"))),
        _ if mode == Mode::Test => Err(Invalid::new(format!("{MUST} (or 'http://localhost' in test mode)"))),
        _ => Err(Invalid::new(MUST)),
    }
}

/// The URL with its scheme in lower case and its host in ASCII, without the dot that ends a full name: two spellings of
/// one host must not pass for two. A host that differs in nothing but case stays as it was sent.
fn with_plain_host(scheme: &str, rest: &str, url: &Url) -> Result<String, Invalid> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let port = authority.rfind(':').filter(|colon| authority.rfind(']').is_none_or(|bracket| bracket < *colon));
    let (host, port) = authority.split_at(port.unwrap_or(authority.len()));
    let known = url.host_str().unwrap_or_default().trim_end_matches('.');
    if known.is_empty() || known.starts_with('.') {
        return Err(Invalid::new(MUST));
    }
    let host = if host.eq_ignore_ascii_case(known) { host } else { known };
    Ok(format!("{}://{host}{port}{tail}", scheme.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_https_leads_a_payer_anywhere() {
        assert!(WebUrl::parse("https://example.com/a?session_id={SESSION_ID}", Mode::Live).is_ok());
        for text in [
            "",
            "example.com",
            "//example.com",
            "http://example.com",
            "javascript:alert(1)",
            "https:example.com",
            "https://",
            "data:text/html,x",
            "https://a b.com",
            "https://user:pw@example.com",
            "https://exa\tmple.com",
            "ftp://x.y",
            "https:///example.com",
            "https://.",
            "https://?x",
            "https:\\\\example.com",
            "https://example.com\\@evil.com",
            "https://example.com:99999/",
            "https://example.com:x/",
        ] {
            assert!(WebUrl::parse(text, Mode::Test).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_in_test_mode_only() {
        for text in ["http://localhost:3000/x", "http://127.0.0.1/x", "http://[::1]/x"] {
            assert!(WebUrl::parse(text, Mode::Test).is_ok(), "{text}");
            assert!(WebUrl::parse(text, Mode::Live).is_err(), "{text}");
        }
        assert!(WebUrl::parse("http://localhost.evil.com", Mode::Test).is_err());
    }

    #[test]
    fn spellings_of_one_url_are_compared_as_one() {
        let canonical = |text: &str| WebUrl::parse(text, Mode::Test).unwrap().canonical();
        for same in ["https://EXAMPLE.com/a?b", "https://example.com:443/a?b", "HTTPS://example.com/a?b#c"] {
            assert_eq!(canonical(same), "https://example.com/a?b", "{same}");
        }
        for other in ["https://example.com/A?b", "https://example.com/a", "https://example.com:444/a?b"] {
            assert_ne!(canonical(other), "https://example.com/a?b", "{other}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let url = |text: &str| WebUrl::parse(text, Mode::Test).unwrap();
        let home = url("https://example.com/done");
        assert!(home.same_origin(&url("https://EXAMPLE.com:443/other?x#y")));
        for other in [
            "https://example.com:8443/",
            "https://www.example.com/",
            "https://example.com.evil.com/",
            "https://evil.com/https://example.com/",
            "http://localhost/",
        ] {
            assert!(!home.same_origin(&url(other)), "{other}");
        }
    }

    #[test]
    fn one_character_past_the_limit_is_refused() {
        let url = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
        assert!(WebUrl::parse(&url(WebUrl::MAX), Mode::Live).is_ok());
        assert!(WebUrl::parse(&url(WebUrl::MAX + 1), Mode::Live).is_err());
    }

    #[test]
    fn a_host_is_kept_as_machines_compare_it_and_a_path_as_it_was_sent() {
        for (text, kept) in [
            (
                "https://b\u{fc}cher.example/Pfad/\u{fc}?q=\u{fc}#\u{fc}",
                "https://xn--bcher-kva.example/Pfad/\u{fc}?q=\u{fc}#\u{fc}",
            ),
            ("https://\u{FF45}xample.com:8443/x", "https://example.com:8443/x"),
            ("https://example.com./x.", "https://example.com/x."),
            ("HTTPS://Example.com/A%2fb", "https://Example.com/A%2fb"),
            (" https://example.com/x\n", "https://example.com/x"),
            ("\u{FEFF}https://exam\u{AD}ple.com/\u{200B}", "https://example.com/"),
            ("https://example.com/#/thanks", "https://example.com/#/thanks"),
            ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
        ] {
            assert_eq!(WebUrl::parse(text, Mode::Live).unwrap().as_str(), kept, "{text:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_probably_meant() {
        let must = |text: &str| WebUrl::parse(text, Mode::Live).unwrap_err().must;
        for (text, hint) in [
            ("example.com/thanks", "did you mean 'https://example.com/thanks'?"),
            ("//example.com/thanks", "did you mean 'https://example.com/thanks'?"),
            ("http://example.com/thanks", "did you mean 'https://example.com/thanks'?"),
            ("https://user:pw@example.com/", "a secret in a URL is shown in logs and lists"),
            ("https://example.com\\x", "write '/'"),
            ("https://example.com:99999/", "65535"),
            ("https://example.com/a b", "without spaces"),
        ] {
            assert!(must(text).contains(hint), "{text}: {}", must(text));
        }
        for text in ["thanks", "javascript:alert(1)", "mailto:a@example.com", "user@example.com", "localhost/x"] {
            assert!(!must(text).contains("did you mean"), "{text}: {}", must(text));
        }
    }

    #[test]
    fn the_sessions_id_is_put_in_whatever_became_of_the_braces() {
        let now = crate::Timestamp::from_millis(1).unwrap();
        let id = CheckoutSessionId::generate(now, &crate::ShortCode::none());
        for braces in [
            "{SESSION_ID}",
            "%7BSESSION_ID%7D",
            "%7bSESSION_ID%7d",
            "{CHECKOUT_SESSION_ID}",
            "%7BCHECKOUT_SESSION_ID%7D",
        ] {
            let url = WebUrl::parse(&format!("https://example.com/{braces}?id={braces}"), Mode::Live).unwrap();
            assert_eq!(url.for_session(&id), format!("https://example.com/{id}?id={id}"), "{braces}");
        }
        for other in ["{session_id}", "SESSION_ID", "{OTHER}", "%257BSESSION_ID%257D"] {
            let url = WebUrl::parse(&format!("https://example.com/{other}"), Mode::Live).unwrap();
            assert_eq!(url.for_session(&id), url.as_str());
        }
    }

    proptest! {
        #[test]
        fn a_url_that_is_kept_is_kept_again_and_has_no_control_characters(
            scheme in "(https?|HTTPS|ftp)?(://|:|:/)?",
            host in "[a-zA-Z\u{fc}\u{FF45}\u{200B}@:0-9.\\-\\[\\]]{0,12}",
            tail in "\\PC{0,12}",
        ) {
            if let Ok(url) = WebUrl::parse(&format!("{scheme}{host}{tail}"), Mode::Test) {
                prop_assert_eq!(WebUrl::parse(url.as_str(), Mode::Test), Ok(url.clone()));
                prop_assert!(!url.as_str().chars().any(char::is_control));
                prop_assert!(Url::parse(url.as_str()).is_ok());
            }
        }
    }
}
