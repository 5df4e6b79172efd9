//! `POST /discount-codes/batch`

use crate::create::duplicate;
use crate::stored::with_link;
use anyspend_api::discount_code::{CreateDiscountCodes, DiscountCodeView};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::find_named_link;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::discount_code::{CodeText, DiscountCode, DiscountCodePatch};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{DiscountCodeId, Problem};
use anyspend_store::{CommitError, Refusal, discount_codes};
use futures_util::StreamExt;
use http::{Method, StatusCode};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// Codes that are made at a time.
const AT_ONCE: usize = 16;

/// What a batch made, and what it did not.
#[derive(Debug, Serialize, ToSchema)]
struct BatchResultView {
    /// `batch_result`
    #[schema(examples("batch_result"))]
    object: &'static str,
    /// The codes that were made, in the order they were sent.
    created: Vec<DiscountCodeView>,
    /// The codes that were not.
    errors: Vec<BatchError>,
}

/// A code that was not made.
#[derive(Debug, Serialize, ToSchema)]
struct BatchError {
    /// The code as it was sent.
    code: String,
    /// Why.
    error: String,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<BatchResultView>(
        "createDiscountCodes",
        Method::POST,
        "/api/v1/discount-codes/batch",
        Access::Needs(Permission::Admin),
        StatusCode::CREATED,
        "Create many discount codes",
    )
    .described(
        "Up to 500 codes that share every other field. Each is made or refused by itself. With an idempotency key, a retry \
         of a batch that was interrupted makes the rest, and answers as if it had never been.",
    )
    .body::<CreateDiscountCodes>()
    .beside(find_named_link, batch)
}

async fn batch(call: Arc<Call>, caller: Caller, link: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let (CreateDiscountCodes { codes, terms }, mut problems) =
        call.read_body::<CreateDiscountCodes>(&caller)?.parts()?;
    let (patch, unknown) = with_link(terms, &caller, link);
    problems.extend(unknown);
    // What the codes share is wrong for all of them, and then none is made.
    let trial = CodeText::parse("X").map_err(|invalid| ApiError::from(invalid.at("codes")))?;
    ApiError::settle(problems, make(&call, &caller, trial, patch.clone()).map_err(|problems| *problems))?;
    // Without a key nobody can ask for the same batch again, and the request's own id is as good a name as any.
    let name = call.idempotent_name(&caller)?.unwrap_or_else(|| call.request_id.to_string());
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::with_capacity(codes.len());
    for sent in codes {
        let code = CodeText::parse(&sent)
            .map_err(|invalid| invalid.at("code"))
            .and_then(|code| if seen.insert(code.as_str().to_owned()) { Ok(code) } else { Err(duplicate(&code)) });
        wanted.push((sent, code));
    }
    let (call_ref, caller_ref, patch_ref, name_ref) = (&call, &caller, &patch, name.as_str());
    let made: Vec<_> = futures_util::stream::iter(wanted)
        .map(|(sent, code)| async move {
            let made = match code {
                Ok(code) => create_one(call_ref, caller_ref, code, patch_ref.clone(), name_ref).await?,
                Err(problem) => Err(problem),
            };
            Ok::<_, ApiError>((sent, made))
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut view = BatchResultView { object: "batch_result", created: Vec::new(), errors: Vec::new() };
    for outcome in made {
        match outcome? {
            (_, Ok(code)) => view.created.push(DiscountCodeView::new(&code)),
            (sent, Err(problem)) => view.errors.push(BatchError { code: sent, error: problem.message }),
        }
    }
    let changes = Changes {
        writes: Vec::new(),
        event_type: AuditEventType::DiscountCodeBatchCreated,
        resource_id: name,
        answer: call.answer(StatusCode::CREATED, &view)?,
    };
    Ok(call.commit(&caller, changes).await?)
}

fn make(
    call: &Call,
    caller: &Caller,
    code: CodeText,
    patch: DiscountCodePatch,
) -> Result<DiscountCode, Box<anyspend_domain::Rejection>> {
    let id = DiscountCodeId::generate(call.now, &code.locator(&caller.owner));
    DiscountCode::create(id, caller.owner.clone(), code, patch, call.now).map_err(Box::new)
}

/// Makes one code. One that this batch made before, and was interrupted after, is made.
async fn create_one(
    call: &Call,
    caller: &Caller,
    code: CodeText,
    patch: DiscountCodePatch,
    batch: &str,
) -> Result<Result<DiscountCode, Problem>, ApiError> {
    let made = make(call, caller, code, patch).map_err(|_| ApiError::internal("a code was refused after its trial"))?;
    match call.db.commit(discount_codes::create(&made, Some(batch))?).await {
        Ok(()) => Ok(Ok(made)),
        Err(CommitError::Refused { refusal: Refusal::Taken, old }) => {
            Ok(discount_codes::made_by_batch(old, batch)?.ok_or_else(|| duplicate(&made.code)))
        }
        Err(CommitError::Refused { .. }) => Err(ApiError::internal("a create was refused for no reason")),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
