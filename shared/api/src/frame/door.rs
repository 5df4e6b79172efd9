//! Under which names a service on a listener of its own is asked for, and from which sites it is changed.
//!
//! A page of a hostile site can make a browser on this machine, or near it, call any address. It cannot choose what the
//! browser says of it: `Host` is the name in the address bar, even where that name's owner has it point at this machine
//! (DNS rebinding), and `Origin` is the page's own site.

use crate::call::Call;
use crate::error::ApiError;
use crate::requirements::Access;
use anyspend_domain::Code;
use anyspend_domain::problem::quoted;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, header};
use std::collections::BTreeSet;

/// What this machine calls itself. A page cannot have such a name: an address is nobody's to point elsewhere.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The names a service answers under, whatever the port: this machine's own, and those it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHosts(BTreeSet<String>);

impl TrustedHosts {
    /// This machine and these: names or addresses, with or without a port.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(THIS_MACHINE.into_iter().chain(hosts).filter_map(name_of).collect())
    }

    /// Whether `Host` is one of them. There must be exactly one.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::HOST).iter();
        let host = sent.next().and_then(|value| name_of(value.to_str().ok()?));
        sent.next().is_none() && host.is_some_and(|host| self.0.contains(&host))
    }

    /// Whether a page of one of them says so; `null` is no page of theirs.
    fn admits_origin(&self, origin: &HeaderValue) -> bool {
        let site = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        site.and_then(|(_, authority)| name_of(authority)).is_some_and(|host| self.0.contains(&host))
    }
}

/// The host of `host[:port]`, as it is compared.
fn name_of(authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok()?;
    // `user@host` is no host a browser would send.
    let plain = !authority.as_str().contains('@');
    plain.then(|| authority.host().trim_end_matches('.').to_ascii_lowercase()).filter(|host| !host.is_empty())
}

impl Call {
    /// Refuses what was asked under a name that is not ours, and a change by key that another site's page asks for. Payers'
    /// routes are for every site's pages.
    ///
    /// # Errors
    /// `host_not_allowed`, `origin_not_allowed`.
    pub(crate) fn check_door(&self) -> Result<(), ApiError> {
        let Some(trusted) = &self.platform.config.trusted_hosts else { return Ok(()) };
        if !trusted.admits(&self.headers) {
            let host = self.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let message =
                format!("This service does not answer under '{}'. See its option --allow-host.", quoted(host));
            return Err(ApiError::new(Code::HostNotAllowed, message));
        }
        let looks = matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let changes_by_key = !looks && matches!(self.requirements.access, Access::Needs(_));
        match self.headers.get(header::ORIGIN) {
            Some(origin) if changes_by_key && !trusted.admits_origin(origin) => Err(ApiError::new(
                Code::OriginNotAllowed,
                "This operation is for servers: pages of other sites may not call it, and a key must never be in a page.",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(hosts: &[&str], sent: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in sent {
            headers.append(header::HOST, host.parse().unwrap());
        }
        TrustedHosts::new(hosts.iter().copied()).admits(&headers)
    }

    #[test]
    fn only_the_names_a_service_was_given_are_its_own() {
        let hosts = ["127.0.0.1:8787", "Pay.Example.com", "[::1]:8787"];
        for own in ["127.0.0.1:8787", "127.0.0.1", "localhost:9", "LOCALHOST", "pay.example.com.", "[::1]:8787"] {
            assert!(admits(&hosts, &[own]), "{own}");
        }
        let foreign =
            ["evil.com", "127.0.0.1.evil.com", "evil.com:8787", "evil@localhost", "", "0.0.0.0", "a b", "::1"];
        for foreign in foreign {
            assert!(!admits(&hosts, &[foreign]), "{foreign}");
        }
        assert!(!admits(&hosts, &[]) && !admits(&hosts, &["localhost", "localhost"]));
    }

    #[test]
    fn an_origin_is_ours_by_its_host() {
        let trusted = TrustedHosts::new(["pay.example.com"]);
        let ours = |origin: &str| trusted.admits_origin(&origin.parse().unwrap());
        assert!(ours("https://pay.example.com") && ours("http://localhost:3000"));
        assert!(!ours("null") && !ours("https://evil.com") && !ours("https://pay.example.com.evil.com") && !ours(""));
    }
}
