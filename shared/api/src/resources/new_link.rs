//! What every way of making a payment link shares.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Caller;
use crate::commit::Changes;
use crate::error::ApiError;
use crate::payment_link::PaymentLinkView;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::payment_link::{PaymentLink, Surroundings, TermsPatch};
use anyspend_domain::{Address, Patch, PaymentLinkId, Problem, ProductId, ShortCode};
use anyspend_store::payment_links;
use http::StatusCode;
use serde::Serialize;
use std::future::ready;

impl Call {
    /// What a decision about a link or a product knows of the world.
    pub fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { now: self.now, chains: &self.platform.config.chains }
    }

    /// The organization's defaults stand in for what was not sent. The organization is read only when something is
    /// missing, so that the common case stays at two round trips.
    pub async fn fill_with_defaults(
        &self,
        caller: &Caller,
        token_address: &mut Patch<Address>,
        chain_id: &mut Patch<u64>,
        recipient_address: &mut Patch<Address>,
    ) -> Result<(), ApiError> {
        if token_address.value().is_some() && chain_id.value().is_some() && recipient_address.value().is_some() {
            return Ok(());
        }
        let Some(organization) = self.db.find_organization(&caller.owner.org).await? else { return Ok(()) };
        fill(token_address, organization.default_token_address);
        fill(chain_id, organization.default_chain_id);
        fill(recipient_address, organization.default_recipient_address);
        Ok(())
    }

    /// Makes a link of these terms, with the organization's defaults for what is missing, and answers 201 with it.
    /// `references` are the products to look for; `problems` are those found so far.
    ///
    /// # Errors
    /// Every problem of the request at once.
    pub async fn create_link_of(
        &self,
        caller: &Caller,
        mut terms: TermsPatch,
        references: Vec<(String, ProductId)>,
        mut problems: Vec<Problem>,
    ) -> Result<Answer, ApiError> {
        let TermsPatch { token_address, chain_id, recipient_address, .. } = &mut terms;
        let (unknown, ()) = tokio::try_join!(
            self.unknown_products(caller, references),
            self.fill_with_defaults(caller, token_address, chain_id, recipient_address),
        )?;
        problems.extend(unknown);
        self.create_link(caller, |id| {
            let decided = PaymentLink::create(id, caller.owner.clone(), terms.clone(), self.surroundings());
            ApiError::settle(problems.clone(), decided)
        })
        .await
    }

    /// Makes the link that `decide` makes of a fresh id, and answers 201 with it.
    ///
    /// # Errors
    /// What `decide` refuses; 503 when the table does not answer.
    pub async fn create_link(
        &self,
        caller: &Caller,
        decide: impl Fn(PaymentLinkId) -> Result<PaymentLink, ApiError>,
    ) -> Result<Answer, ApiError> {
        let view = |link: &PaymentLink| PaymentLinkView::new(link, &self.platform.config, self.now);
        self.create_link_viewed(caller, decide, view).await
    }

    /// The same, with another view of the link in the answer.
    pub async fn create_link_viewed<V: Serialize>(
        &self,
        caller: &Caller,
        decide: impl Fn(PaymentLinkId) -> Result<PaymentLink, ApiError>,
        view: impl Fn(&PaymentLink) -> V,
    ) -> Result<Answer, ApiError> {
        // A short code that is taken makes way for another one.
        let draw = || PaymentLinkId::generate(self.now, &ShortCode::generate());
        let (decide, view) = (&decide, &view);
        self.decide(
            "a short code",
            draw(),
            || ready(Ok(draw())),
            |id| async move {
                let link = decide(id)?;
                let answer = self.answer(StatusCode::CREATED, &view(&link))?;
                let changes =
                    Changes::of(&link, AuditEventType::PaymentLinkCreated, payment_links::create(&link)?, answer);
                let answer = self.commit(caller, changes).await?;
                // Where one process serves everything, the link's page already knows whose it is.
                self.platform.remember_link(&link);
                Ok(answer)
            },
        )
        .await
    }
}

fn fill<T>(field: &mut Patch<T>, default: Option<T>) {
    if field.value().is_none()
        && let Some(default) = default
    {
        *field = Patch::Set(default);
    }
}
