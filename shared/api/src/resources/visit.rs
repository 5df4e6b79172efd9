//! A visit as a request tells it: who came, by which campaign, without keeping who it was.

use crate::call::Call;
use anyspend_domain::checkout_session::Attribution;
use anyspend_domain::pasted::without_controls;
use anyspend_domain::statistics::{Day, MAX_REFERRER_BYTES, MAX_USER_AGENT_BYTES, Visitor, VisitorHash, cut};
use anyspend_domain::{Owner, PaymentLinkId, VisitorId};
use http::header;

impl Call {
    /// The visit that this request, for a link's page, is; `None` where the deployment has no secret to hash visitors
    /// with. [`anyspend_store::Db::record_view`] records it.
    pub fn visit(&self, link: &PaymentLinkId, owner: &Owner, attribution: &Attribution) -> Option<Visitor> {
        let text = |name: &str, bytes: usize| {
            let value = without_controls(&String::from_utf8_lossy(self.headers.get(name)?.as_bytes()));
            Some(cut(value.trim(), bytes).to_owned()).filter(|text| !text.is_empty())
        };
        let config = &self.platform.config;
        let user_agent = text(header::USER_AGENT.as_str(), MAX_USER_AGENT_BYTES);
        let referrer = text(header::REFERER.as_str(), MAX_REFERRER_BYTES);
        Some(Visitor {
            id: VisitorId::generate(self.now, &link.short_code()),
            owner: owner.clone(),
            payment_link_id: link.clone(),
            ip_country: self.client_country(),
            // Our own pages lead nobody here.
            referrer: referrer.filter(|url| !url.starts_with(&config.public_url)),
            hash: self.visitor_hash(user_agent.as_deref().unwrap_or_default())?,
            user_agent,
            attribution: attribution.clone(),
            started_session: false,
        })
    }

    /// The key is one of the day, so the same visitor is somebody else tomorrow.
    fn visitor_hash(&self, user_agent: &str) -> Option<VisitorHash> {
        let purpose = format!("visitor {}", Day::of(self.now).date());
        let message = format!("{}\n{user_agent}", self.client_network());
        Some(VisitorHash::of_mac(&self.platform.config.secret.as_ref()?.mac(&purpose, message.as_bytes())))
    }
}
