//! A visit as a request tells it: who came, by which campaign, without keeping who it was.

use crate::call::Call;
use crate::error::ApiError;
use anyspend_domain::checkout_session::Attribution;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::statistics::{Country, Day, MAX_REFERRER_BYTES, MAX_USER_AGENT_BYTES, Visitor, VisitorHash, cut};
use anyspend_domain::{Timestamp, VisitorId};
use http::header;

impl Call {
    /// The visit that this request, for a link's page, is. [`anyspend_store::Db::record_view`] records it.
    ///
    /// # Errors
    /// When the deployment has no secret to hash visitors with.
    pub fn visit(&self, link: &PaymentLink, attribution: Attribution) -> Result<Visitor, ApiError> {
        let text = |name: &str, bytes: usize| {
            let value = String::from_utf8_lossy(self.headers.get(name)?.as_bytes());
            Some(cut(value.trim(), bytes).to_owned()).filter(|text| !text.is_empty())
        };
        let user_agent = text(header::USER_AGENT.as_str(), MAX_USER_AGENT_BYTES);
        let country = self.platform.config.country_header.as_deref().and_then(|name| text(name, MAX_REFERRER_BYTES));
        Ok(Visitor {
            id: VisitorId::generate(self.now, &link.id.short_code()),
            owner: link.owner.clone(),
            payment_link_id: link.id.clone(),
            ip_country: country.as_deref().and_then(Country::parse),
            referrer: text(header::REFERER.as_str(), MAX_REFERRER_BYTES),
            hash: self.visitor_hash(user_agent.as_deref().unwrap_or_default(), self.now)?,
            user_agent,
            attribution,
            started_session: false,
        })
    }

    /// The key is one of the day, so the same visitor is somebody else tomorrow.
    fn visitor_hash(&self, user_agent: &str, now: Timestamp) -> Result<VisitorHash, ApiError> {
        let secret = self.platform.config.secret.as_ref();
        let secret =
            secret.ok_or_else(|| ApiError::internal("PLATFORM_SECRET is not set, so visitors cannot be hashed"))?;
        let purpose = format!("visitor {}", Day::of(now).date());
        let message = format!("{}\n{user_agent}", self.client_network());
        Ok(VisitorHash::of_mac(&secret.mac(&purpose, message.as_bytes())))
    }
}
