//! Opening a session as the payer: what may be sent, and what becomes of it, for the page and the API alike.

use anyspend_api::checkout_session::read_purchase;
use anyspend_api::discount_code::{apply, find_by_text};
use anyspend_api::fields::{Body, Fields, Reading, SentForm};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::buyer::ShippingAddress;
use anyspend_domain::checkout_session::{CheckoutSession, NewCheckoutSession, Source};
use anyspend_domain::country::CountryCode;
use anyspend_domain::link_form::FieldId;
use anyspend_domain::payer_answers::{Asked, PayerInput};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::text::{Identifier, PostalCode};
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::{CheckoutSessionId, PaymentLinkRef, Problem, VisitorId};
use anyspend_store::payment_links::LinkFate;
use anyspend_store::{Write, checkout_sessions, facts};
use std::future::ready;

/// The body.
pub(crate) struct OpenSession {
    input: PayerInput,
    visitor_id: Option<VisitorId>,
    /// Whatever was typed: what can be no code is one that does not exist.
    discount_code: Option<Identifier>,
    session: NewCheckoutSession,
}

impl Body for OpenSession {
    const RESOURCE: &'static str = CheckoutSessionId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            session: NewCheckoutSession { amount: fields.optional("amount"), ..read_purchase(fields) },
            input: read_payer_input(fields),
            visitor_id: fields.optional("visitor_id"),
            discount_code: fields.optional("discount_code"),
        })
    }
}

/// What a payer fills in, wherever it stands in a body.
pub(crate) fn read_payer_input(fields: &mut Fields<'_>) -> PayerInput {
    PayerInput {
        form_data: fields.optional::<SentForm>("form_data").unwrap_or_default().0,
        shipping_address: fields.optional::<SentAddress>("shipping_address").map(|address| address.0),
        shipping_option_id: fields.optional::<FieldId>("shipping_option_id").map(|id| id.as_str().to_owned()),
    }
}

struct SentAddress(ShippingAddress);

impl Body for SentAddress {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.optional("name");
        let line1 = fields.required("line1");
        let line2 = fields.optional("line2");
        let city = fields.required("city");
        let state = fields.optional("state");
        let sent_code = fields.optional::<PostalCode>("postal_code");
        let country = fields.required::<CountryCode>("country");
        let postal_code = sent_code.clone().filter(|code| !code.as_str().is_empty());
        if postal_code.is_none() && country.is_some_and(CountryCode::has_postal_codes) {
            fields.lacks("postal_code", sent_code.is_some());
        }
        Some(Self(ShippingAddress {
            name,
            line1: line1?,
            line2,
            city: city?,
            state,
            postal_code,
            country: country?.as_str().to_owned(),
        }))
    }
}

/// The link an address names, or what became of it.
pub(crate) async fn find_link(call: &Call, named: &str) -> Result<LinkFate, ApiError> {
    match PaymentLinkRef::parse(named) {
        Some(wanted) => Ok(call.db.find_link_fate(&wanted).await?),
        None => Ok(LinkFate::Unknown),
    }
}

/// A session that may be opened, and the visit it began with.
pub(crate) struct Opening {
    session: CheckoutSession,
    visitor: Option<VisitorId>,
    discount_code: Option<Identifier>,
}

/// Decides on a session of this link.
///
/// # Errors
/// Everything that is wrong with what was sent; 503 when the table does not answer.
pub(crate) async fn decide(
    call: &Call,
    link: &PaymentLink,
    reading: Reading<OpenSession>,
) -> Result<Opening, ApiError> {
    let (OpenSession { input, visitor_id, discount_code, session: mut request }, read) = reading.parts()?;
    request.purchase.ignored_urls = ignored_urls(call, link, &mut request).await?;
    let mut decided = Vec::new();
    match Asked::by(&link.terms).accept(input) {
        Ok(answers) => {
            request.buyer.form_data = answers.form_data;
            request.buyer.shipping_address = answers.shipping_address;
            request.shipping_option = answers.shipping_option;
        }
        Err(rejection) => decided.extend(rejection.into_problems()),
    }
    if link.amount().is_none() && request.amount.is_none() {
        decided.push(Problem::missing("amount"));
    }
    let opened = CheckoutSession::open(
        CheckoutSessionId::generate(call.now, &link.id.short_code()),
        link.owner.clone(),
        request,
        Source::Link(link),
        call.now,
        &call.platform.config.chains,
    );
    match opened {
        Ok(session) if decided.is_empty() => {
            ApiError::settle(read, Ok(session)).map(|session| Opening { session, visitor: visitor_id, discount_code })
        }
        Ok(_) => Err(refused(read, decided)),
        // A link that takes no payments at all is what the payer has to know, and nothing else.
        Err(rejection) if !link.is_active(call.now) => Err(rejection.into()),
        Err(rejection) => {
            decided.extend(rejection.into_problems());
            Err(refused(read, decided))
        }
    }
}

fn refused(read: Vec<Problem>, decided: Vec<Problem>) -> ApiError {
    let decided = anyspend_domain::Rejection::unless_empty(decided).err();
    ApiError::merged(read, decided).unwrap_or_else(|| ApiError::internal("refused without a problem"))
}

/// Anybody can open this page with any address appended: a payer is sent on only to a site the merchant named, the link's
/// or the organization's.
async fn ignored_urls(
    call: &Call,
    link: &PaymentLink,
    request: &mut NewCheckoutSession,
) -> Result<Vec<String>, ApiError> {
    let is_on = |site: Option<&WebUrl>, url: &WebUrl| site.is_some_and(|site| site.same_origin(url));
    let urls = [("success_url", &mut request.purchase.success_url), ("cancel_url", &mut request.purchase.cancel_url)];
    let mut elsewhere =
        urls.into_iter().filter(|(_, url)| url.as_ref().is_some_and(|url| !is_on(link.terms.return_url.as_ref(), url)));
    let Some(first) = elsewhere.next() else { return Ok(Vec::new()) };
    // Read only for those who ask for it, because hardly anybody does.
    let organization = call.db.find_organization(&link.owner.org).await?;
    let site = organization.as_ref().and_then(|organization| organization.website_url.as_ref());
    let mut ignored = Vec::new();
    for (name, url) in [first].into_iter().chain(elsewhere) {
        if url.as_ref().is_some_and(|url| !is_on(site, url)) {
            *url = None;
            ignored.push(name.to_owned());
        }
    }
    Ok(ignored)
}

/// Opens the session: the session, its place in the statistics, what its visit has become, how its payment is found, and
/// the trail, at once. `answer` answers with the session as it was opened.
///
/// # Errors
/// 409 for another request's idempotency key, 503 when the table does not answer.
pub(crate) async fn commit(
    call: &Call,
    caller: &Caller,
    opening: &Opening,
    answer: impl Fn(&CheckoutSession) -> Result<Answer, ApiError>,
) -> Result<Answer, ApiError> {
    // Sessions that are opened with one discount code may want its last use: then what is left is looked at anew.
    let contended = opening.discount_code.as_ref().map_or(opening.session.id.as_str(), Identifier::as_str);
    let answer = &answer;
    call.decide(
        contended,
        (),
        || ready(Ok(())),
        |()| async move {
            let (session, reserved) = discounted(call, opening).await?;
            let changes = |session: &CheckoutSession| {
                let mut writes = checkout_sessions::create(session, &*call.platform)?;
                writes.extend(reserved.iter().cloned());
                writes.extend(facts::session_opened(session)?);
                if let Some(visitor) = &opening.visitor {
                    writes.extend(facts::started_session(visitor, session)?);
                }
                Ok(Changes::of(session, AuditEventType::CheckoutSessionCreated, writes, answer(session)?))
            };
            call.commit_asking(caller, &session, changes).await
        },
    )
    .await
}

/// The session with its discount code on it, and what reserves a use.
async fn discounted(call: &Call, opening: &Opening) -> Result<(CheckoutSession, Vec<Write>), ApiError> {
    let mut session = opening.session.clone();
    let Some(code) = &opening.discount_code else { return Ok((session, Vec::new())) };
    let found = find_by_text(&call.db, &session.owner, code.as_str()).await?;
    let reserved = apply(&mut session, found.as_ref(), call.now, None)?;
    Ok((session, reserved))
}
