//! What a product may be and become, and the payment link it makes.
//!
//! A product is a template: a link made from it is a link like any other, and nothing that happens to the product
//! afterwards changes it.

use crate::link_form::{FormSchema, ShippingOption, shipping_problems};
use crate::metadata::MetadataPatch;
use crate::payment_link::{Surroundings, TermsPatch, recipient_problem, settlement_problems};
use crate::text::{Description, Name};
use crate::values::named::{named, named_in_fields};
use crate::web_url::WebUrl;
use crate::{Address, Amount, Code, Metadata, Owner, Patch, Problem, ProductId, Rejection, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Most bytes of a product as compact JSON, as for a link: it keeps the database item below DynamoDB's 400 KB.
pub const MAX_PRODUCT_BYTES: usize = 262_144;

/// How a product is priced.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ProductType {
    /// A fixed price, paid once.
    OneTime,
    /// A fixed price, paid again and again.
    Subscription,
    /// The payer chooses.
    Variable,
}

named!(ProductType);
named_in_fields!(ProductType);

/// What the merchant decides about a product, and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductTerms {
    /// Shown to the payer.
    pub name: Name,
    /// Shown to the payer.
    pub description: Option<Description>,
    /// The price; of a variable product, what its links suggest.
    pub amount: Option<Amount>,
    /// What is paid with.
    pub token_address: Address,
    /// Where it is paid.
    pub chain_id: u64,
    /// Who is paid; without it, each link names its own.
    pub recipient_address: Option<Address>,
    /// How it is priced.
    pub product_type: ProductType,
    /// Shown to the payer.
    pub image_url: Option<WebUrl>,
    /// The merchant's own notes.
    pub metadata: Option<Metadata>,
    /// What the payer fills in.
    pub form_schema: Option<FormSchema>,
    /// Ways of sending goods.
    pub shipping_options: Option<Vec<ShippingOption>>,
    /// Whether links can be made from it; an archived product is one that is not active.
    pub active: bool,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// `prod_…`
    pub id: ProductId,
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// What the merchant decided.
    pub terms: ProductTerms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the merchant last changed it.
    pub updated_at: Timestamp,
    /// Counts the changes; a write names the version it was decided on.
    pub version: u64,
}

/// A create or update, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `ProductTerms`")]
pub struct ProductPatch {
    pub name: Patch<Name>,
    pub description: Patch<Description>,
    pub amount: Patch<Amount>,
    pub token_address: Patch<Address>,
    pub chain_id: Patch<u64>,
    pub recipient_address: Patch<Address>,
    pub product_type: Patch<ProductType>,
    pub image_url: Patch<WebUrl>,
    pub metadata: Patch<MetadataPatch>,
    pub form_schema: Patch<FormSchema>,
    pub shipping_options: Patch<Vec<ShippingOption>>,
    pub active: Patch<bool>,
}

impl Product {
    /// Makes a product.
    ///
    /// # Errors
    /// Every problem of the request at once.
    pub fn create(
        id: ProductId,
        owner: Owner,
        patch: ProductPatch,
        around: Surroundings<'_>,
    ) -> Result<Self, Rejection> {
        let mut problems = Problem::of_each(
            &[
                ("name", patch.name.value().is_none()),
                ("token_address", patch.token_address.value().is_none()),
                ("chain_id", patch.chain_id.value().is_none()),
            ],
            Problem::missing,
        );
        // Placeholders stand in for what is missing, so that the rest is checked in the same pass.
        let mut product = Self {
            id,
            owner,
            terms: ProductTerms {
                name: Name::untitled(),
                description: None,
                amount: None,
                token_address: Address::zero(),
                chain_id: 0,
                recipient_address: None,
                product_type: ProductType::OneTime,
                image_url: None,
                metadata: None,
                form_schema: None,
                shipping_options: None,
                active: true,
            },
            created_at: around.now,
            updated_at: around.now,
            version: 0,
        };
        if let Err(refused) = product.apply(patch, around) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)?;
        Ok(product)
    }

    /// Changes a product that exists. What every product has cannot be cleared.
    ///
    /// # Errors
    /// Every problem at once; the product is then left in an unspecified state and must not be kept.
    pub fn update(&mut self, patch: ProductPatch, around: Surroundings<'_>) -> Result<(), Rejection> {
        let mut problems = Problem::of_each(
            &[
                ("name", matches!(patch.name, Patch::Clear)),
                ("token_address", matches!(patch.token_address, Patch::Clear)),
                ("chain_id", matches!(patch.chain_id, Patch::Clear)),
            ],
            Problem::uncleared,
        );
        if let Err(refused) = self.apply(patch, around) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)
    }

    /// Takes the product out of use; `false` when it is out of use already.
    pub fn archive(&mut self, now: Timestamp) -> bool {
        let changed = self.terms.active;
        if changed {
            self.terms.active = false;
            self.touch(now);
        }
        changed
    }

    /// The terms of a payment link that sells this product: those of the product, changed by `overrides`. The price
    /// of a variable product is what the link suggests, unless the link has a price of its own.
    ///
    /// # Errors
    /// `product_inactive`.
    pub fn link_terms(&self, overrides: TermsPatch) -> Result<TermsPatch, Rejection> {
        if !self.terms.active {
            let message = format!("The product '{}' is not active: no link can be made from it.", self.id);
            return Err(Problem::new(Code::ProductInactive, message).into());
        }
        fn copied<T: Clone>(field: &Option<T>) -> Patch<T> {
            field.clone().map_or(Patch::Keep, Patch::Set)
        }
        let terms = &self.terms;
        let variable = terms.product_type == ProductType::Variable;
        let priced_otherwise =
            overrides.amount.value().is_some() || overrides.items.value().is_some_and(|items| !items.is_empty());
        let suggested = if variable && !priced_otherwise { copied(&terms.amount) } else { Patch::Keep };
        let fixed = if variable { Patch::Keep } else { copied(&terms.amount) };
        Ok(TermsPatch {
            name: overrides.name.or(Patch::Set(terms.name.clone())),
            description: overrides.description.or(copied(&terms.description)),
            amount: overrides.amount.or(fixed),
            suggested_amount: overrides.suggested_amount.or(suggested),
            token_address: overrides.token_address.or(Patch::Set(terms.token_address.clone())),
            chain_id: overrides.chain_id.or(Patch::Set(terms.chain_id)),
            recipient_address: overrides.recipient_address.or(copied(&terms.recipient_address)),
            product_id: overrides.product_id.or(Patch::Set(self.id.clone())),
            image_url: overrides.image_url.or(copied(&terms.image_url)),
            form_schema: overrides.form_schema.or(copied(&terms.form_schema)),
            shipping_options: overrides.shipping_options.or(copied(&terms.shipping_options)),
            ..overrides
        })
    }

    /// Changes what the patch names, and checks the result as a whole.
    fn apply(&mut self, patch: ProductPatch, around: Surroundings<'_>) -> Result<(), Rejection> {
        let mut problems = settlement_problems(
            self.owner.mode,
            patch.chain_id.value().copied(),
            patch.recipient_address.value(),
            around.chains,
        );
        let paid_anew = patch.token_address.is_sent() || patch.recipient_address.is_sent();
        let terms = &mut self.terms;
        patch.name.replace(&mut terms.name);
        patch.description.apply(&mut terms.description);
        patch.amount.apply(&mut terms.amount);
        patch.token_address.replace(&mut terms.token_address);
        patch.chain_id.replace(&mut terms.chain_id);
        patch.recipient_address.apply(&mut terms.recipient_address);
        patch.product_type.apply_or(&mut terms.product_type, ProductType::OneTime);
        patch.image_url.apply(&mut terms.image_url);
        Metadata::apply(&mut terms.metadata, patch.metadata);
        patch.form_schema.apply(&mut terms.form_schema);
        patch.shipping_options.apply(&mut terms.shipping_options);
        patch.active.apply_or(&mut terms.active, true);
        if paid_anew {
            problems.extend(recipient_problem(terms.recipient_address.as_ref(), Some(&terms.token_address)));
        }
        self.touch(around.now);
        problems.extend(self.problems());
        Rejection::unless_empty(problems)
    }

    const fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.version += 1;
    }

    /// What is contradictory about the product as it would be.
    fn problems(&self) -> Vec<Problem> {
        let terms = &self.terms;
        let mut problems = Vec::new();
        if terms.amount.is_none() && terms.product_type != ProductType::Variable {
            problems.push(Problem {
                code: Code::MissingRequiredField,
                message: "The 'amount' field is required unless 'product_type' is 'variable'.".to_owned(),
                param: Some("amount".to_owned()),
            });
        }
        problems.extend(terms.form_schema.iter().flat_map(FormSchema::problems));
        problems.extend(terms.shipping_options.iter().flat_map(|options| shipping_problems(options)));
        problems.extend(terms.metadata.iter().filter_map(Metadata::problem));
        let bytes = serde_json::to_vec(terms).map_or(0, |json| json.len());
        if bytes > MAX_PRODUCT_BYTES {
            problems.push(Problem::new(
                Code::PayloadTooLarge,
                format!(
                    "A product can hold at most {MAX_PRODUCT_BYTES} bytes in all, and this one would have {bytes}."
                ),
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{Chains, USDC_ON_BASE};
    use crate::{Mode, OrgId};

    fn product(product_type: ProductType, amount: Option<&str>) -> Result<Product, Rejection> {
        let now = Timestamp::from_millis(1).unwrap();
        let patch = ProductPatch {
            name: Patch::Set(Name::parse("T-shirt").unwrap()),
            amount: amount.map_or(Patch::Keep, |amount| Patch::Set(Amount::parse(amount).unwrap())),
            token_address: Patch::Set(USDC_ON_BASE.address()),
            chain_id: Patch::Set(8453),
            recipient_address: Patch::Set(Address::parse("0x1234567890abcdef1234567890abcdef12345678").unwrap()),
            product_type: Patch::Set(product_type),
            ..ProductPatch::default()
        };
        let owner = Owner { org: OrgId::generate(now), mode: Mode::Test };
        Product::create(ProductId::generate(now), owner, patch, Surroundings { now, chains: &Chains::default() })
    }

    #[test]
    fn every_type_reads_as_it_is_written() {
        for (&name, &product_type) in std::iter::zip(ProductType::NAMES, ProductType::ALL) {
            assert_eq!((ProductType::parse(name).unwrap(), product_type.as_str()), (product_type, name));
            assert_eq!(serde_json::to_value(product_type).unwrap(), name);
        }
    }

    #[test]
    fn only_a_variable_product_goes_without_a_price() {
        assert!(product(ProductType::Variable, None).is_ok());
        for fixed in [ProductType::OneTime, ProductType::Subscription] {
            let problems = product(fixed, None).unwrap_err().into_problems();
            assert_eq!((problems[0].code, problems[0].param.as_deref()), (Code::MissingRequiredField, Some("amount")));
        }
    }

    #[test]
    fn the_price_of_a_variable_product_is_a_suggestion_until_the_link_has_a_price_of_its_own() {
        let amount = Patch::Set(Amount::parse("5").unwrap());
        let priced = |product_type, overrides| {
            let terms = product(product_type, Some("5")).unwrap().link_terms(overrides).unwrap();
            (terms.amount, terms.suggested_amount)
        };
        assert_eq!(priced(ProductType::OneTime, TermsPatch::default()), (amount.clone(), Patch::Keep));
        assert_eq!(priced(ProductType::Variable, TermsPatch::default()), (Patch::Keep, amount.clone()));
        let own_price = TermsPatch { amount: amount.clone(), ..TermsPatch::default() };
        assert_eq!(priced(ProductType::Variable, own_price), (amount, Patch::Keep));
    }

    #[test]
    fn archiving_twice_is_archiving_once_and_ends_the_making_of_links() {
        let mut product = product(ProductType::OneTime, Some("5")).unwrap();
        let now = Timestamp::from_millis(3).unwrap();
        assert!(product.archive(now) && !product.archive(now));
        let problems = product.link_terms(TermsPatch::default()).unwrap_err().into_problems();
        assert_eq!(problems[0].code, Code::ProductInactive);
    }
}
