//! How the endpoint a path names is found, among its owner's, and written.

use anyspend_api::{ApiError, Call, Deletable, Stored};
use anyspend_domain::webhook::Webhook;
use anyspend_domain::{Code, Owner, Problem, WebhookId};
use anyspend_store::{StoreError, Write, webhooks};
use std::sync::Arc;

/// The resource.
pub(crate) struct Webhooks;

impl Stored for Webhooks {
    type Object = Webhook;

    async fn find(call: Arc<Call>, owner: Owner) -> Result<Option<Webhook>, ApiError> {
        match WebhookId::parse(call.param("id")) {
            Some(id) => Ok(call.db.find_webhook(&owner, &id).await?),
            None => Ok(None),
        }
    }

    fn update(_: &Call, was: &Webhook, is: &Webhook) -> Result<Vec<Write>, StoreError> {
        webhooks::update(was, is)
    }

    fn taken(_: &Webhook) -> ApiError {
        url_taken()
    }
}

/// Another endpoint of the organization and mode has the URL.
pub(crate) fn url_taken() -> ApiError {
    let message = "There is a webhook with this URL already. Change its 'events' instead.";
    Problem { param: Some("url".to_owned()), ..Problem::new(Code::DuplicateResource, message) }.into()
}

impl Deletable for Webhooks {
    fn delete(_: &Call, was: &Webhook) -> Result<Vec<Write>, StoreError> {
        Ok(webhooks::delete(was))
    }
}
