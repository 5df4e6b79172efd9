//! Products: one row each.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row};
use crate::limits::ITEM_BYTES;
use crate::list::{self, Columns, Facet, IdShape, ListId, ListRow, Sort, Suffix, keys};
use crate::schema::Key;
use anyspend_domain::pasted::{fold_case, holds};
use anyspend_domain::product::{MAX_PRODUCT_BYTES, Product, ProductType};
use anyspend_domain::{Owner, ProductId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use strum::{IntoStaticStr, VariantArray};

const _: () = assert!(MAX_PRODUCT_BYTES < ITEM_BYTES);

/// What lists know of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductColumns {
    active: bool,
    product_type: ProductType,
    /// Milliseconds from when it was made to when the merchant last changed it.
    updated_after: u64,
    folded_name: String,
    folded_description: Option<String>,
}

impl ProductColumns {
    fn of(product: &Product) -> Self {
        Self {
            active: product.terms.active,
            product_type: product.terms.product_type,
            updated_after: product.updated_at.millis_since(product.id.made_at()),
            folded_name: fold_case(product.terms.name.as_str()),
            folded_description: product.terms.description.as_ref().map(|text| fold_case(text.as_str())),
        }
    }
}

/// The filters of lists of products: active or archived, and of one type or any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "each says whether its products are active, and of which type")]
pub enum ProductFacet {
    #[default]
    Active,
    ActiveOneTime,
    ActiveSubscription,
    ActiveVariable,
    Archived,
    ArchivedOneTime,
    ArchivedSubscription,
    ArchivedVariable,
}

impl ProductFacet {
    /// The facet of the products that are active, or archived, and priced in one way or any.
    pub const fn of(active: bool, product_type: Option<ProductType>) -> Self {
        match (active, product_type) {
            (true, None) => Self::Active,
            (true, Some(ProductType::OneTime)) => Self::ActiveOneTime,
            (true, Some(ProductType::Subscription)) => Self::ActiveSubscription,
            (true, Some(ProductType::Variable)) => Self::ActiveVariable,
            (false, None) => Self::Archived,
            (false, Some(ProductType::OneTime)) => Self::ArchivedOneTime,
            (false, Some(ProductType::Subscription)) => Self::ArchivedSubscription,
            (false, Some(ProductType::Variable)) => Self::ArchivedVariable,
        }
    }
}

impl Facet<ProductColumns> for ProductFacet {
    fn holds(self, product: &ProductColumns, _: Timestamp) -> bool {
        self == Self::of(product.active, None) || self == Self::of(product.active, Some(product.product_type))
    }
}

/// The orders of lists of products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is what it sorts by")]
pub enum ProductSort {
    #[default]
    CreatedAt,
    UpdatedAt,
    Name,
}

impl Sort<ProductColumns> for ProductSort {
    fn key(self, product: &ProductColumns, made_at: Timestamp) -> Vec<u8> {
        match self {
            Self::CreatedAt => keys::created(),
            Self::UpdatedAt => keys::moment(made_at.plus_millis(product.updated_after)),
            Self::Name => keys::text(&product.folded_name),
        }
    }
}

impl Columns for ProductColumns {
    const OBJECT: &'static str = ProductId::OBJECT;
    const ID: IdShape = IdShape { prefix: ProductId::PREFIX, suffix: Suffix::None };
    type Facet = ProductFacet;
    type Sort = ProductSort;

    fn contains(&self, _: &str, sought: &str) -> bool {
        holds(&self.folded_name, sought)
            || self.folded_description.as_ref().is_some_and(|description| holds(description, sought))
    }

    fn without_texts(self) -> Self {
        Self { folded_description: None, ..self }
    }
}

fn listed(was: Option<&Product>, is: &Product) -> Result<Vec<Write>, StoreError> {
    let (was, columns) = (was.map(ProductColumns::of), ProductColumns::of(is));
    let list = ListId::all::<ProductColumns>(&is.owner);
    list::changed(&list, is.id.as_str(), is.version, was.as_ref(), Some(&columns), is.updated_at)
}

fn stored(product: &Product) -> Result<Item, StoreError> {
    row(&Key::product(&product.id), product)
}

/// The writes that make a product.
pub fn create(product: &Product) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::put(stored(product)?).if_new()];
    writes.extend(listed(None, product)?);
    Ok(writes)
}

/// The writes that change a product from what it was read as to what it is to be. Nothing but the merchant changes a
/// product, so the whole row is written.
pub fn update(was: &Product, is: &Product) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::put(stored(is)?).at_version(was.version)];
    writes.extend(listed(Some(was), is)?);
    Ok(writes)
}

impl Db {
    /// The product with this id, whoever owns it.
    pub async fn find_product(&self, id: &ProductId) -> Result<Option<Product>, StoreError> {
        self.find(&Key::product(id)).await
    }

    /// Which of these products `owner` has, archived ones included.
    pub async fn existing_products(
        &self,
        owner: &Owner,
        ids: BTreeSet<&ProductId>,
    ) -> Result<BTreeSet<ProductId>, StoreError> {
        let keys: Vec<Key> = ids.into_iter().map(Key::product).collect();
        let found = self.batch_get_consistent(&keys).await?.into_iter().map(read::<Product>);
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|product| product.owner == *owner).map(|product| product.id).collect())
    }

    /// The whole products of a page, in its order.
    pub async fn get_products(&self, page: &[ListRow]) -> Result<Vec<Product>, StoreError> {
        let key = |id: &str| ProductId::parse(id).as_ref().map(Key::product);
        self.get_page(page, key).await?.into_iter().map(read).collect()
    }
}
