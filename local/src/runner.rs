//! Starts everything, says that it is ready, and stops it cleanly.

use crate::data_dir::DataDir;
use crate::groups;
use crate::options::Options;
use anyspend_api::clock::Clock;
use anyspend_api::config::Config;
use anyspend_api::road::{PeerAddress, router};
use anyspend_api::seal::MasterSecret;
use anyspend_api::version::Version;
use anyspend_api::{Platform, config};
use anyspend_domain::api_key::{ApiKey, KeyText, Permissions};
use anyspend_domain::organization::Organization;
use anyspend_domain::text::Name;
use anyspend_domain::{ApiKeyId, Mode, OrgId, Owner, Timestamp};
use anyspend_embedded::Embedded;
use anyspend_sender::Sender;
use anyspend_store::db::Connection;
use anyspend_store::{CommitError, Db, Refusal, api_keys, organizations, schema};
use axum::extract::{ConnectInfo, Request};
use axum::serve::ListenerExt;
use deliver_webhooks::Deliverer;
use deliver_webhooks::host::USER_AGENT;
use settle::Settler;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// The one organization of a local platform.
const LOCAL_ORG: &str = "org_00000000000000000000000LCL";
/// The table's name on the embedded engine.
const EMBEDDED_TABLE: &str = "anyspend-platform";
/// Expired items are looked for no more often than this, because the look goes through the whole table.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long webhooks on their way may take once the process was asked to stop. What is cut off is delivered after the next
/// start, once its lease has ended.
const DELIVERIES_DRAIN: Duration = Duration::from_secs(2);
/// How long requests in flight may take once the process was asked to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// A platform that is listening and not yet serving.
pub struct Runner {
    /// Where it listens.
    pub url: String,
    /// A key that works.
    pub api_key: String,
    listener: TcpListener,
    platform: Arc<Platform>,
    embedded: Option<Embedded>,
    settler: Option<Settler>,
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
        let (db, embedded) = open_database(options, data.as_ref()).await?;
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
        let jobs_every = Duration::from_secs(options.jobs_every);
        let settler = Some(Settler::new(platform.clone())?).filter(Settler::has_work);
        Ok(Self { url, api_key, listener, platform, embedded, settler, jobs_every, _data: data })
    }

    /// Serves until `stop` resolves, then lets requests in flight finish.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
        let app = router(groups(), self.platform.clone()).layer(axum::middleware::map_request(note_peer));
        let mut jobs = vec![tokio::spawn(look_after_lists(self.platform.clone(), self.jobs_every))];
        jobs.extend(self.embedded.as_ref().map(|embedded| tokio::spawn(sweep(embedded.sweeper(), self.jobs_every))));
        jobs.extend(self.settler.map(|settler| tokio::spawn(follow_chains(settler, self.jobs_every))));
        jobs.push(tokio::spawn(count_statistics(self.platform.clone(), self.jobs_every)));
        jobs.push(tokio::spawn(end_sessions(self.platform.clone(), self.jobs_every)));
        let deliverer = Deliverer::new(self.platform.clone(), Sender::new(USER_AGENT)?);
        jobs.push(tokio::spawn(deliver(deliverer.clone(), self.jobs_every)));
        let (stopping, mut asked) = tokio::sync::watch::channel(false);
        let accepted = Arc::new(AtomicU64::new(0));
        let counter = accepted.clone();
        let listener = self.listener.tap_io(move |stream| {
            counter.fetch_add(1, Ordering::Relaxed);
            // Answers are written whole: waiting to fill a packet would only delay them.
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move {
                stop.await;
                let _ = stopping.send(true);
                quiet(&accepted).await;
            });
        let overdue = async {
            // An error means that serving ended, and the other branch with it.
            let _ = asked.wait_for(|asked| *asked).await;
            tokio::time::sleep(DRAIN).await;
        };
        let served = tokio::select! {
            served = async { serving.await } => served.map_err(|error| format!("the server failed: {error}")),
            () = overdue => Ok(()),
        };
        // A job may end anywhere: what it has not finished, its next run does.
        for job in jobs {
            job.abort();
            // Until it is gone, it holds the platform.
            let _ = job.await;
        }
        let _ = tokio::time::timeout(DELIVERIES_DRAIN, deliverer.finished()).await;
        deliverer.abort().await;
        drop(deliverer);
        // The platform holds the way to the engine, which can then stop.
        drop(self.platform);
        if let Some(embedded) = self.embedded {
            let stopped = tokio::task::spawn_blocking(move || embedded.stop());
            let _ = tokio::time::timeout(Duration::from_secs(5), stopped).await;
        }
        served
    }
}

/// Waits until no connection has arrived for a moment: one that the kernel has taken in already would be reset when
/// the listener closes, together with the request on it.
async fn quiet(accepted: &AtomicU64) {
    const MOMENT: Duration = Duration::from_millis(100);
    const LONGEST: u32 = 20;
    let mut before = accepted.load(Ordering::Relaxed);
    for _ in 0..LONGEST {
        tokio::time::sleep(MOMENT).await;
        let now = accepted.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

async fn note_peer(mut request: Request) -> Request {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        request.extensions_mut().insert(PeerAddress(peer.ip()));
    }
    request
}

/// Webhooks: what the stream and the schedule do on AWS.
async fn deliver(deliverer: Deliverer, jobs_every: Duration) {
    let mut ticks = tokio::time::interval(jobs_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = deliverer.sweep().await {
            tracing::error!(%error, "webhooks could not be looked through");
        }
    }
}

/// Counts the statistics of links until it is stopped.
async fn count_statistics(platform: Arc<Platform>, jobs_every: Duration) {
    let mut ticks = tokio::time::interval(jobs_every);
    // A run that took long is not made up for by several at once.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match rollup_stats::job(platform.db.metered(), platform.clock.now()).await {
            Ok(done) if done.links > 0 || done.days > 0 => tracing::info!(?done, "statistics counted"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "statistics could not be counted"),
        }
    }
}

/// Takes down which sessions time has ended until it is stopped.
async fn end_sessions(platform: Arc<Platform>, jobs_every: Duration) {
    let mut ticks = tokio::time::interval(jobs_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = end_sessions::run(&platform).await {
            tracing::error!(%error, "sessions could not be ended");
        }
    }
}

async fn look_after_lists(platform: Arc<Platform>, jobs_every: Duration) {
    let mut ticks = tokio::time::interval(jobs_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match compact_lists::job(platform.db.metered(), platform.clock.now()).await {
            Ok(0) => {}
            Ok(published) => tracing::info!(published, "lists compacted"),
            Err(error) => tracing::error!(%error, "lists could not be looked after"),
        }
    }
}

async fn sweep(sweeper: impl Fn() -> Result<usize, String> + Send + Clone + 'static, jobs_every: Duration) {
    let mut ticks = tokio::time::interval(jobs_every.max(SWEEP_EVERY));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let sweeper = sweeper.clone();
        match tokio::task::spawn_blocking(sweeper).await {
            Ok(Ok(0)) => {}
            Ok(Ok(deleted)) => tracing::info!(deleted, "expired items deleted"),
            Ok(Err(error)) => tracing::error!(error, "expired items could not be deleted"),
            Err(_) => return,
        }
    }
}

/// Follows payments on the configured chains until it is stopped; where that catches it, the next start goes on.
async fn follow_chains(settler: Settler, jobs_every: Duration) {
    let mut ticks = tokio::time::interval(jobs_every);
    // A run that took long is not made up for by several at once.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        settler.run().await;
    }
}

async fn open_database(options: &Options, data: Option<&DataDir>) -> Result<(Db, Option<Embedded>), String> {
    let (connection, table, embedded) = match &options.dynamodb {
        Some(url) => (config::connection_to(url), options.table.as_str(), None),
        None => {
            let embedded = Embedded::start(data.map(DataDir::database).as_deref())?;
            (Connection::in_process(embedded.http_client()), EMBEDDED_TABLE, Some(embedded))
        }
    };
    let client = connection.client();
    schema::create_table_if_absent(&client, table).await?;
    Ok((Db::new(client, table), embedded))
}

/// Makes sure that an admin key exists: the one asked for, the one in the data directory, or a fresh one.
async fn ensure_key(db: &Db, asked: Option<&str>, data: Option<&DataDir>) -> Result<String, String> {
    let text = match (asked, data) {
        (Some(key), _) => key.to_owned(),
        (None, Some(data)) => data.first_key()?,
        (None, None) => KeyText::generate(Mode::Test).expose().to_owned(),
    };
    let key = KeyText::parse(&text).ok_or(
        "the API key must be 'asp_test_' or 'asp_live_' and 32 or more letters and digits \
         (and of a key minted here, every character must be right)",
    )?;
    let now = Clock::System.now();
    if let Some(existing) = db.find_api_key_by_hash(key.hash()).await.map_err(|error| error.to_string())? {
        return match existing.is_active(now) {
            true => Ok(text),
            false => Err("this API key was revoked or has expired; pass another one with --key".to_owned()),
        };
    }
    let org = OrgId::parse(LOCAL_ORG).ok_or("the local organization's id is malformed")?;
    ensure_organization(db, &org, now).await?;
    let name = Name::parse("Local runner").map_err(|invalid| invalid.must)?;
    let stored = ApiKey {
        id: ApiKeyId::generate(now),
        owner: Owner { org, mode: key.mode() },
        hash: key.hash(),
        prefix: key.prefix().to_owned(),
        name,
        permissions: Permissions::admin(),
        pinned_version: Version::current().name().to_owned(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    let writes = api_keys::create(&stored).map_err(|error| error.to_string())?;
    db.commit(writes).await.map_err(|error| format!("cannot create the API key: {error:?}"))?;
    Ok(text)
}

async fn ensure_organization(db: &Db, org: &OrgId, now: Timestamp) -> Result<(), String> {
    let name = Name::parse("Local organization").map_err(|invalid| invalid.must)?;
    let organization = Organization::new(org.clone(), name, now);
    let write = organizations::create(&organization).map_err(|error| error.to_string())?;
    match db.commit(vec![write]).await {
        Ok(()) | Err(CommitError::Refused { refusal: Refusal::Taken, .. }) => Ok(()),
        Err(error) => Err(format!("cannot create the local organization: {error:?}")),
    }
}
