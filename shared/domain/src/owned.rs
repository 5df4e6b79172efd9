//! What every object of an organization has in common.

use crate::checkout_session::CheckoutSession;
use crate::customer::Customer;
use crate::discount_code::DiscountCode;
use crate::payment_link::PaymentLink;
use crate::product::Product;
use crate::transaction::Transaction;
use crate::webhook::Webhook;
use crate::webhook_delivery::Delivery;
use crate::{
    CheckoutSessionId, CustomerId, DeliveryId, DiscountCodeId, Owner, PaymentLinkId, ProductId, TransactionId,
    WebhookId,
};

/// An object of an organization's live or test half.
pub trait Owned {
    /// Its `object` name, which is also its resource's name in the trail and in messages.
    const OBJECT: &'static str;
    /// Its id, as it is shown.
    fn id_text(&self) -> String;
    /// Whose it is.
    fn owner(&self) -> &Owner;
    /// Counts its changes; a write names the version it was decided on.
    fn version(&self) -> u64;
}

macro_rules! owned {
    ($($object:ident: $id:ident),+ $(,)?) => {
        $(impl Owned for $object {
            const OBJECT: &'static str = $id::OBJECT;
            fn id_text(&self) -> String {
                self.id.to_string()
            }
            fn owner(&self) -> &Owner {
                &self.owner
            }
            fn version(&self) -> u64 {
                self.version
            }
        })+
    };
}

owned! {
    CheckoutSession: CheckoutSessionId,
    Customer: CustomerId,
    Delivery: DeliveryId,
    DiscountCode: DiscountCodeId,
    PaymentLink: PaymentLinkId,
    Product: ProductId,
    Transaction: TransactionId,
    Webhook: WebhookId,
}
