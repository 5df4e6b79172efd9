//! `POST /pay/s/{id}`

use crate::decisions::context::{self, Context, find};
use crate::decisions::details::{self, AddDetails};
use crate::html::HTML;
use crate::html::closed::failure;
use crate::html::session::{answer, ask, currency};
use crate::pages::form::PageForm;
use anyspend_api::json::Json;
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::checkout_session::{CheckoutSession, Status};
use anyspend_domain::rate_limit;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "sendSessionDetails",
        Method::POST,
        crate::SESSION_PAGE,
        Access::Open(rate_limit::CHECKOUT_OPENINGS),
        (StatusCode::SEE_OTHER, Content::Redirect),
        "Send a session's page: add what the session still lacks",
    )
    .described("What the page's own form does, with or without a script; the inputs are those of a link's page.")
    .also(StatusCode::BAD_REQUEST, Content::Text(HTML), "The page again, with what is wrong beside each input")
    .read_by(Audience::People(failure))
    .beside(find, add)
}

async fn add(call: Arc<Call>, caller: Caller, found: Option<Context>) -> Result<Answer, ApiError> {
    let context = found.ok_or_else(|| context::unknown(&call))?;
    let (call, caller) = (&*call, &caller);
    call.decide(
        call.param("id"),
        context,
        || context::again(call),
        |context| async move {
            let page = crate::session_path(&context.session.id);
            let open = context.session.status(call.now, context.link_deleted_at) == Status::Open;
            let currency = currency(&context.session);
            // Sent twice, or too late: the page shows what there is to know.
            let Some(ask) = ask(&context, &currency).filter(|_| open) else {
                return Ok(call.redirect(StatusCode::SEE_OTHER, &page)?);
            };
            let form = PageForm::read(call)?;
            let body = Json::Object(form.fields(&ask));
            let reading = call.read_as::<AddDetails>(&body, context.session.owner.mode);
            let session = match details::decide(call, &context, reading) {
                Ok(session) => session,
                Err(error) if error.status() == StatusCode::BAD_REQUEST => {
                    return Ok(answer(call, &context, &form.refused(&ask, &error)));
                }
                Err(error) => return Err(error.into()),
            };
            let to_its_page = |_: &CheckoutSession| call.redirect(StatusCode::SEE_OTHER, &page);
            details::commit(call, caller, &context.session, &session, to_its_page).await
        },
    )
    .await
}
