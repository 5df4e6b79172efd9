//! `POST /pay/{id}`

use crate::decisions::opening::{self, OpenSession};
use crate::html::closed::{self, Closed, failure};
use crate::html::{HTML, link};
use crate::pages::form::PageForm;
use crate::pages::query::PageQuery;
use anyspend_api::json::Json;
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::PaymentLinkId;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::rate_limit;
use anyspend_store::payment_links::LinkFate;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "startPayment",
        Method::POST,
        crate::LINK_PAGE,
        Access::Open(rate_limit::CHECKOUT_OPENINGS),
        (StatusCode::SEE_OTHER, Content::Redirect),
        "Send a payment link's page: open a session and go to its page",
    )
    .described(
        "What the page's own form does, with or without a script. The inputs are `amount` (in whole tokens), \
         `form_data[id]`, `shipping_option_id`, `shipping_address[part]` and `visitor_id`; the query is the page's.",
    )
    .also(StatusCode::BAD_REQUEST, Content::Text(HTML), "The page again, with what is wrong beside each input")
    .also(StatusCode::GONE, Content::Text(HTML), "The link was deleted, has expired, is used up or is switched off")
    .read_by(Audience::People(failure))
    .beside(find_link, open)
}

async fn find_link(call: Arc<Call>) -> Result<LinkFate, ApiError> {
    opening::find_link(&call, call.param("id")).await
}

async fn open(call: Arc<Call>, caller: Caller, found: LinkFate) -> Result<Answer, ApiError> {
    let link = match found {
        LinkFate::Stands(link) => link,
        LinkFate::Deleted(_) => return Ok(closed::deleted(&call)),
        LinkFate::Unknown => return Err(ApiError::not_found(PaymentLinkId::OBJECT, call.param("id"))),
    };
    if let Some(reason) = Closed::of(&link, call.now) {
        return Ok(closed::link(&call, &link, reason));
    }
    let form = PageForm::read(&call)?;
    let currency = link::currency(&link);
    let ask = link::ask(&link, &currency);
    let visitor = form.visitor().filter(|visitor| visitor.short_code() == link.id.short_code());
    let mode = link.owner.mode;
    let mut fields = PageQuery::read(&call.query_string, mode).into_fields();
    fields.extend(form.fields(&ask));
    fields.extend(visitor.as_ref().map(|id| ("visitor_id".to_owned(), Json::String(id.to_string()))));
    fields.extend(form.discount_code());
    let read = call.read_as::<OpenSession>(&Json::Object(fields), mode);
    let opened = match opening::decide(&call, &link, read).await {
        Ok(opening) => {
            let leave =
                |session: &CheckoutSession| call.redirect(StatusCode::SEE_OTHER, &crate::session_path(&session.id));
            // A discount code may be refused only here.
            opening::commit(&call, &caller, &opening, leave).await
        }
        Err(error) => Err(error),
    };
    match opened {
        Err(error) if error.status() == StatusCode::BAD_REQUEST => {
            Ok(link::answer(&call, &link, &form.refused(&ask, &error), visitor.as_ref()))
        }
        settled => settled,
    }
}
