//! The table of audit events: every change of what an owner has leaves one.

use crate::values::named::named;
use strum::{EnumMessage, EnumString, IntoStaticStr, VariantArray, VariantNames};

/// What happened, as the audit trail calls it. The comment of each stands in the documentation too. A name begins with
/// the type of the object that changed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, EnumMessage, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
pub enum AuditEventType {
    /// a payment link was made, by itself, from a product or as a copy
    #[strum(serialize = "payment_link.created")]
    PaymentLinkCreated,
    /// a payment link or its items changed
    #[strum(serialize = "payment_link.updated")]
    PaymentLinkUpdated,
    /// a payment link was deleted
    #[strum(serialize = "payment_link.deleted")]
    PaymentLinkDeleted,
    /// a product was made
    #[strum(serialize = "product.created")]
    ProductCreated,
    /// a product changed
    #[strum(serialize = "product.updated")]
    ProductUpdated,
    /// a product was archived
    #[strum(serialize = "product.archived")]
    ProductArchived,
    /// a discount code was made
    #[strum(serialize = "discount_code.created")]
    DiscountCodeCreated,
    /// discount codes were made together; `resource_id` names the batch
    #[strum(serialize = "discount_code.batch_created")]
    DiscountCodeBatchCreated,
    /// a discount code changed
    #[strum(serialize = "discount_code.updated")]
    DiscountCodeUpdated,
    /// a discount code was deleted
    #[strum(serialize = "discount_code.deleted")]
    DiscountCodeDeleted,
    /// a checkout session was opened, by the merchant or by a payer
    #[strum(serialize = "checkout_session.created")]
    CheckoutSessionCreated,
    /// the payer told more, or used a discount code
    #[strum(serialize = "checkout_session.updated")]
    CheckoutSessionUpdated,
    /// somebody reported a transaction that is to pay the session
    #[strum(serialize = "checkout_session.payment_reported")]
    CheckoutSessionPaymentReported,
    /// a payment completed the session
    #[strum(serialize = "checkout_session.completed")]
    CheckoutSessionCompleted,
    /// a payment arrived that is not what was asked for
    #[strum(serialize = "checkout_session.payment_exception")]
    CheckoutSessionPaymentException,
    /// the payment came to nothing, or the session's link was deleted
    #[strum(serialize = "checkout_session.failed")]
    CheckoutSessionFailed,
    /// the session ran out, or the merchant expired it
    #[strum(serialize = "checkout_session.expired")]
    CheckoutSessionExpired,
    /// a customer's record was made by the merchant
    #[strum(serialize = "customer.created")]
    CustomerCreated,
    /// a customer's record was changed by the merchant
    #[strum(serialize = "customer.updated")]
    CustomerUpdated,
    /// what was known of a customer was erased
    #[strum(serialize = "customer.deleted")]
    CustomerDeleted,
    /// a webhook endpoint was made
    #[strum(serialize = "webhook.created")]
    WebhookCreated,
    /// a webhook endpoint changed
    #[strum(serialize = "webhook.updated")]
    WebhookUpdated,
    /// a webhook endpoint was deleted
    #[strum(serialize = "webhook.deleted")]
    WebhookDeleted,
    /// a webhook endpoint got another secret
    #[strum(serialize = "webhook.secret_rotated")]
    WebhookSecretRotated,
    /// a test event was asked for
    #[strum(serialize = "webhook.tested")]
    WebhookTested,
    /// the platform switched a webhook endpoint off
    #[strum(serialize = "webhook.disabled")]
    WebhookDisabled,
    /// a delivery was asked for again
    #[strum(serialize = "webhook_delivery.retried")]
    WebhookDeliveryRetried,
    /// an API key was made
    #[strum(serialize = "api_key.created")]
    ApiKeyCreated,
    /// an API key was revoked
    #[strum(serialize = "api_key.revoked")]
    ApiKeyRevoked,
    /// the organization's record changed
    #[strum(serialize = "organization.updated")]
    OrganizationUpdated,
}

named!(AuditEventType);

impl AuditEventType {
    /// The type of the object that changed, e.g. `payment_link`.
    pub fn resource_type(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(resource, _)| resource)
    }

    /// What happened, in words.
    pub fn meaning(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ApiKeyId, CheckoutSessionId, CustomerId, DeliveryId, DiscountCodeId, OrgId, PaymentLinkId, ProductId, WebhookId,
    };

    #[test]
    fn every_event_is_about_a_resource_there_is_and_says_what_happened() {
        let resources = [
            ApiKeyId::OBJECT,
            CheckoutSessionId::OBJECT,
            CustomerId::OBJECT,
            DeliveryId::OBJECT,
            DiscountCodeId::OBJECT,
            OrgId::OBJECT,
            PaymentLinkId::OBJECT,
            ProductId::OBJECT,
            WebhookId::OBJECT,
        ];
        for event in AuditEventType::ALL {
            assert!(resources.contains(&event.resource_type()), "{event:?}");
            assert!(!event.meaning().is_empty(), "{event:?}");
            assert_eq!(AuditEventType::named(event.as_str()), Some(*event));
        }
    }
}
