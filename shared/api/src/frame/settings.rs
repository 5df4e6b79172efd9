//! The settings that the runner and the functions share, each declared once: its names, what it means, how it is read, and
//! what it must be.
//!
//! A table of our own, and not `clap` as in the runner, which makes its flags from it: `clap` would add 308 KiB to every
//! function for the sake of its environment.

use crate::config::Config;
use crate::seal::MasterSecret;
use anyspend_domain::chain::{ChainAccess, Chains};
use std::collections::BTreeMap;

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
        value: "URL",
        help: "The public address of the checkout pages. The runner's default is the listening address",
        repeats: false,
        read: |draft, text| web_address(text).map(|url| draft.config.public_url = url),
    },
    Setting {
        flag: "short-url",
        runner_variable: "ANYSPEND_SHORT_URL",
        variable: "SHORT_URL",
        parameter: "ShortUrl",
        value: "URL",
        help: "The address short links start with, where they have one of their own",
        repeats: false,
        read: |draft, text| web_address(text).map(|url| draft.config.short_url = Some(url)),
    },
    Setting {
        flag: "chain",
        runner_variable: "ANYSPEND_CHAIN",
        variable: "CHAINS",
        parameter: "Chains",
        value: "ID=URL[,URL]",
        help: "JSON-RPC endpoints of a chain, which follow payments there and allow live links. Of several endpoints more \
               than half must say the same, or the payment waits",
        repeats: true,
        read: |draft, text| {
            let (id, urls) =
                chain(text).ok_or_else(|| format!("'{text}' is not of the form CHAIN_ID=https://URL[,https://URL]"))?;
            draft.chains.entry(id).or_default().rpc_urls = urls;
            Ok(())
        },
    },
    Setting {
        flag: "confirmations",
        runner_variable: "ANYSPEND_CONFIRMATIONS",
        variable: "CONFIRMATIONS",
        parameter: "Confirmations",
        value: "ID=N",
        help: "Blocks before a payment on a chain counts as completed, its own included. Without it, a number known to be \
               safe on the chain, or sooner what the chain itself calls final",
        repeats: true,
        read: |draft, text| {
            let (id, blocks) =
                confirmations(text).ok_or_else(|| format!("'{text}' is not of the form CHAIN_ID=BLOCKS"))?;
            let unknown = || format!("'{text}' names a chain without an RPC endpoint");
            draft.chains.get_mut(&id).ok_or_else(unknown)?.confirmations = Some(blocks);
            Ok(())
        },
    },
    Setting {
        flag: "trusted-proxies",
        runner_variable: "ANYSPEND_TRUSTED_PROXIES",
        variable: "TRUSTED_PROXIES",
        parameter: "TrustedProxies",
        value: "N",
        help: "How many proxies in front may be believed about the client's address; 0 by default",
        repeats: false,
        read: |draft, text| {
            draft.config.trusted_proxies = text.parse().map_err(|_| format!("'{text}' is not a whole number"))?;
            Ok(())
        },
    },
    Setting {
        flag: "country-header",
        runner_variable: "ANYSPEND_COUNTRY_HEADER",
        variable: "COUNTRY_HEADER",
        parameter: "CountryHeader",
        value: "NAME",
        help: "The header in which a proxy in front tells a visitor's country, e.g. CloudFront-Viewer-Country. Without it, \
               countries are unknown",
        repeats: false,
        read: |draft, text| {
            let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
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

/// A configuration in the making.
struct Draft {
    config: Config,
    chains: BTreeMap<u64, ChainAccess>,
}

impl Config {
    /// This configuration with the settings that are given. `given` answers a setting's name, as the operator knows it,
    /// and its value; one that is absent or empty leaves what there is.
    ///
    /// # Errors
    /// With the first setting that is not what it must be.
    pub fn with_settings(self, given: impl Fn(&Setting) -> (String, Option<String>)) -> Result<Self, InvalidSetting> {
        let mut draft = Draft { config: self, chains: BTreeMap::new() };
        for setting in SETTINGS {
            let (name, text) = given(setting);
            let text = text.unwrap_or_default();
            let values: Vec<&str> = if setting.repeats { text.split(';').collect() } else { vec![text.as_str()] };
            for value in values.into_iter().map(str::trim).filter(|value| !value.is_empty()) {
                (setting.read)(&mut draft, value).map_err(|why| InvalidSetting { name: name.clone(), why })?;
            }
        }
        if !draft.chains.is_empty() {
            draft.config.chains = Chains::new(draft.chains);
        }
        Ok(draft.config)
    }
}

/// An address without a trailing slash.
fn web_address(text: &str) -> Result<String, String> {
    let is_address = ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if !is_address || text.contains(char::is_whitespace) {
        return Err(format!("'{text}' is not an http:// or https:// URL"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn chain(text: &str) -> Option<(u64, Vec<String>)> {
    let (id, urls) = text.split_once('=')?;
    let id = id.trim().parse::<u64>().ok().filter(|id| (1..=9_007_199_254_740_991).contains(id))?;
    let urls: Vec<String> = urls.split(',').map(|url| url.trim().to_owned()).collect();
    urls.iter().all(|url| url.starts_with("http://") || url.starts_with("https://")).then_some((id, urls))
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
        Config::local("http://localhost".to_owned()).with_settings(|setting| {
            let value = pairs.iter().find(|(variable, _)| *variable == setting.variable);
            (setting.variable.to_owned(), value.map(|(_, text)| (*text).to_owned()))
        })
    }

    #[test]
    fn chain_settings_are_read_or_refused_with_their_own_words() {
        let config = read(&[("CHAINS", "8453=https://a,https://b; 1=https://c"), ("CONFIRMATIONS", "8453=3")]).unwrap();
        assert!(config.chains.can_settle(8453) && config.chains.can_settle(1));
        for bad in ["8453", "x=https://a", "1=ftp://a", "=https://a", "0=https://a"] {
            assert!(read(&[("CHAINS", bad)]).unwrap_err().to_string().contains(bad), "{bad}");
        }
        assert!(read(&[("CONFIRMATIONS", "8453=3")]).is_err());
    }

    #[test]
    fn a_value_that_cannot_be_meant_is_refused_with_the_settings_name() {
        for (variable, bad) in [
            ("PUBLIC_URL", "pay.example.com"),
            ("PUBLIC_URL", "https://"),
            ("SHORT_URL", "https://a b"),
            ("TRUSTED_PROXIES", "-1"),
            ("COUNTRY_HEADER", "Country: CH"),
        ] {
            let refused = read(&[(variable, bad)]).unwrap_err().to_string();
            assert!(refused.starts_with(variable) && refused.contains(bad), "{refused}");
        }
        let config = read(&[("PUBLIC_URL", "https://pay.example.com/"), ("COUNTRY_HEADER", "X-Country")]).unwrap();
        assert_eq!(config.public_url, "https://pay.example.com");
        assert_eq!(config.country_header.as_deref(), Some("x-country"));
    }

    #[test]
    fn a_runners_variable_is_its_flag_with_the_platforms_prefix() {
        for setting in SETTINGS {
            let variable = format!("ANYSPEND_{}", setting.flag.to_uppercase().replace('-', "_"));
            assert_eq!(setting.runner_variable, variable);
        }
    }
}
