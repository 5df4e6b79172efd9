//! Products: one row each.

use crate::Write;
use crate::db::{Db, Item, StoreError, in_order, read, row};
use crate::list::{self, Columns, Facet, IdShape, ListId, ListRow, Sort, Suffix, keys};
use crate::schema::Key;
use anyspend_domain::pasted::{fold_case, holds};
use anyspend_domain::product::{Product, ProductTerms, ProductType};
use anyspend_domain::{Mode, OrgId, Owner, ProductId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Serialize, Deserialize)]
struct StoredProduct {
    id: ProductId,
    org: OrgId,
    mode: Mode,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
    terms: ProductTerms,
}

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

    /// The facet of the products that are active, or archived, and priced in one way or any.
    pub fn facet(active: bool, product_type: Option<ProductType>) -> usize {
        let of_type = match product_type {
            None => 0,
            Some(ProductType::OneTime) => 1,
            Some(ProductType::Subscription) => 2,
            Some(ProductType::Variable) => 3,
        };
        if active { of_type } else { 4 + of_type }
    }
}

impl Columns for ProductColumns {
    const OBJECT: &'static str = ProductId::OBJECT;
    const ID: IdShape = IdShape { prefix: ProductId::PREFIX, suffix: Suffix::None };
    const SORTS: &'static [Sort<Self>] = &[
        Sort { name: "created_at", key: keys::created },
        Sort { name: "updated_at", key: |product, made_at| keys::moment(made_at.plus_millis(product.updated_after)) },
        Sort { name: "name", key: |product, _| keys::text(&product.folded_name) },
    ];
    const FACETS: &'static [Facet<Self>] = &[
        Facet { name: "active", holds: |product, _| product.active },
        Facet { name: "active-one-time", holds: |one, _| one.active && one.product_type == ProductType::OneTime },
        Facet {
            name: "active-subscription",
            holds: |one, _| one.active && one.product_type == ProductType::Subscription,
        },
        Facet { name: "active-variable", holds: |one, _| one.active && one.product_type == ProductType::Variable },
        Facet { name: "archived", holds: |product, _| !product.active },
        Facet { name: "archived-one-time", holds: |one, _| !one.active && one.product_type == ProductType::OneTime },
        Facet {
            name: "archived-subscription",
            holds: |one, _| !one.active && one.product_type == ProductType::Subscription,
        },
        Facet { name: "archived-variable", holds: |one, _| !one.active && one.product_type == ProductType::Variable },
    ];

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

fn whole(product: &Product) -> Result<Item, StoreError> {
    let stored = StoredProduct {
        id: product.id.clone(),
        org: product.owner.org.clone(),
        mode: product.owner.mode,
        created_at: product.created_at,
        updated_at: product.updated_at,
        version: product.version,
        terms: product.terms.clone(),
    };
    row(&Key::product(&product.id), &stored)
}

fn product(item: Item) -> Result<Product, StoreError> {
    let stored: StoredProduct = read(item)?;
    Ok(Product {
        id: stored.id,
        owner: Owner { org: stored.org, mode: stored.mode },
        terms: stored.terms,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        version: stored.version,
    })
}

/// The writes that make a product.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(product: &Product) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::create(whole(product)?)];
    writes.extend(listed(None, product)?);
    Ok(writes)
}

/// The writes that change a product from what it was read as to what it is to be. Nothing but the merchant changes a
/// product, so the whole row is written.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn update(was: &Product, is: &Product) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::replace_at_version(whole(is)?, was.version)];
    writes.extend(listed(Some(was), is)?);
    Ok(writes)
}

impl Db {
    /// The product with this id, whoever owns it.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_product(&self, id: &ProductId) -> Result<Option<Product>, StoreError> {
        self.get(&Key::product(id), true).await?.map(product).transpose()
    }

    /// Which of these products `owner` has, archived ones included.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn existing_products(
        &self,
        owner: &Owner,
        ids: BTreeSet<&ProductId>,
    ) -> Result<BTreeSet<ProductId>, StoreError> {
        let keys: Vec<Key> = ids.into_iter().map(Key::product).collect();
        let found = self.batch_get_consistent(&keys).await?.into_iter().map(product);
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|product| product.owner == *owner).map(|product| product.id).collect())
    }

    /// The whole products of a page, in its order.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get_products(&self, page: &[ListRow]) -> Result<Vec<Product>, StoreError> {
        let key = |listed: &ListRow| ProductId::parse(&listed.id).as_ref().map(Key::product);
        let items = self.get_listed(page, |listed| key(listed).into_iter().collect()).await?;
        in_order(page.iter().filter_map(key), items).map(product).collect()
    }
}
