//! URLs that merchants give us to show or to send a payer to.

use crate::{Invalid, Mode};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// An absolute `https://` URL of at most [`WebUrl::MAX`] characters, kept exactly as sent. In test mode
/// `http://` to this very machine is allowed too, for development.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// Most characters.
    pub const MAX: usize = 2_048;

    /// Reads a URL.
    ///
    /// # Errors
    /// `invalid_field_value` when it is too long, not absolute, not `https://`, or carries a password.
    pub fn parse(text: &str, mode: Mode) -> Result<Self, Invalid> {
        const MUST: &str = "must be a URL that begins with 'https://'";
        if text.chars().count() > Self::MAX {
            return Err(Invalid::new(format!("must be at most {} characters long", Self::MAX)));
        }
        // The parser would silently drop tabs and line ends and trim spaces: what is kept would not be what was checked.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Invalid::new("must be a URL without spaces or control characters"));
        }
        let url = Url::parse(text).map_err(|_| Invalid::new(MUST))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new("must be a URL without a user name or password"));
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        // The scheme is also looked at in the text: "https:example.com" parses, but is not what was meant.
        let secure = text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let local = mode == Mode::Test
            && loopback
            && text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        if !secure && !local {
            return Err(Invalid::new(if mode == Mode::Test {
                "must be a URL that begins with 'https://' (or 'http://localhost' in test mode)"
            } else {
                MUST
            }));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether both are of one site: the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        let origin = |url: &Self| Url::parse(&url.0).ok().map(|url| url.origin());
        origin(self).zip(origin(other)).is_some_and(|(one, other)| one.is_tuple() && one == other)
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

    /// The URL as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
