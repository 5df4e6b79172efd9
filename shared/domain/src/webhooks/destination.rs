//! Where an endpoint may be: out on the public internet, and never a machine of ours.

use crate::public_ip::{is_inside_name, is_public};
use crate::web_url::WebUrl;
use crate::{Invalid, Mode};
use url::{Host, Url};

/// How far an endpoint may be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses only.
    Public,
    /// In test mode also this very machine: for the local runner, where a developer's server stands beside it.
    LoopbackInTestMode,
}

impl Reach {
    /// Whether an endpoint of this mode may be this very machine.
    pub const fn allows_loopback(self, mode: Mode) -> bool {
        matches!((self, mode), (Self::LoopbackInTestMode, Mode::Test))
    }
}

/// Checks where a URL leads, as far as the URL itself tells. What its name resolves to is checked again at
/// every delivery.
///
/// # Errors
/// `invalid_field_value` for hosts that are obviously not on the public internet.
pub fn check_destination(url: &WebUrl, mode: Mode, reach: Reach) -> Result<(), Invalid> {
    let url = Url::parse(url.as_str()).map_err(|_| Invalid::new("must be a URL"))?;
    let (loopback, public) = match url.host() {
        Some(Host::Domain(name)) => {
            let bare = name.trim_end_matches('.');
            (bare == "localhost" || bare.ends_with(".localhost"), !is_inside_name(name))
        }
        Some(Host::Ipv4(ip)) => (ip.is_loopback(), is_public(ip.into())),
        Some(Host::Ipv6(ip)) => (ip.is_loopback(), is_public(ip.into())),
        None => (false, false),
    };
    if loopback && reach.allows_loopback(mode) {
        return Ok(());
    }
    if !public {
        return Err(Invalid::new("must lead to the public internet, not to a private, local or reserved address"));
    }
    if url.scheme() != "https" {
        return Err(Invalid::new("must begin with 'https://'"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_obviously_leads_inside_is_refused() {
        for text in [
            "https://localhost/x",
            "https://127.0.0.1",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://10.0.0.1",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "https://metadata.google.internal/",
            "https://metadata/",
            "https://printer.local/",
            "https://a.localhost/",
            "https://0/",
        ] {
            let url = WebUrl::parse(text, Mode::Live).unwrap();
            for (mode, reach) in [(Mode::Live, Reach::Public), (Mode::Test, Reach::Public)] {
                assert!(check_destination(&url, mode, reach).is_err(), "{text}");
            }
            assert!(check_destination(&url, Mode::Live, Reach::LoopbackInTestMode).is_err(), "{text}");
        }
        let public = WebUrl::parse("https://hooks.example.com:8443/x", Mode::Live).unwrap();
        assert!(check_destination(&public, Mode::Live, Reach::Public).is_ok());
    }

    #[test]
    fn this_machine_is_an_endpoint_in_test_mode_of_the_local_runner_only() {
        for text in ["http://localhost:9/x", "http://127.0.0.1:9", "http://[::1]:9", "https://127.0.0.1"] {
            let url = WebUrl::parse(text, Mode::Test).unwrap();
            assert!(check_destination(&url, Mode::Test, Reach::LoopbackInTestMode).is_ok(), "{text}");
            assert!(check_destination(&url, Mode::Test, Reach::Public).is_err(), "{text}");
            assert!(check_destination(&url, Mode::Live, Reach::LoopbackInTestMode).is_err(), "{text}");
        }
        let private = WebUrl::parse("https://192.168.0.1", Mode::Test).unwrap();
        assert!(check_destination(&private, Mode::Test, Reach::LoopbackInTestMode).is_err());
    }
}
