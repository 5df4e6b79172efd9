//! The runner's options: flags first, then the environment, then defaults.

use anyspend_domain::chain::Chains;
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The AnySpend Platform API in one process: every route group on an embedded, persistent DynamoDB.
#[derive(Debug, Clone, Parser)]
#[command(name = "anyspend", version, args_override_self = true)]
pub struct Options {
    /// Where to serve; port 0 takes any free port.
    #[arg(long, env = "ANYSPEND_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Keep data in this directory: the database, the first API key, the secret that encrypts kept answers.
    #[arg(long, env = "ANYSPEND_DATA", default_value = "./.data", value_name = "DIR")]
    pub data: PathBuf,

    /// Keep data nowhere: everything is gone when the process ends.
    #[arg(long, env = "ANYSPEND_MEMORY")]
    pub memory: bool,

    /// JSON-RPC endpoints of a chain, which follow payments there and allow live links (repeatable; with `;` between in
    /// the variable). Of several endpoints more than half must say the same, or the payment waits.
    #[arg(long, env = "ANYSPEND_CHAIN", value_name = "ID=URL[,URL]", value_delimiter = ';')]
    pub chain: Vec<String>,

    /// Blocks before a payment on a chain counts as completed, its own included (repeatable; with `;` between in the
    /// variable). Without it, a number known to be safe on the chain, or sooner what the chain itself calls final.
    #[arg(long, env = "ANYSPEND_CONFIRMATIONS", value_name = "ID=N", value_delimiter = ';')]
    pub confirmations: Vec<String>,

    /// How often background jobs run, in seconds: following payments on chain, delivering webhooks, counting statistics,
    /// looking after lists, and, at most every minute, deleting expired items.
    #[arg(long, env = "ANYSPEND_JOBS_EVERY", default_value_t = 2, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub jobs_every: u64,

    /// Use another DynamoDB endpoint (DynamoDB Local, AWS) instead of the embedded one; the table is created if
    /// absent. Credentials come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    #[arg(long, env = "ANYSPEND_DYNAMODB", value_name = "URL")]
    pub dynamodb: Option<String>,

    /// The table's name at another DynamoDB endpoint.
    #[arg(long, env = "ANYSPEND_TABLE", default_value = "anyspend-platform", value_name = "NAME")]
    pub table: String,

    /// Make sure this admin API key exists (`asp_test_…` or `asp_live_…`, 32 or more letters and digits). Without
    /// it, a fresh test key is minted on the first start and kept in the data directory.
    #[arg(long, env = "ANYSPEND_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,

    /// The public address of the checkout pages, where it is not the listening address.
    #[arg(long, env = "ANYSPEND_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// The address short links start with, where they have one of their own.
    #[arg(long, env = "ANYSPEND_SHORT_URL", value_name = "URL")]
    pub short_url: Option<String>,

    /// How many proxies in front may be believed about the client's address.
    #[arg(long, env = "ANYSPEND_TRUSTED_PROXIES", default_value_t = 0, value_name = "N")]
    pub trusted_proxies: usize,

    /// The header in which a proxy in front tells a visitor's country, e.g. `CloudFront-Viewer-Country`. Without it,
    /// countries are unknown.
    #[arg(long, env = "ANYSPEND_COUNTRY_HEADER", value_name = "NAME")]
    pub country_header: Option<String>,

    /// Allow listening on an address other machines can reach.
    #[arg(long, env = "ANYSPEND_ALLOW_REMOTE")]
    pub allow_remote: bool,
}

impl Options {
    /// The chains as configured.
    ///
    /// # Errors
    /// A sentence that quotes what cannot be read.
    pub fn chains(&self) -> Result<Chains, String> {
        anyspend_api::config::parse_chains(&self.chain, &self.confirmations)
    }
}
