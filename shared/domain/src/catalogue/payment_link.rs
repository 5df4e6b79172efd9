//! What a payment link may be and become.
//!
//! A create, an update, a duplicate and a quick-pay link all go through [`PaymentLink::apply`] and the same checks,
//! so a rule stands here once.

use crate::bounds::Bounds;
use crate::chain::Chains;
use crate::line_item::{self, LineItem, MAX_LINE_ITEMS, NewLineItem};
use crate::link_form::{FormSchema, ShippingOption, shipping_problems};
use crate::metadata::MetadataPatch;
use crate::text::{Caption, Description, Name, ThemeColor};
use crate::web_url::WebUrl;
use crate::{
    Address, Amount, Code, LineItemId, Metadata, Mode, Owner, Patch, PaymentLinkId, Problem, ProductId, Rejection,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// Most bytes of a link and its items as compact JSON: it keeps every database item below DynamoDB's 400 KB,
/// whatever the link has grown to by many small changes.
pub const MAX_LINK_BYTES: usize = 262_144;

/// Custom branding of the checkout page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branding {
    /// The merchant's logo.
    pub logo_url: Option<WebUrl>,
    /// The name shown instead of the organization's.
    pub business_name: Option<Name>,
}

/// What the merchant decides about a link, and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Shown to the payer.
    pub name: Name,
    /// Shown to the payer.
    pub description: Option<Description>,
    /// What is paid with.
    pub token_address: Address,
    /// Where it is paid.
    pub chain_id: u64,
    /// Who is paid.
    pub recipient_address: Address,
    /// The fixed price, when one was set.
    pub amount: Option<Amount>,
    /// The least a payer may choose.
    pub min_amount: Option<Amount>,
    /// The most a payer may choose.
    pub max_amount: Option<Amount>,
    /// What the page proposes.
    pub suggested_amount: Option<Amount>,
    /// The product this link sells.
    pub product_id: Option<ProductId>,
    /// Shown to the payer.
    pub image_url: Option<WebUrl>,
    /// The page's accent.
    pub theme_color: Option<ThemeColor>,
    /// What the pay button says.
    pub button_text: Option<Caption>,
    /// Completed payments after which the link closes, at least 1.
    pub max_uses: Option<u64>,
    /// When the link closes.
    pub expires_at: Option<Timestamp>,
    /// The merchant's own switch.
    pub switched_on: bool,
    /// What the payer fills in.
    pub form_schema: Option<FormSchema>,
    /// Ways of sending goods.
    pub shipping_options: Option<Vec<ShippingOption>>,
    /// Whether the payer gives a postal address.
    pub collect_shipping_address: bool,
    /// Where the payer goes afterwards.
    pub return_url: Option<WebUrl>,
    /// What the way back says.
    pub return_label: Option<Caption>,
    /// The page's look.
    pub branding: Option<Branding>,
    /// Whether the platform fee is added to the price.
    pub fee_on_top: bool,
    /// The merchant's own notes.
    pub metadata: Option<Metadata>,
}

/// A payment link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLink {
    /// `pl_…`; ends with the short code.
    pub id: PaymentLinkId,
    /// Whose it is.
    pub owner: Owner,
    /// What the merchant decided.
    pub terms: Terms,
    /// By position.
    pub items: Vec<LineItem>,
    /// Completed payments so far.
    pub uses: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the merchant last changed it.
    pub updated_at: Timestamp,
    /// Counts the merchant's changes; a write names the version it was decided on.
    pub version: u64,
}

/// A create or update, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `Terms`")]
pub struct TermsPatch {
    pub name: Patch<Name>,
    pub description: Patch<Description>,
    pub token_address: Patch<Address>,
    pub chain_id: Patch<u64>,
    pub recipient_address: Patch<Address>,
    pub amount: Patch<Amount>,
    pub min_amount: Patch<Amount>,
    pub max_amount: Patch<Amount>,
    pub suggested_amount: Patch<Amount>,
    pub product_id: Patch<ProductId>,
    pub image_url: Patch<WebUrl>,
    pub theme_color: Patch<ThemeColor>,
    pub button_text: Patch<Caption>,
    pub max_uses: Patch<u64>,
    pub expires_at: Patch<Timestamp>,
    pub active: Patch<bool>,
    pub form_schema: Patch<FormSchema>,
    pub shipping_options: Patch<Vec<ShippingOption>>,
    pub collect_shipping_address: Patch<bool>,
    pub return_url: Patch<WebUrl>,
    pub return_label: Patch<Caption>,
    pub branding: Patch<Branding>,
    pub fee_on_top: Patch<bool>,
    pub metadata: Patch<MetadataPatch>,
    pub items: Patch<Vec<NewLineItem>>,
}

impl TermsPatch {
    /// The products it names, each with the path of the field that names it.
    pub fn products(&self) -> Vec<(String, ProductId)> {
        let of_link = self.product_id.value().map(|id| ("product_id".to_owned(), id.clone()));
        let items = self.items.value().into_iter().flatten().enumerate();
        let of_items =
            items.filter_map(|(index, item)| Some((format!("items[{index}].product_id"), item.product_id.clone()?)));
        of_link.into_iter().chain(of_items).collect()
    }
}

/// What a decision needs to know of the world.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The moment of the decision.
    pub now: Timestamp,
    /// The chains this deployment serves.
    pub chains: &'a Chains,
}

impl PaymentLink {
    /// Makes a link.
    ///
    /// # Errors
    /// Every problem of the request at once: required fields that are missing, and what [`Self::apply`] refuses.
    pub fn create(
        id: PaymentLinkId,
        owner: Owner,
        patch: TermsPatch,
        around: Surroundings<'_>,
    ) -> Result<Self, Rejection> {
        let mut problems = Problem::of_each(
            &[
                ("name", patch.name.value().is_none()),
                ("token_address", patch.token_address.value().is_none()),
                ("chain_id", patch.chain_id.value().is_none()),
                ("recipient_address", patch.recipient_address.value().is_none()),
            ],
            Problem::missing,
        );
        // Placeholders stand in for what is missing, so that the rest is checked in the same pass.
        let mut link = Self {
            id,
            owner,
            terms: Terms {
                name: Name::untitled(),
                description: None,
                token_address: Address::zero(),
                chain_id: 0,
                recipient_address: Address::zero(),
                amount: None,
                min_amount: None,
                max_amount: None,
                suggested_amount: None,
                product_id: None,
                image_url: None,
                theme_color: None,
                button_text: None,
                max_uses: None,
                expires_at: None,
                switched_on: true,
                form_schema: None,
                shipping_options: None,
                collect_shipping_address: false,
                return_url: None,
                return_label: None,
                branding: None,
                fee_on_top: false,
                metadata: None,
            },
            items: Vec::new(),
            uses: 0,
            created_at: around.now,
            updated_at: around.now,
            version: 0,
        };
        if let Err(refused) = link.apply(patch, around) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)?;
        Ok(link)
    }

    /// Makes another link of this one: the same terms and items, changed by `patch`, with nothing paid yet.
    /// `item_id` draws the id of each copied item.
    ///
    /// # Errors
    /// Every problem at once, as for an update: what contradicts the copied terms must be cleared with the patch.
    pub fn duplicate(
        &self,
        id: PaymentLinkId,
        mut item_id: impl FnMut() -> LineItemId,
        mut patch: TermsPatch,
        around: Surroundings<'_>,
    ) -> Result<Self, Rejection> {
        let now = around.now;
        let mut copy = Self { id, uses: 0, created_at: now, version: 0, ..self.clone() };
        copy.terms.switched_on = true;
        copy.terms.expires_at = self.terms.expires_at.filter(|&expiry| now < expiry);
        for item in &mut copy.items {
            item.id = item_id();
            item.created_at = now;
            item.updated_at = now;
        }
        if patch.name.value().is_none() {
            patch.name = Patch::Set(self.terms.name.copy_of());
        }
        // A copy is a new link: its chain must be one that takes new links, whatever it was when the first was made.
        patch.chain_id = patch.chain_id.or(Patch::Set(self.terms.chain_id));
        copy.update(patch, around)?;
        Ok(copy)
    }

    /// Changes a link that exists. What every link has cannot be cleared.
    ///
    /// # Errors
    /// Every problem at once; the link is then left in an unspecified state and must not be kept.
    pub fn update(&mut self, patch: TermsPatch, around: Surroundings<'_>) -> Result<(), Rejection> {
        let mut problems = Problem::of_each(
            &[
                ("name", matches!(patch.name, Patch::Clear)),
                ("token_address", matches!(patch.token_address, Patch::Clear)),
                ("chain_id", matches!(patch.chain_id, Patch::Clear)),
                ("recipient_address", matches!(patch.recipient_address, Patch::Clear)),
            ],
            Problem::uncleared,
        );
        if let Err(refused) = self.apply(patch, around) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)
    }

    /// Changes what the patch names, and checks the result as a whole.
    fn apply(&mut self, patch: TermsPatch, around: Surroundings<'_>) -> Result<(), Rejection> {
        let mut problems = self.problems_of_patch(&patch, around);
        let paid_anew = patch.token_address.is_sent() || patch.recipient_address.is_sent();
        let terms = &mut self.terms;
        patch.name.replace(&mut terms.name);
        patch.token_address.replace(&mut terms.token_address);
        patch.chain_id.replace(&mut terms.chain_id);
        patch.recipient_address.replace(&mut terms.recipient_address);
        patch.description.apply(&mut terms.description);
        patch.amount.apply(&mut terms.amount);
        patch.min_amount.apply(&mut terms.min_amount);
        patch.max_amount.apply(&mut terms.max_amount);
        patch.suggested_amount.apply(&mut terms.suggested_amount);
        patch.product_id.apply(&mut terms.product_id);
        patch.image_url.apply(&mut terms.image_url);
        patch.theme_color.apply(&mut terms.theme_color);
        patch.button_text.apply(&mut terms.button_text);
        patch.max_uses.apply(&mut terms.max_uses);
        patch.expires_at.apply(&mut terms.expires_at);
        patch.active.apply_or(&mut terms.switched_on, true);
        patch.form_schema.apply(&mut terms.form_schema);
        patch.shipping_options.apply(&mut terms.shipping_options);
        patch.collect_shipping_address.apply_or(&mut terms.collect_shipping_address, false);
        patch.return_url.apply(&mut terms.return_url);
        patch.return_label.apply(&mut terms.return_label);
        patch.branding.apply(&mut terms.branding);
        patch.fee_on_top.apply_or(&mut terms.fee_on_top, false);
        Metadata::apply(&mut terms.metadata, patch.metadata);
        match patch.items {
            Patch::Keep => {}
            Patch::Clear => self.items.clear(),
            Patch::Set(items) => {
                self.items.clear();
                for item in items {
                    self.push_item(item, around.now);
                }
            }
        }
        self.touch(around.now);
        // A link that was made before this was asked can still be changed otherwise.
        if paid_anew {
            problems.extend(recipient_problem(Some(&self.terms.recipient_address), Some(&self.terms.token_address)));
        }
        problems.extend(self.problems());
        Rejection::unless_empty(problems)
    }

    /// Adds one line item and returns it.
    ///
    /// # Errors
    /// When the link has [`MAX_LINE_ITEMS`] already, or the result would contradict itself.
    pub fn add_item(&mut self, item: NewLineItem, now: Timestamp) -> Result<LineItem, Rejection> {
        let id = item.id.clone();
        self.push_item(item, now);
        self.touch(now);
        Rejection::unless_empty(self.problems())?;
        self.items.iter().find(|item| item.id == id).cloned().ok_or_else(|| Problem::missing("items").into())
    }

    /// Removes one line item; `false` when the link has no such item.
    pub fn remove_item(&mut self, id: &LineItemId, now: Timestamp) -> bool {
        let before = self.items.len();
        self.items.retain(|item| item.id != *id);
        let removed = self.items.len() < before;
        if removed {
            self.touch(now);
        }
        removed
    }

    /// What the payer owes, when that is fixed: the price, or the total of the items.
    pub fn amount(&self) -> Option<Amount> {
        self.terms.amount.or_else(|| line_item::total(&self.items))
    }

    /// Whether the link takes payments at `now`: switched on, not expired, not used up.
    pub fn is_active(&self, now: Timestamp) -> bool {
        is_active(self.terms.switched_on, self.terms.expires_at, self.terms.max_uses, self.uses, now)
    }

    fn push_item(&mut self, item: NewLineItem, now: Timestamp) {
        let next = self.items.iter().map(|item| item.sort_order.saturating_add(1)).max().unwrap_or(0);
        self.items.push(item.added(next, now));
        // Stable: items of equal position stay in the order they were added.
        self.items.sort_by_key(|item| item.sort_order);
    }

    const fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.version += 1;
    }

    /// What is wrong with the values sent, whatever the link they are sent to.
    fn problems_of_patch(&self, patch: &TermsPatch, around: Surroundings<'_>) -> Vec<Problem> {
        let mut problems = settlement_problems(
            self.owner.mode,
            patch.chain_id.value().copied(),
            patch.recipient_address.value(),
            around.chains,
        );
        if patch.expires_at.value().is_some_and(|&expiry| expiry <= around.now) {
            problems.push(Problem::invalid("expires_at", "must be in the future"));
        }
        problems
    }

    /// What is contradictory about the link as it would be.
    fn problems(&self) -> Vec<Problem> {
        let terms = &self.terms;
        let bounds = [
            ("min_amount", terms.min_amount),
            ("max_amount", terms.max_amount),
            ("suggested_amount", terms.suggested_amount),
        ];
        let mut problems = Vec::new();
        let fixed_by = match (terms.amount, self.items.is_empty()) {
            (Some(_), _) => Some("a fixed 'amount'"),
            (None, false) => Some("'items', whose total is the price"),
            (None, true) => None,
        };
        if let Some(reason) = fixed_by {
            for (param, _) in bounds.iter().filter(|(_, bound)| bound.is_some()) {
                problems.push(Problem::invalid(
                    param,
                    format!("is for variable-amount links: it cannot stand beside {reason}"),
                ));
            }
        }
        let ordered = |low: Option<Amount>, high: Option<Amount>| low.zip(high).is_none_or(|(low, high)| low <= high);
        if !ordered(terms.min_amount, terms.max_amount) {
            problems.push(Problem::invalid("min_amount", "must not be more than 'max_amount'"));
        }
        if !ordered(terms.min_amount, terms.suggested_amount) {
            problems.push(Problem::invalid("suggested_amount", "must not be less than 'min_amount'"));
        }
        if !ordered(terms.suggested_amount, terms.max_amount) {
            problems.push(Problem::invalid("suggested_amount", "must not be more than 'max_amount'"));
        }
        if self.items.len() > MAX_LINE_ITEMS {
            problems.push(Problem::invalid("items", format!("must be at most {MAX_LINE_ITEMS} a link")));
        }
        if !self.items.is_empty() && line_item::total(&self.items).is_none() {
            problems.push(Problem::invalid("items", "have a total that is more than 2^256-1"));
        }
        if let Some(form) = &terms.form_schema {
            problems.extend(form.problems());
        }
        if let Some(options) = &terms.shipping_options {
            problems.extend(shipping_problems(options));
        }
        let bytes = serde_json::to_vec(&(terms, &self.items)).map_or(0, |json| json.len());
        if bytes > MAX_LINK_BYTES {
            problems.push(Problem::new(
                Code::PayloadTooLarge,
                format!(
                    "A payment link can hold at most {MAX_LINK_BYTES} bytes in all, and this one would have {bytes}."
                ),
            ));
        }
        problems.extend(terms.metadata.iter().filter_map(Metadata::problem));
        problems
    }
}

impl Terms {
    /// Why a payer may not choose an amount on a variable link, if so.
    pub fn problem_of_choice(&self, amount: Amount) -> Option<Problem> {
        Bounds { min: self.min_amount, max: self.max_amount }.problem_of_choice(amount)
    }
}

/// What is wrong with where the money would go: a chain that is not served, or an address nobody holds.
pub(crate) fn settlement_problems(
    mode: Mode,
    chain_id: Option<u64>,
    recipient: Option<&Address>,
    chains: &Chains,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(chain_id) = chain_id {
        if !chains.contains(chain_id) {
            let known = chains.ids().iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            problems.push(Problem::invalid("chain_id", format!("must be one of the configured chains: {known}")));
        } else if mode.is_live() && !chains.can_settle(chain_id) {
            problems.push(Problem::invalid(
                "chain_id",
                "names a chain on which this deployment cannot verify payments: no RPC endpoint is configured for it",
            ));
        }
    }
    if recipient.is_some_and(Address::is_zero) {
        problems.push(Problem {
            code: Code::InvalidAddress,
            message: "The 'recipient_address' field must not be the zero address: money sent there is lost.".to_owned(),
            param: Some("recipient_address".to_owned()),
        });
    }
    problems
}

/// What is wrong with being paid at the contract of the very token: no contract of a token gives back what it holds.
pub(crate) fn recipient_problem(recipient: Option<&Address>, token: Option<&Address>) -> Option<Problem> {
    let lost = recipient.is_some() && recipient == token;
    lost.then(|| Problem {
        code: Code::InvalidAddress,
        message: "The 'recipient_address' field must not be the token's own address: money sent there is lost."
            .to_owned(),
        param: Some("recipient_address".to_owned()),
    })
}

/// The one rule of what `active` means, for a whole link and for the slim row of a list alike.
pub fn is_active(
    switched_on: bool,
    expires_at: Option<Timestamp>,
    max_uses: Option<u64>,
    uses: u64,
    now: Timestamp,
) -> bool {
    switched_on && expires_at.is_none_or(|expiry| now < expiry) && max_uses.is_none_or(|most| uses < most)
}
