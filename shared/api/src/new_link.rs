//! What every way of making a payment link shares.

use crate::call::{Answer, Call, Changes, NotCommitted};
use crate::error::ApiError;
use crate::{Caller, payment_link::PaymentLinkView};
use anyspend_domain::payment_link::{PaymentLink, Surroundings};
use anyspend_domain::{PaymentLinkId, ShortCode};
use anyspend_store::payment_links;
use http::StatusCode;
use serde::Serialize;

/// How often another short code is drawn when one is taken already.
const SHORT_CODES: u32 = 4;

impl Call {
    /// What a decision about a link or a product knows of the world.
    pub fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { now: self.now, chains: &self.platform.config.chains }
    }

    /// Makes the link that `decide` makes of a fresh id, and answers 201 with it.
    ///
    /// # Errors
    /// What `decide` refuses; 503 when no free short code was found.
    pub async fn create_link(
        &self,
        caller: &Caller,
        decide: impl Fn(PaymentLinkId) -> Result<PaymentLink, ApiError>,
    ) -> Result<Answer, ApiError> {
        let view = |link: &PaymentLink| PaymentLinkView::new(link, &self.platform.config, self.now);
        self.create_link_viewed(caller, decide, view).await
    }

    /// The same, with another view of the link in the answer.
    ///
    /// # Errors
    /// As [`Call::create_link`].
    pub async fn create_link_viewed<V: Serialize>(
        &self,
        caller: &Caller,
        decide: impl Fn(PaymentLinkId) -> Result<PaymentLink, ApiError>,
        view: impl Fn(&PaymentLink) -> V,
    ) -> Result<Answer, ApiError> {
        for _ in 0..SHORT_CODES {
            let link = decide(PaymentLinkId::generate(self.now, &ShortCode::generate()))?;
            let changes = Changes {
                writes: payment_links::create(&link)?,
                event_type: "payment_link.created",
                resource_type: PaymentLinkId::OBJECT,
                resource_id: link.id.to_string(),
                answer: self.answer(StatusCode::CREATED, &view(&link))?,
            };
            match self.commit(caller, changes).await {
                Err(NotCommitted::Taken) => {}
                settled => return Ok(settled?),
            }
        }
        Err(ApiError::unavailable("no free short code was found"))
    }
}
