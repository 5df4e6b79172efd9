//! `POST /customers`

use crate::view::CustomerView;
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::customer::{Customer, CustomerPatch};
use anyspend_domain::{Address, Code, CustomerId, Problem};
use anyspend_store::customers;
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct CreateCustomer {
    wallet_address: Address,
    patch: CustomerPatch,
}

impl Body for CreateCustomer {
    const RESOURCE: &'static str = CustomerId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let wallet_address = fields.required("wallet_address");
        let patch = crate::update::read_patch(fields);
        Some(Self { wallet_address: wallet_address?, patch })
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<CustomerView>(
        "createCustomer",
        Method::POST,
        crate::CUSTOMERS,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Create a customer",
    )
    .described(
        "A wallet's first payment makes its customer too; this makes one known before. A wallet is one customer of a \
         merchant, in each mode.",
    )
    .body::<CreateCustomer>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let (body, problems) = call.read_body::<CreateCustomer>(&caller)?.parts()?;
    let id = CustomerId::generate(call.now, &customers::locator(&caller.owner, &body.wallet_address));
    let customer = Customer::create(id, caller.owner.clone(), body.wallet_address, body.patch, call.now);
    let customer = ApiError::settle(problems, customer)?;
    let answer = call.answer(StatusCode::CREATED, &CustomerView::new(&customer))?.sealed_if(customer.names_somebody());
    let writes = customers::record(&customer, None, &*call.platform)?;
    let changes = Changes::of(&customer, AuditEventType::CustomerCreated, writes, answer);
    match call.commit(&caller, changes).await {
        Err(NotCommitted::Taken) => Err(taken(&customer.wallet_address)),
        settled => Ok(settled?),
    }
}

fn taken(wallet: &Address) -> ApiError {
    let message = format!("A customer with the wallet '{}' exists already.", wallet.as_sent());
    Problem { code: Code::DuplicateResource, message, param: Some("wallet_address".to_owned()) }.into()
}
