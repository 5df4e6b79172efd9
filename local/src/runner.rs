//! Starts everything, says that it is ready, and stops it cleanly.

use crate::data_dir::DataDir;
use crate::first_key::ensure_key;
use crate::jobs::{self, Running, Sweeper};
use crate::options::Options;
use crate::serving::{self, Patience};
use crate::{database, groups};
use anyspend_api::Platform;
use anyspend_api::clock::Clock;
use anyspend_api::config::Config;
use anyspend_api::door::TrustedHosts;
use anyspend_api::job::Repeated;
use anyspend_api::road::router;
use anyspend_api::seal::MasterSecret;
use anyspend_domain::webhook::Reach;
use anyspend_embedded::Embedded;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// A platform that is listening and not yet serving.
pub struct Runner {
    /// Where it listens.
    pub url: String,
    /// A key that works.
    pub api_key: String,
    listener: TcpListener,
    platform: Arc<Platform>,
    embedded: Option<Embedded>,
    jobs: Vec<Arc<dyn Repeated>>,
    jobs_every: Duration,
    /// Held until the process ends.
    _data: Option<DataDir>,
}

impl Runner {
    /// Opens the database, makes sure of the key, and listens.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn prepare(options: &Options) -> Result<Self, String> {
        if !options.listen.ip().is_loopback() && !options.allow_remote {
            return Err(format!(
                "{} can be reached by other machines: pass --allow-remote if that is meant",
                options.listen
            ));
        }
        // Checked before anything is made.
        let settings = options.platform.on(Config::local(String::new())).map_err(|invalid| invalid.to_string())?;
        let data = if options.memory { None } else { Some(DataDir::open(&options.data)?) };
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let secret = data.as_ref().map_or_else(|| Ok(MasterSecret::generate()), DataDir::secret)?;
        let (config, url) = configured(options, settings, secret, address)?;
        let (db, embedded) = database::open(options, data.as_ref()).await?;
        let api_key = ensure_key(&db, options.key.as_deref(), data.as_ref()).await?;
        let platform = Platform::new(db, config, Clock::System);
        let jobs = jobs::prepare(&platform).map_err(|error| error.to_string())?;
        let jobs_every = Duration::from_secs(options.jobs_every);
        Ok(Self { url, api_key, listener, platform, embedded, jobs, jobs_every, _data: data })
    }

    /// Serves until `stop` resolves, then lets requests in flight finish.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
        let sweeper = self.embedded.as_ref().map(|embedded| Sweeper::new(embedded.sweeper()));
        let jobs = Running::start(self.jobs, sweeper, self.jobs_every);
        let app = router(groups(), self.platform.clone());
        let proxied = self.platform.config.trusted_proxies > 0;
        let served = serving::serve(self.listener, app, proxied, Patience::default(), stop).await;
        jobs.stop().await;
        // The platform holds the way to the engine, which can then stop.
        drop(self.platform);
        if let Some(embedded) = self.embedded {
            database::stop(embedded).await;
        }
        served
    }
}

/// The configuration of a platform that listens on this address, and the address it is reached at.
fn configured(
    options: &Options,
    settings: Config,
    secret: MasterSecret,
    listens: SocketAddr,
) -> Result<(Config, String), String> {
    let everywhere = listens.ip().is_unspecified();
    if everywhere && settings.public_url.is_empty() && options.allow_host.is_empty() {
        return Err(format!(
            "{listens} is no name to be asked for: say with --public-url or --allow-host under which this service is reached"
        ));
    }
    let url = match everywhere {
        true => format!("http://127.0.0.1:{}", listens.port()),
        false => format!("http://{listens}"),
    };
    let mut config = Config { secret: Some(secret), ..settings };
    if config.public_url.is_empty() {
        config.public_url.clone_from(&url);
    }
    let urls = [Some(url.as_str()), Some(config.public_url.as_str()), config.short_url.as_deref()];
    let names = urls.into_iter().flatten().filter_map(authority).chain(options.allow_host.iter().map(String::as_str));
    config.trusted_hosts = Some(TrustedHosts::new(names));
    if options.allow_remote {
        // Whoever may reach this service from elsewhere must not reach this machine's own services through it.
        config.webhook_reach = Reach::Public;
    }
    Ok((config, url))
}

/// The `host[:port]` of a URL.
fn authority(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split('/').next()
}
