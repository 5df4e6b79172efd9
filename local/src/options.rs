//! The runner's options: flags first, then the environment, then defaults.

use anyspend_api::config::Config;
use anyspend_api::settings::{Endpoints, InvalidSetting, SETTINGS, Setting};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, Parser};
use std::collections::HashMap;
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

    /// What the functions are told, too.
    #[command(flatten)]
    pub platform: PlatformSettings,

    /// Allow listening on an address other machines can reach. Webhooks then never go to this machine.
    #[arg(long, env = "ANYSPEND_ALLOW_REMOTE")]
    pub allow_remote: bool,

    /// Another name this service is asked for, beside localhost, the listening address and those of --public-url and
    /// --short-url (repeatable; with `;` between in the variable). Requests under any other name are refused.
    #[arg(long, env = "ANYSPEND_ALLOW_HOST", value_name = "HOST", value_delimiter = ';')]
    pub allow_host: Vec<String>,
}

/// The settings that the runner shares with the functions, as flags and variables: [`SETTINGS`] declares them.
#[derive(Debug, Clone, Default)]
pub struct PlatformSettings(HashMap<&'static str, String>);

impl PlatformSettings {
    /// A configuration with these settings.
    ///
    /// # Errors
    /// With the first setting that is not what it must be.
    pub fn on(&self, config: Config) -> Result<Config, InvalidSetting> {
        config.with_settings(Endpoints::Needed, |setting| {
            (format!("--{}", setting.flag), self.0.get(setting.flag).cloned())
        })
    }
}

impl Args for PlatformSettings {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| command.arg(flag(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PlatformSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = SETTINGS.iter().filter_map(|setting| {
            let values: Vec<&str> = matches.get_many::<String>(setting.flag)?.map(String::as_str).collect();
            Some((setting.flag, values.join(";")))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(setting: &'static Setting) -> Arg {
    let flag = Arg::new(setting.flag).long(setting.flag).env(setting.runner_variable).value_name(setting.value);
    match setting.repeats {
        true => flag
            .action(ArgAction::Append)
            .value_delimiter(';')
            .help(format!("{} (repeatable; with `;` between in the variable)", setting.help)),
        false => flag.help(setting.help),
    }
}
