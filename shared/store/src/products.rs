//! Products: one row each, with the columns its list filters and sorts by beside what the merchant decided.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::list::Listed;
use crate::schema::{self, Key, list_partition};
use anyspend_domain::product::{Product, ProductTerms, ProductType};
use anyspend_domain::text::fold_case;
use anyspend_domain::{Mode, OrgId, Owner, ProductId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

#[derive(Debug, Serialize, Deserialize)]
struct StoredProduct {
    id: ProductId,
    org: OrgId,
    mode: Mode,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
    terms: ProductTerms,
    switched_on: bool,
    product_type: ProductType,
    folded_name: String,
    folded_description: Option<String>,
}

/// What a list needs to know of a product before it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SlimProduct {
    /// The product.
    #[serde(rename = "lsk")]
    pub id: ProductId,
    /// Whether links can be made from it.
    #[serde(rename = "switched_on")]
    pub active: bool,
    /// How it is priced.
    pub product_type: ProductType,
    /// When the merchant last changed it.
    pub updated_at: Timestamp,
    /// The name, case-folded.
    pub folded_name: String,
    folded_description: Option<String>,
}

impl SlimProduct {
    /// Whether the name or the description contains `folded`, a case-folded text.
    pub fn contains(&self, folded: &str) -> bool {
        self.folded_name.contains(folded)
            || self.folded_description.as_ref().is_some_and(|description| description.contains(folded))
    }
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
        switched_on: product.terms.active,
        product_type: product.terms.product_type,
        folded_name: fold_case(product.terms.name.as_str()),
        folded_description: product.terms.description.as_ref().map(|text| fold_case(text.as_str())),
    };
    let mut item = row(&Key::product(&product.id), &stored)?;
    Listed { owner: &product.owner, object: ProductId::OBJECT, id: product.id.as_str() }.enter(&mut item);
    Ok(item)
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

/// The write that makes a product.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(product: &Product) -> Result<Write, StoreError> {
    Ok(Write::create(whole(product)?))
}

/// The write that changes a product which was read at `version`. Nothing but the merchant changes a product, so the
/// whole row is written.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn update(product: &Product, version: u64) -> Result<Write, StoreError> {
    Ok(Write::replace_at_version(whole(product)?, version))
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

    /// What lists need to know of every product of an owner, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_slim_products(&self, owner: &Owner) -> Result<Vec<SlimProduct>, StoreError> {
        let rows = self.list_rows(&list_partition(owner, ProductId::OBJECT)).await?;
        rows.into_iter().map(read).collect()
    }

    /// The whole products of a page, in its order.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get_products(&self, page: &[SlimProduct]) -> Result<Vec<Product>, StoreError> {
        let keys: Vec<Key> = page.iter().map(|slim| Key::product(&slim.id)).collect();
        let mut rows: HashMap<String, Item> = HashMap::new();
        for item in self.batch_get(&keys).await? {
            rows.insert(string(&item, schema::PK).to_owned(), item);
        }
        keys.iter().filter_map(|key| rows.remove(&key.pk)).map(product).collect()
    }
}
