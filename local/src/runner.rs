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
use anyspend_api::job::Repeated;
use anyspend_api::road::router;
use anyspend_api::seal::MasterSecret;
use anyspend_embedded::Embedded;
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
        let chains = options.chains()?;
        let data = if options.memory { None } else { Some(DataDir::open(&options.data)?) };
        let (db, embedded) = database::open(options, data.as_ref()).await?;
        let secret = data.as_ref().map_or_else(|| Ok(MasterSecret::generate()), DataDir::secret)?;
        let api_key = ensure_key(&db, options.key.as_deref(), data.as_ref()).await?;
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let url = format!("http://{address}");
        let public_url = options.public_url.clone().unwrap_or_else(|| url.clone());
        let config = Config {
            short_url: options.short_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
            chains,
            trusted_proxies: options.trusted_proxies,
            country_header: options.country_header.as_ref().map(|name| name.to_ascii_lowercase()),
            secret: Some(secret),
            ..Config::local(public_url.trim_end_matches('/').to_owned())
        };
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
