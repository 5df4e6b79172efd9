//! The OpenAPI 3.1 document, made from the route groups' own tables of contents.

use crate::error::ErrorEnvelope;
use crate::operation::{Access, AnswerSpec, Components, Content, Group, Operation};
use crate::versions::{self, Version, describe_superset};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, Schema};
use utoipa::{PartialSchema, ToSchema};

const ERROR: &str = "ErrorEnvelope";

/// Makes the document.
pub fn document(groups: &[Group]) -> OpenApi {
    let mut schemas: Components = vec![(ERROR.to_owned(), ErrorEnvelope::schema())];
    ErrorEnvelope::schemas(&mut schemas);
    let mut paths = PathsBuilder::new();
    let mut tags = Vec::new();
    for group in groups {
        tags.push(TagBuilder::new().name(group.name).description(Some(group.description)).build());
        for operation in &group.operations {
            paths = paths.path(operation.path, path_item(group, operation, &mut schemas));
        }
    }
    describe_superset(&mut schemas);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key (`asp_live_…`, `asp_test_…`) or a dashboard session token."))
        .build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("AnySpend Platform API")
                .version(Version::current().name())
                .description(Some(
                    "Payment links and everything around them: a Stripe-style REST API to get paid in crypto. \
                     Answers carry the names of both dated versions; timestamps and addresses follow the \
                     `AnySpend-Version` in force.",
                ))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .tags(Some(tags))
        .paths(paths.build())
        .components(Some(components))
        .build()
}

fn path_item(group: &Group, operation: &Operation, schemas: &mut Components) -> PathItem {
    let method = match operation.method.as_str() {
        "POST" => HttpMethod::Post,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    };
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(group.name)
        .summary(Some(operation.summary))
        .description((!operation.description.is_empty()).then_some(operation.description))
        .parameters(Some(parameters(operation)));
    builder = match operation.access {
        Access::Needs(_) => builder.securities(Some([
            SecurityRequirement::new("bearer", Vec::<String>::new()),
            SecurityRequirement::new("api_key", Vec::<String>::new()),
        ])),
        Access::Public | Access::Open(_) => builder.securities(Some([SecurityRequirement::default()])),
    };
    if let Some(describe) = operation.body {
        let schema = describe();
        let required = if may_be_left_out(operation, &schema) { Required::False } else { Required::True };
        builder = builder.request_body(Some(
            RequestBodyBuilder::new()
                .content(body_type(operation), ContentBuilder::new().schema(Some(schema)).build())
                .required(Some(required))
                .build(),
        ));
    }
    for (status, reason) in refusals(operation) {
        let content = if operation.is_page() { Shown::Text("text/html") } else { Shown::Json(ERROR.to_owned()) };
        builder = builder.response(status, response(reason, &content, operation));
    }
    for answer in std::iter::once(&operation.answer).chain(&operation.other_answers) {
        let reason =
            if answer.when.is_empty() { answer.status.canonical_reason().unwrap_or_default() } else { answer.when };
        builder = builder.response(answer.status.as_str(), response(reason, &shown(answer, schemas), operation));
    }
    PathItem::new(method, builder.build())
}

/// What a response's body is, its schemas being among the components.
enum Shown {
    Json(String),
    Text(&'static str),
    TextOrJson(&'static str, String),
    Redirect,
}

fn shown(answer: &AnswerSpec, schemas: &mut Components) -> Shown {
    match answer.content {
        Content::Json(describe) => Shown::Json(describe(schemas)),
        Content::Text(media_type) => Shown::Text(media_type),
        Content::TextOrJson(media_type, describe) => Shown::TextOrJson(media_type, describe(schemas)),
        Content::Redirect => Shown::Redirect,
    }
}

const fn body_type(operation: &Operation) -> &'static str {
    if operation.is_page() { "application/x-www-form-urlencoded" } else { "application/json" }
}

/// A POST none of whose fields is required needs no body at all; a PATCH of nothing is refused.
fn may_be_left_out(operation: &Operation, body: &RefOr<Schema>) -> bool {
    let all_optional = matches!(body, RefOr::T(Schema::Object(object)) if object.required.is_empty());
    operation.method == http::Method::POST && all_optional
}

/// Every status an operation can answer besides its own.
fn refusals(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut statuses = Vec::new();
    if !operation.is_page() {
        statuses.push(("400", "The request is not valid"));
    }
    if matches!(operation.access, Access::Needs(_)) {
        statuses.push(("401", "No valid credential was sent"));
        statuses.push(("403", "The credential may not do this"));
    }
    if operation.path.contains('{') || operation.body.is_some() {
        statuses.push(("404", "Something named in the request does not exist"));
    }
    if (operation.changes() && !operation.is_page()) || operation.method == http::Method::DELETE {
        statuses.push(("409", "The request conflicts with the state of things"));
    }
    if operation.changes() {
        statuses.push(("413", "The body is too large"));
        statuses.push(("415", "The body is not declared as what it must be"));
    }
    if operation.access != Access::Public {
        statuses.push(("429", "The rate limit is reached"));
    }
    statuses.push(("500", "A fault of ours"));
    statuses.push(("503", "Temporarily unavailable"));
    statuses
}

fn response(description: &str, shown: &Shown, operation: &Operation) -> utoipa::openapi::Response {
    let header = |description: &str| {
        HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
            .description(Some(description))
            .build()
    };
    let mut builder = ResponseBuilder::new()
        .description(description)
        .header("Request-Id", header("`req_…`, also in the log"))
        .header("AnySpend-Version", header("The version in force"));
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let written = || ContentBuilder::new().schema(Some(text())).build();
    let json = |name: &str| ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    builder = match shown {
        Shown::Json(name) => builder.content("application/json", json(name)),
        Shown::Text(media_type) => builder.content(*media_type, written()),
        Shown::TextOrJson(media_type, name) => {
            builder.content(*media_type, written()).content("application/json", json(name))
        }
        Shown::Redirect => builder.header("Location", header("Where to")),
    };
    if operation.access != Access::Public {
        builder = builder
            .header("X-RateLimit-Limit", header("Requests per minute"))
            .header("X-RateLimit-Remaining", header("Requests left"))
            .header("X-RateLimit-Reset", header("Unix seconds at which all are left again"));
    }
    builder.build()
}

fn parameters(operation: &Operation) -> Vec<Parameter> {
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let in_path = operation.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Parameter> = in_path
        .map(|name| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text()))
                .build()
        })
        .collect();
    for param in operation.query {
        for name in versions::names(operation.resource, param.name) {
            let same = format!("The same as `{}`.", param.name);
            let description = if name == param.name { param.description } else { &same };
            parameters.push(
                ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Query)
                    .required(Required::False)
                    .description(Some(description))
                    .schema(Some(param.kind.schema(operation.resource)))
                    .build(),
            );
        }
    }
    let mut header = |name: &str, description: &str, schema: ObjectBuilder| {
        parameters.push(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(schema))
                .build(),
        );
    };
    if operation.is_page() {
        return parameters;
    }
    header(
        "AnySpend-Version",
        "The dated version to answer in; the key's own when absent.",
        text().enum_values(Some(Version::names())),
    );
    if operation.changes() {
        header(
            "Idempotency-Key",
            "Makes a retry safe: the first answer is kept for 24 hours and repeated byte for byte.",
            text().min_length(Some(1)).max_length(Some(256)),
        );
    }
    parameters
}
