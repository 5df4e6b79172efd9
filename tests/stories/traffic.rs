//! What happens to a link, written as the platform writes it, and counted here by hand to compare with.

use crate::{create_link, path_of};
use anyspend_domain::checkout_session::{Attribution, CheckoutSession, NewCheckoutSession, Purchase, Source};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::statistics::{Country, TimeBucket, Visitor, VisitorHash};
use anyspend_domain::text::UtmTag;
use anyspend_domain::{Amount, CheckoutSessionId, PaymentLinkRef, Timestamp, TransactionId, VisitorId, chain::Chains};
use anyspend_store::facts;
use anyspend_testing::{App, Client};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Source, medium and campaign.
pub(crate) type Tags = [Option<&'static str>; 3];

/// What happened once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Somebody opened the page.
    View(u32),
    /// A session was opened.
    Session,
    /// A payment of so much completed.
    Completion(u64),
}

#[derive(Debug, Clone)]
struct Event {
    at: Timestamp,
    deed: Deed,
    tags: Tags,
}

/// A link to which things happen.
pub(crate) struct Traffic<'a> {
    app: &'a App,
    pub(crate) link: PaymentLink,
    pub(crate) path: String,
    events: Vec<Event>,
}

/// As if the rollup had gone through all the time until now, in which nothing happened.
pub(crate) async fn skip_quiet_time(app: &App) {
    let (db, closed) = (&app.platform.db, TimeBucket::of(app.now()).minus(2));
    db.advance_rollup(db.rollup_progress().await.unwrap(), closed).await.unwrap();
}

/// A tag, made without complaint.
fn attribution(tags: Tags) -> Attribution {
    let tag = |tag: Option<&str>| tag.map(|tag| UtmTag::parse(tag).unwrap());
    Attribution { source: tag(tags[0]), medium: tag(tags[1]), campaign: tag(tags[2]) }
}

/// What a platform makes of the n-th visitor.
pub(crate) fn hash(visitor: u32) -> VisitorHash {
    let mut mac = [0; 32];
    mac[..4].copy_from_slice(&visitor.to_be_bytes());
    VisitorHash::of_mac(&mac)
}

impl<'a> Traffic<'a> {
    /// A new link of this caller.
    pub(crate) async fn on_new_link(app: &'a App, client: &Client<'_>) -> Self {
        let created = create_link(client, json!({})).await;
        let wanted = PaymentLinkRef::parse(created["id"].as_str().unwrap()).unwrap();
        let link = app.platform.db.find_payment_link(&wanted).await.unwrap().unwrap();
        Self { app, link, path: path_of(&created), events: Vec::new() }
    }

    /// Records a visit with everything a visit can say.
    pub(crate) async fn visit(&mut self, at: Timestamp, visitor: u32, tags: Tags) -> Visitor {
        let visitor_row = Visitor {
            id: VisitorId::generate(at, &self.link.id.short_code()),
            owner: self.link.owner.clone(),
            payment_link_id: self.link.id.clone(),
            ip_country: Country::parse("US"),
            referrer: Some("https://twitter.com".to_owned()),
            user_agent: Some("Mozilla/5.0 ...".to_owned()),
            attribution: attribution(tags),
            hash: hash(visitor),
            started_session: false,
        };
        self.app.platform.db.record_view(&visitor_row).await.unwrap();
        self.events.push(Event { at, deed: Deed::View(visitor), tags });
        visitor_row
    }

    /// A session of the link, opened at a moment.
    pub(crate) fn session(&self, at: Timestamp, tags: Tags) -> CheckoutSession {
        let request = NewCheckoutSession {
            purchase: Purchase { attribution: attribution(tags), ..Purchase::default() },
            ..NewCheckoutSession::default()
        };
        let (id, owner) = (CheckoutSessionId::generate(at, &self.link.id.short_code()), self.link.owner.clone());
        CheckoutSession::open(id, owner, request, Source::Link(&self.link), at, &Chains::default()).unwrap()
    }

    /// Makes something happen.
    pub(crate) async fn happen(&mut self, at: Timestamp, deed: Deed, tags: Tags) {
        let session = self.session(at, tags);
        let write = match deed {
            Deed::View(visitor) => {
                self.visit(at, visitor, tags).await;
                return;
            }
            Deed::Session => facts::session_opened(&session),
            Deed::Completion(amount) => {
                let amount = Amount::parse(&amount.to_string()).unwrap();
                facts::payment_completed(&session, &TransactionId::generate(at), amount, at)
            }
        };
        self.app.platform.db.commit(vec![write.unwrap().unwrap()]).await.unwrap();
        self.events.push(Event { at, deed, tags });
    }

    /// What the link's statistics say.
    pub(crate) async fn stats(&self, client: &Client<'_>) -> Value {
        client.get(&format!("{}/stats?days=365", self.path)).await.expect(200)
    }

    /// Demands that the link's statistics are what happened, as counted by hand.
    #[track_caller]
    pub(crate) fn check(&self, stats: &Value, when: &str) {
        let (views, sessions, completed, volume) = count(self.events.iter());
        let seen = ["views", "sessions", "completed", "total_volume"].map(|name| stats[name].clone());
        assert_eq!(seen, [json!(views), json!(sessions), json!(completed), json!(volume.to_string())], "{when}");
        let absent = ["direct", "none", "none"];
        for (place, dimension) in ["sources", "mediums", "campaigns"].into_iter().enumerate() {
            let mut values: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
            for event in &self.events {
                values.entry(event.tags[place].unwrap_or(absent[place])).or_default().push(event);
            }
            let values: Map<String, Value> = values
                .into_iter()
                .map(|(value, events)| {
                    let (views, sessions, completed, _) = count(events.into_iter());
                    (value.to_owned(), json!({"views": views, "sessions": sessions, "completed": completed}))
                })
                .collect();
            assert_eq!(stats["utm_breakdown"][dimension], Value::Object(values), "{when}: {dimension}");
        }
        let mut days: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
        for event in &self.events {
            days.entry(event.at.to_iso8601()[..10].to_owned()).or_default().push(event);
        }
        let wanted: Vec<Value> = days
            .into_iter()
            .map(|(date, events)| {
                let (views, sessions, completed, volume) = count(events.iter().copied());
                let visitors: BTreeSet<u32> = events
                    .iter()
                    .filter_map(|event| if let Deed::View(visitor) = event.deed { Some(visitor) } else { None })
                    .collect();
                json!({
                    "date": date, "views": views, "unique_visitors": visitors.len(), "sessions": sessions,
                    "completed": completed, "volume": volume.to_string(),
                })
            })
            .collect();
        let daily = stats["daily"].as_array().unwrap().iter();
        let something = |day: &&Value| ["views", "sessions", "completed"].iter().any(|name| day[*name] != json!(0));
        assert_eq!(daily.filter(something).cloned().collect::<Vec<_>>(), wanted, "{when}");
    }
}

fn count<'e>(events: impl Iterator<Item = &'e Event>) -> (u64, u64, u64, u64) {
    events.fold((0, 0, 0, 0), |(views, sessions, completed, volume), event| match event.deed {
        Deed::View(_) => (views + 1, sessions, completed, volume),
        Deed::Session => (views, sessions + 1, completed, volume),
        Deed::Completion(amount) => (views, sessions, completed + 1, volume + amount),
    })
}

/// A small generator of the same numbers for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Something that happens, with tags of few values.
    pub(crate) fn event(&mut self) -> (Deed, Tags) {
        let deed = match self.roll(10) {
            0..=5 => Deed::View(u32::try_from(self.roll(6)).unwrap()),
            6..=7 => Deed::Session,
            _ => Deed::Completion(1 + self.roll(1_000_000)),
        };
        let mut tag = |values: &[&'static str]| {
            let place = usize::try_from(self.roll(values.len() as u64 + 1)).unwrap();
            values.get(place).copied()
        };
        (deed, [tag(&["twitter", "email"]), tag(&["social", "newsletter"]), tag(&["launch_feb_2026"])])
    }
}
