//! The settings that the runner and the functions share, each declared once: its names, what it means, how it is read, and
//! what it must be.
//!
//! A table of our own, and not `clap` as in the runner, which makes its flags from it: `clap` would add 308 KiB to every
//! function for the sake of its environment.

use crate::config::Config;
use crate::seal::MasterSecret;
use anyspend_domain::chain::{ChainAccess, Chains};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Most blocks a payment can be asked to wait for: on the slowest known chain, more than a day.
const MOST_CONFIRMATIONS: u64 = 10_000;
/// Most proxies in front that are believed.
const MOST_PROXIES: usize = 10;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The runner's flag, without the dashes.
    pub flag: &'static str,
    /// The runner's environment variable.
    pub runner_variable: &'static str,
    /// A function's environment variable. Where it holds several values, `;` stands between them.
    pub variable: &'static str,
    /// The template's parameter.
    pub parameter: &'static str,
    /// The one function that is told the parameter, and what the others are told instead: where it is none of theirs.
    pub only: Option<(&'static str, &'static str)>,
    /// What a value looks like.
    pub value: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Whether it may have several values.
    pub repeats: bool,
    read: fn(&mut Draft, &str) -> Result<(), String>,
}

/// Every setting, in the order they are read.
pub const SETTINGS: &[Setting] = &[
    Setting {
        flag: "public-url",
        runner_variable: "ANYSPEND_PUBLIC_URL",
        variable: "PUBLIC_URL",
        parameter: "PublicUrl",
        only: None,
        value: "URL",
        help: "The public address of the checkout pages. The runner's default is the listening address",
        repeats: false,
        read: |draft, text| {
            let url = web_address(text)?;
            // Pages, their style sheet and their forms stand at the root.
            if url.path() != "/" {
                return Err(format!("'{text}' has a path, and pages are served at the root of their host"));
            }
            draft.config.public_url = text.trim_end_matches('/').to_owned();
            Ok(())
        },
    },
    Setting {
        flag: "short-url",
        runner_variable: "ANYSPEND_SHORT_URL",
        variable: "SHORT_URL",
        parameter: "ShortUrl",
        only: None,
        value: "URL",
        help: "The address short links start with, where they have one of their own",
        repeats: false,
        read: |draft, text| {
            web_address(text)?;
            draft.config.short_url = Some(text.trim_end_matches('/').to_owned());
            Ok(())
        },
    },
    Setting {
        flag: "chain",
        runner_variable: "ANYSPEND_CHAIN",
        variable: "CHAINS",
        parameter: "Chains",
        only: Some(("settle", "FollowedChains")),
        value: "ID=URL[,URL]",
        help: "JSON-RPC endpoints of a chain, which follow payments there and allow live links. Of several endpoints more \
               than half must say the same, or the payment waits",
        repeats: true,
        read: |draft, text| {
            let (id, urls) = match text.parse().ok().filter(|_| draft.endpoints == Endpoints::MayBeElsewhere) {
                Some(id) => (id, Vec::new()),
                None => chain(text)?,
            };
            let access = ChainAccess { rpc_urls: urls, confirmations: None };
            match draft.chains.insert(id, access) {
                None => Ok(()),
                Some(_) => Err(format!("'{id}' has two settings: name all endpoints of a chain in one")),
            }
        },
    },
    Setting {
        flag: "confirmations",
        runner_variable: "ANYSPEND_CONFIRMATIONS",
        variable: "CONFIRMATIONS",
        parameter: "Confirmations",
        only: None,
        value: "ID=N",
        help: "Blocks before a payment on a chain counts as completed, its own included. Without it, a number known to be \
               safe on the chain, or sooner what the chain itself calls final",
        repeats: true,
        read: |draft, text| {
            let (id, blocks) =
                confirmations(text).ok_or_else(|| format!("'{text}' is not of the form CHAIN_ID=BLOCKS"))?;
            if !(1..=MOST_CONFIRMATIONS).contains(&blocks) {
                return Err(format!("'{text}' must name 1 to {MOST_CONFIRMATIONS} blocks, the payment's own included"));
            }
            let unknown = || format!("'{text}' names a chain without an RPC endpoint");
            match draft.chains.get_mut(&id).ok_or_else(unknown)?.confirmations.replace(blocks) {
                None => Ok(()),
                Some(_) => Err(format!("'{id}' has two settings")),
            }
        },
    },
    Setting {
        flag: "trusted-proxies",
        runner_variable: "ANYSPEND_TRUSTED_PROXIES",
        variable: "TRUSTED_PROXIES",
        parameter: "TrustedProxies",
        only: None,
        value: "N",
        help: "How many proxies in front may be believed about the client's address; 0 by default",
        repeats: false,
        read: |draft, text| {
            let proxies = text.parse().ok().filter(|proxies| *proxies <= MOST_PROXIES);
            let must = || format!("'{text}' is not a whole number from 0 to {MOST_PROXIES}");
            draft.config.trusted_proxies = proxies.ok_or_else(must)?;
            Ok(())
        },
    },
    Setting {
        flag: "country-header",
        runner_variable: "ANYSPEND_COUNTRY_HEADER",
        variable: "COUNTRY_HEADER",
        parameter: "CountryHeader",
        only: None,
        value: "NAME",
        help: "The header in which a proxy in front tells a visitor's country, e.g. CloudFront-Viewer-Country. Without it, \
               countries are unknown",
        repeats: false,
        read: |draft, text| {
            let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && text.starts_with(|c: char| c.is_ascii_alphanumeric());
            is_name.then_some(()).ok_or_else(|| format!("'{text}' is not a header's name"))?;
            draft.config.country_header = Some(text.to_ascii_lowercase());
            Ok(())
        },
    },
];

/// Why settings cannot be used: a sentence for the operator that names the setting and quotes the value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct InvalidSetting {
    name: String,
    why: String,
}

/// What it takes for a chain to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoints {
    /// This process follows it, and must know how it is reached.
    Needed,
    /// Another process may follow it: its id is enough.
    MayBeElsewhere,
}

/// A configuration in the making.
struct Draft {
    endpoints: Endpoints,
    config: Config,
    chains: BTreeMap<u64, ChainAccess>,
}

impl Config {
    /// This configuration with the settings that are given. `given` answers a setting's name, as the operator knows it,
    /// and its value; one that is absent or empty leaves what there is.
    ///
    /// # Errors
    /// With the first setting that is not what it must be.
    pub fn with_settings(
        self,
        endpoints: Endpoints,
        given: impl Fn(&Setting) -> (String, Option<String>),
    ) -> Result<Self, InvalidSetting> {
        let mut draft = Draft { endpoints, config: self, chains: BTreeMap::new() };
        for setting in SETTINGS {
            let (name, text) = given(setting);
            let text = text.unwrap_or_default();
            let values: Vec<&str> = if setting.repeats { text.split(';').collect() } else { vec![text.as_str()] };
            for value in values.into_iter().map(str::trim).filter(|value| !value.is_empty()) {
                (setting.read)(&mut draft, value).map_err(|why| InvalidSetting { name: name.clone(), why })?;
            }
        }
        if !draft.chains.is_empty() {
            let (here, elsewhere): (BTreeMap<_, _>, BTreeMap<_, _>) =
                draft.chains.into_iter().partition(|(_, access)| !access.rpc_urls.is_empty());
            let elsewhere = elsewhere.into_iter().map(|(id, access)| (id, access.confirmations)).collect();
            draft.config.chains = Chains::new(here).followed_elsewhere(elsewhere);
        }
        Ok(draft.config)
    }
}

/// Where something is served: scheme, host and perhaps a port and a path, and nothing else.
fn web_address(text: &str) -> Result<Url, String> {
    let url = http_url(text).ok_or_else(|| format!("'{text}' is not an http:// or https:// URL"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("'{text}' must end before any '?' or '#': paths are added to it"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("'{text}' must not have a user name or a password: everybody sees it"));
    }
    Ok(url)
}

/// A URL with a host, as it stands: the parser itself would mend much that was hardly meant.
fn http_url(text: &str) -> Option<Url> {
    let as_written = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
    let url = Url::parse(text).ok().filter(|_| as_written)?;
    url.host_str().filter(|host| !host.is_empty())?;
    (url.port() != Some(0)).then_some(url)
}

fn chain(text: &str) -> Result<(u64, Vec<String>), String> {
    let form = || format!("'{text}' is not of the form CHAIN_ID=https://URL[,https://URL]");
    let (id, urls) = text.split_once('=').ok_or_else(form)?;
    let id = id.trim().parse::<u64>().ok().filter(|id| (1..=9_007_199_254_740_991).contains(id)).ok_or_else(form)?;
    let urls: Vec<String> = urls.split(',').map(|url| url.trim().to_owned()).collect();
    if urls.iter().any(|url| http_url(url).is_none_or(|url| url.fragment().is_some())) {
        return Err(form());
    }
    // Several endpoints must agree: one that is named twice would agree with itself.
    if urls.iter().collect::<BTreeSet<_>>().len() < urls.len() {
        return Err(format!("'{text}' names an endpoint twice"));
    }
    Ok((id, urls))
}

fn confirmations(text: &str) -> Option<(u64, u64)> {
    let (id, blocks) = text.split_once('=')?;
    Some((id.trim().parse().ok()?, blocks.trim().parse().ok()?))
}

/// Reads the platform's secret, which only functions are given.
///
/// # Errors
/// When it is too short.
pub(crate) fn secret(text: &str) -> Result<MasterSecret, String> {
    MasterSecret::from_text(text).ok_or_else(|| "PLATFORM_SECRET must have at least 32 characters".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, InvalidSetting> {
        Config::local("http://localhost".to_owned()).with_settings(Endpoints::Needed, |setting| {
            let value = pairs.iter().find(|(variable, _)| *variable == setting.variable);
            (setting.variable.to_owned(), value.map(|(_, text)| (*text).to_owned()))
        })
    }

    #[test]
    fn what_can_be_meant_is_read() {
        let config = read(&[("CHAINS", "8453=https://a,https://b; 1=https://c"), ("CONFIRMATIONS", "8453=3")]).unwrap();
        assert!(config.chains.can_settle(8453) && config.chains.can_settle(1));
        let config = read(&[("PUBLIC_URL", "https://pay.example.com/"), ("COUNTRY_HEADER", "X-Country")]).unwrap();
        assert_eq!(config.public_url, "https://pay.example.com");
        assert_eq!(config.country_header.as_deref(), Some("x-country"));
        for (variable, good) in [
            ("PUBLIC_URL", "http://[::1]:8787"),
            ("SHORT_URL", "https://example.com/s"),
            ("CHAINS", "31337=http://user:pw@127.0.0.1:8545/v2/key?x=1"),
            ("TRUSTED_PROXIES", "10"),
        ] {
            assert!(read(&[(variable, good)]).is_ok(), "{variable}={good}");
        }
    }

    #[test]
    fn a_process_that_only_has_to_know_which_chains_are_followed_is_told_no_endpoint() {
        let ids = |setting: &Setting| {
            let value = match setting.variable {
                "CHAINS" => Some("8453; 31337".to_owned()),
                "CONFIRMATIONS" => Some("31337=2".to_owned()),
                _ => None,
            };
            (setting.variable.to_owned(), value)
        };
        let config = Config::local(String::new()).with_settings(Endpoints::MayBeElsewhere, ids).unwrap();
        assert_eq!(config.chains.followed(), BTreeMap::from([(8453, None), (31337, Some(2))]));
        assert_eq!(config.chains.settling().count(), 0);
        assert!(Config::local(String::new()).with_settings(Endpoints::Needed, ids).is_err());
    }

    #[test]
    fn every_value_that_cannot_be_meant_is_refused_at_the_start_with_the_settings_name_and_what_it_must_be() {
        for (variable, bad, must) in [
            ("PUBLIC_URL", "pay.example.com", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "https://", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "https://a b", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "ftp://example.com", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "https:example.com", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "https://example.com:0", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "https://example.com:99999", "not an http:// or https:// URL"),
            ("PUBLIC_URL", "https://example.com/shop", "has a path"),
            ("PUBLIC_URL", "https://example.com/?a=b", "before any '?' or '#'"),
            ("PUBLIC_URL", "https://example.com/#pay", "before any '?' or '#'"),
            ("PUBLIC_URL", "https://me:pw@example.com", "a user name or a password"),
            ("SHORT_URL", "example.com", "not an http:// or https:// URL"),
            ("SHORT_URL", "https://example.com/s?x", "before any '?' or '#'"),
            ("CHAINS", "8453", "of the form CHAIN_ID="),
            ("CHAINS", "x=https://a", "of the form CHAIN_ID="),
            ("CHAINS", "1=ftp://a", "of the form CHAIN_ID="),
            ("CHAINS", "=https://a", "of the form CHAIN_ID="),
            ("CHAINS", "0=https://a", "of the form CHAIN_ID="),
            ("CHAINS", "1=https://", "of the form CHAIN_ID="),
            ("CHAINS", "1=https://a,", "of the form CHAIN_ID="),
            ("CHAINS", "1=https://a,https://a", "an endpoint twice"),
            ("CHAINS", "1=https://a;1=https://b", "has two settings"),
            ("CONFIRMATIONS", "8453=3", "without an RPC endpoint"),
            ("CONFIRMATIONS", "1=0", "1 to 10000 blocks"),
            ("CONFIRMATIONS", "1=10001", "1 to 10000 blocks"),
            ("CONFIRMATIONS", "1=2;1=3", "has two settings"),
            ("CONFIRMATIONS", "1=-1", "of the form CHAIN_ID=BLOCKS"),
            ("TRUSTED_PROXIES", "-1", "from 0 to 10"),
            ("TRUSTED_PROXIES", "11", "from 0 to 10"),
            ("COUNTRY_HEADER", "Country: CH", "not a header's name"),
            ("COUNTRY_HEADER", "-", "not a header's name"),
        ] {
            let mut given = vec![(variable, bad)];
            if variable == "CONFIRMATIONS" && must != "without an RPC endpoint" {
                given.push(("CHAINS", "1=https://a"));
            }
            let refused = read(&given).err().unwrap_or_else(|| panic!("{variable}={bad} was read")).to_string();
            assert!(refused.starts_with(variable) && refused.contains(must), "{variable}={bad}: {refused}");
        }
    }

    #[test]
    fn a_runners_variable_is_its_flag_with_the_platforms_prefix() {
        for setting in SETTINGS {
            let variable = format!("ANYSPEND_{}", setting.flag.to_uppercase().replace('-', "_"));
            assert_eq!(setting.runner_variable, variable);
        }
    }
}
