//! `GET /products`

use crate::{PRODUCTS, app, create_product, product_path, variable_product_body};
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(id).collect()
}

fn id(product: &Value) -> String {
    product["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn products_are_listed_newest_first_as_they_are_retrieved() {
    let app = app().await;
    let client = app.admin().await;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(create_product(&client, json!({"name": format!("{n}"), "metadata": {"k": "v"}})).await);
        app.advance_seconds(1);
    }
    made.reverse();
    let list = client.get(PRODUCTS).await.expect(200);
    assert_eq!(list["data"], json!(made));
    assert_eq!((&list["object"], &list["url"], &list["total_count"]), (&json!("list"), &json!(PRODUCTS), &json!(5)));
    let page = client.get(&format!("{PRODUCTS}?limit=2&page=2")).await.expect(200);
    assert_eq!(page["data"], json!(made[2..4]));
    assert_eq!(page["pagination"], json!({"page": 2, "limit": 2, "total": 5, "total_pages": 3, "has_more": true}));
}

#[tokio::test]
async fn archived_products_are_listed_only_when_asked_for() {
    let app = app().await;
    let client = app.admin().await;
    let kept = create_product(&client, json!({})).await;
    let archived = create_product(&client, json!({})).await;
    client.delete(&product_path(&archived)).await.expect(200);
    let switched_off = create_product(&client, json!({"active": false})).await;
    for query in ["", "?active=true", "?is_active=true"] {
        assert_eq!(ids(&client.get(&format!("{PRODUCTS}{query}")).await.expect(200)), [id(&kept)], "{query}");
    }
    for query in ["?active=false", "?is_active=false"] {
        let list = client.get(&format!("{PRODUCTS}{query}&sort=name&order=asc")).await.expect(200);
        let mut expected = [id(&archived), id(&switched_off)];
        expected.sort();
        assert_eq!((ids(&list), &list["total_count"]), (expected.to_vec(), &json!(2)));
        assert!(list["data"].as_array().unwrap().iter().all(|product| product["active"] == false));
    }
}

#[tokio::test]
async fn a_search_finds_names_and_descriptions_whatever_the_case() {
    let app = app().await;
    let client = app.admin().await;
    let named = create_product(&client, json!({"name": "Königstraße 5"})).await;
    app.advance_seconds(1);
    let described = create_product(&client, json!({"description": "A KÖNIGSTRASSE away"})).await;
    app.advance_seconds(1);
    let other = create_product(&client, json!({"name": "100% other_thing"})).await;
    let found = async |query: &str| ids(&client.get(&format!("{PRODUCTS}?search={query}&order=asc")).await.expect(200));
    assert_eq!(found("k%C3%B6nigstrasse").await, [id(&named), id(&described)]);
    assert_eq!(found("100%25").await, [id(&other)]);
    assert_eq!(found("").await.len(), 3);
    assert!(found(&id(&other)).await.is_empty());
    client.patch(&product_path(&described), &json!({"description": null})).await.expect(200);
    assert_eq!(found("k%C3%B6nigstrasse").await, [id(&named)]);
}

#[tokio::test]
async fn products_are_filtered_by_type_and_filters_add_up() {
    let app = app().await;
    let client = app.admin().await;
    let once = create_product(&client, json!({})).await;
    let monthly = create_product(&client, json!({"product_type": "subscription"})).await;
    let tip = client.post(PRODUCTS, &variable_product_body(json!({"name": "Tip"}))).await.expect(201);
    for (product_type, product) in [("one_time", &once), ("subscription", &monthly), ("variable", &tip)] {
        let list = client.get(&format!("{PRODUCTS}?product_type={product_type}")).await.expect(200);
        assert_eq!((ids(&list), &list["total_count"]), (vec![id(product)], &json!(1)));
    }
    client.patch(&product_path(&once), &json!({"product_type": "variable"})).await.expect(200);
    let list = client.get(&format!("{PRODUCTS}?product_type=variable&search=SHIRT")).await.expect(200);
    assert_eq!(ids(&list), [id(&once)]);
}

#[tokio::test]
async fn every_sort_is_a_total_order_both_ways_and_by_page_and_cursor() {
    let app = app().await;
    let client = app.admin().await;
    let mut products = Vec::new();
    for name in ["b", "A", "c", "a", "B", "é", "E"] {
        products.push(create_product(&client, json!({"name": name})).await);
        app.advance_seconds(1);
    }
    for index in [3, 0, 5] {
        app.advance_seconds(1);
        let path = product_path(&products[index]);
        products[index] = client.patch(&path, &json!({"description": "changed"})).await.expect(200);
    }
    for sort in ["created_at", "updated_at", "name"] {
        app.advance_seconds(60);
        let mut expected = products.clone();
        expected.sort_by_key(|product| {
            let value = match sort {
                "name" => anyspend_domain::pasted::fold_case(product["name"].as_str().unwrap()),
                "updated_at" => product["updated_at"].as_str().unwrap().to_owned(),
                _ => String::new(),
            };
            (value, id(product))
        });
        for order in ["asc", "desc"] {
            let expected = expected.iter().map(id);
            let expected: Vec<_> = if order == "asc" { expected.collect() } else { expected.rev().collect() };
            let mut by_page = Vec::new();
            for page in 1..=3 {
                let path = format!("{PRODUCTS}?sort={sort}&order={order}&limit=3&page={page}");
                by_page.extend(ids(&client.get(&path).await.expect(200)));
            }
            let (mut by_cursor, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("{PRODUCTS}?sort={sort}&order={order}&limit=2{cursor}");
                let list = client.get(&path).await.expect(200);
                by_cursor.extend(ids(&list));
                match list["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(by_page, expected, "{sort} {order}");
            assert_eq!(by_cursor, expected, "{sort} {order}");
        }
    }
}

#[tokio::test]
async fn parameters_out_of_range_are_refused_by_name() {
    let app = app().await;
    let client = app.admin().await;
    for (query, code, param) in [
        ("sort=uses", "invalid_field_value", "sort"),
        ("product_type=rental", "invalid_field_value", "product_type"),
        ("active=yes", "invalid_field_value", "active"),
        ("active=true&is_active=false", "invalid_field_value", "is_active"),
        (&format!("search={}", "a".repeat(201)), "invalid_field_value", "search"),
        ("limit=101", "invalid_field_value", "limit"),
        ("type=variable", "unknown_parameter", "type"),
    ] {
        let error = client.get(&format!("{PRODUCTS}?{query}")).await.expect_error(400, code);
        assert_eq!(error["param"], param, "{query}: {error}");
    }
}
