//! What a deployment decides, read from the environment once.

use crate::door::TrustedHosts;
use crate::kms::Kms;
use crate::seal::MasterSecret;
use crate::settings::{self, Endpoints, Setting};
use anyspend_domain::chain::Chains;
use anyspend_domain::webhook::Reach;
use anyspend_store::db::Connection;
use std::collections::BTreeSet;

/// What a deployment decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where checkout pages are served, without a trailing slash.
    pub public_url: String,
    /// Where short links are served, if not under `{public_url}/l`.
    pub short_url: Option<String>,
    /// The chains payments settle on.
    pub chains: Chains,
    /// How many proxies in front may be believed about the client's address.
    pub trusted_proxies: usize,
    /// The header, in lower case, in which a trusted proxy in front tells the visitor's country, e.g.
    /// `cloudfront-viewer-country`. Without one, countries are unknown: any caller could write a header.
    pub country_header: Option<String>,
    /// The secret that session tokens and kept secrets hang on; without one, neither exists.
    pub secret: Option<MasterSecret>,
    /// Whether every answer says what it cost; answers in test mode always do.
    pub server_timing: bool,
    /// The names it answers under, where its listener is its own; `None` behind a gateway, which knows them.
    pub trusted_hosts: Option<TrustedHosts>,
    /// How far webhook endpoints may be away.
    pub webhook_reach: Reach,
    /// Most bytes of an answer, written as a JSON string, where the host takes answers as a whole only; `None` where it
    /// sends them on as they are made.
    pub largest_answer: Option<usize>,
}

/// What Lambda takes from a function, 6 MiB, less what the headers and the envelope around the body can need.
const LARGEST_LAMBDA_ANSWER: usize = 6 * 1024 * 1024 - 64 * 1024;

impl Config {
    /// A configuration for one process on this machine.
    pub fn local(public_url: String) -> Self {
        Self {
            public_url,
            short_url: None,
            chains: Chains::default(),
            trusted_proxies: 0,
            country_header: None,
            secret: None,
            server_timing: true,
            trusted_hosts: None,
            webhook_reach: Reach::LoopbackInTestMode,
            largest_answer: None,
        }
    }

    /// A function's configuration: the variables of [`SETTINGS`](crate::settings::SETTINGS), `PLATFORM_SECRET` and
    /// `SERVER_TIMING`.
    ///
    /// # Errors
    /// A sentence for the operator that names the variable.
    pub fn from_env() -> Result<Self, String> {
        let config = Self {
            secret: variable("PLATFORM_SECRET").map(|text| settings::secret(&text)).transpose()?,
            server_timing: variable("SERVER_TIMING").is_some_and(|text| text == "1" || text == "true"),
            // Not for an operator to choose: on Lambda, loopback is the runtime API.
            webhook_reach: Reach::Public,
            largest_answer: Some(LARGEST_LAMBDA_ANSWER),
            ..Self::local(String::new())
        };
        let given = |setting: &Setting| (setting.variable.to_owned(), variable(setting.variable));
        let config = config.with_settings(Endpoints::MayBeElsewhere, given).map_err(|invalid| invalid.to_string())?;
        if let Some(told) = variable("FOLLOWED_CHAINS") {
            same_chains(&told, &config.chains)?;
        }
        if config.public_url.is_empty() {
            return Err("PUBLIC_URL is not set: where are checkout pages served?".to_owned());
        }
        Ok(config)
    }

    /// A checkout page's address.
    pub fn page_url(&self, code: &anyspend_domain::ShortCode) -> String {
        format!("{}/pay/{code}", self.public_url)
    }

    /// A session's checkout page's address.
    pub fn session_url(&self, id: &anyspend_domain::CheckoutSessionId) -> String {
        format!("{}/pay/s/{id}", self.public_url)
    }

    /// A short link.
    pub fn short_link(&self, code: &anyspend_domain::ShortCode) -> String {
        match &self.short_url {
            Some(base) => format!("{base}/{code}"),
            None => format!("{}/l/{code}", self.public_url),
        }
    }
}

/// Whoever follows chains must follow those that the others were told are followed: a payment on another would never be
/// noticed.
fn same_chains(told: &str, reached: &Chains) -> Result<(), String> {
    let told: BTreeSet<&str> = told.split(';').map(str::trim).filter(|id| !id.is_empty()).collect();
    let reached: Vec<String> = reached.settling().map(|(id, _)| id.to_string()).collect();
    if told == reached.iter().map(String::as_str).collect() {
        return Ok(());
    }
    let told: Vec<&str> = told.into_iter().collect();
    Err(format!("FOLLOWED_CHAINS names {told:?} and CHAINS {reached:?}: both must name the same chains"))
}

/// How Lambda reaches the table: the function's own role, in its own region.
///
/// # Errors
/// A sentence for the operator that names the missing variable.
pub fn connection_from_env() -> Result<(Connection, String), String> {
    let demand = |name: &str| variable(name).ok_or_else(|| format!("{name} is not set"));
    let connection = Connection {
        region: demand("AWS_REGION")?,
        endpoint: variable("AWS_ENDPOINT_URL_DYNAMODB"),
        credentials: (demand("AWS_ACCESS_KEY_ID")?, demand("AWS_SECRET_ACCESS_KEY")?, variable("AWS_SESSION_TOKEN")),
        http_client: None,
    };
    Ok((connection, demand("TABLE_NAME")?))
}

/// The KMS key around the platform's secret, `PLATFORM_KEY`, where the deployment has one.
pub fn kms_from_env(connection: &Connection, table: &str) -> Option<Kms> {
    variable("PLATFORM_KEY").map(|key| Kms::new(connection, variable("AWS_ENDPOINT_URL_KMS"), key, table.to_owned()))
}

/// A DynamoDB endpoint that an operator named: with the environment's credentials, or any for an engine that takes any.
pub fn connection_to(endpoint: &str) -> Connection {
    let local = Connection::local(endpoint.to_owned());
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Connection {
            region: variable("AWS_REGION").unwrap_or(local.region),
            credentials: (id, secret, variable("AWS_SESSION_TOKEN")),
            ..local
        },
        _ => local,
    }
}

/// The log filter, `info` unless `RUST_LOG` says otherwise.
pub fn log_filter() -> String {
    variable("RUST_LOG").unwrap_or_else(|| "info".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "this is the one home of the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyspend_domain::chain::ChainAccess;

    #[test]
    fn a_chain_that_is_told_to_be_followed_and_is_not_stops_the_start() {
        let access = ChainAccess { rpc_urls: vec!["https://a".to_owned()], confirmations: None };
        let reached = Chains::new([(1, access.clone()), (8453, access)].into());
        for same in ["1;8453", "8453; 1;"] {
            assert_eq!(same_chains(same, &reached), Ok(()), "{same}");
        }
        for other in ["1", "1;8453;137", "8453", "x"] {
            assert!(same_chains(other, &reached).is_err(), "{other}");
        }
    }
}
