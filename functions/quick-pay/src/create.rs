//! `POST /quick-pay`

use anyspend_api::fields::{Body, Fields, MAX_SAFE_INTEGER, Whole};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::PaymentLinkView;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::chain::{BASE, USDC_ON_BASE};
use anyspend_domain::payment_link::{PaymentLink, TermsPatch};
use anyspend_domain::rate_limit;
use anyspend_domain::text::Name;
use anyspend_domain::{Address, Mode, OrgId, Owner, Patch};
use http::{Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest and default life of a quick-pay link, in seconds.
const MAX_LIFETIME: u64 = 86_400;
/// What the payer reads when the link was given no name.
const DEFAULT_NAME: &str = "Quick Pay";

/// The body.
struct QuickPay {
    patch: TermsPatch,
    expires_in: u64,
}

impl Body for QuickPay {
    const RESOURCE: &'static str = anyspend_domain::PaymentLinkId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let recipient = fields.required::<Address>("recipient_address");
        let token = fields.optional::<Address>("token_address");
        let chain = fields.optional::<Whole<1, MAX_SAFE_INTEGER>>("chain_id").map_or(BASE.id, |id| id.0);
        let amount = fields.patch("amount");
        let name = fields.optional::<Name>("name").or_else(|| Name::parse(DEFAULT_NAME).ok());
        let description = fields.patch("description");
        let lifetime =
            fields.optional::<Whole<1, MAX_LIFETIME>>("expires_in").map_or(MAX_LIFETIME, |seconds| seconds.0);
        let token = token.unwrap_or_else(|| USDC_ON_BASE.address());
        Some(Self {
            patch: TermsPatch {
                name: Patch::Set(name?),
                description,
                token_address: Patch::Set(token),
                chain_id: Patch::Set(chain),
                recipient_address: Patch::Set(recipient?),
                amount,
                expires_at: Patch::Set(fields.now().plus_seconds(lifetime)),
                ..TermsPatch::default()
            },
            expires_in: lifetime,
        })
    }
}

/// A payment link that belongs to nobody.
#[derive(Debug, Serialize, ToSchema)]
struct QuickPayView {
    #[serde(flatten)]
    link: PaymentLinkView,
    /// `anonymous`
    org_id: String,
    /// `active`
    status: &'static str,
    /// Seconds until the link closes.
    expires_in: u64,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<QuickPayView>(
        "quickPay",
        Method::POST,
        "/api/v1/quick-pay",
        Access::Open(rate_limit::QUICK_PAY),
        StatusCode::CREATED,
        "Create a one-shot payment link without an account",
    )
    .described("USDC on Base for a day, unless the request says otherwise. Such a link cannot be edited.")
    .body::<QuickPay>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let QuickPay { patch, expires_in } = call.body::<QuickPay>(&caller)?;
    let chains = &call.platform.config.chains;
    let live = patch.chain_id.value().is_some_and(|id| chains.can_settle(*id));
    let owner = Owner { org: OrgId::anonymous(), mode: if live { Mode::Live } else { Mode::Test } };
    let decide = |id| Ok(PaymentLink::create(id, owner.clone(), patch.clone(), call.surroundings())?);
    let view = |link: &PaymentLink| QuickPayView {
        link: PaymentLinkView::new(link, &call.platform.config, call.now),
        org_id: owner.org.to_string(),
        status: "active",
        expires_in,
    };
    call.create_link_viewed(&caller, decide, view).await
}
