//! Lists that must agree, tested to agree: the route table, the operations' files, `events/`, `template.yaml`, and the
//! table's schema. Nobody extends a list here.

use crate::event::fixtures;
use crate::template::Template;
use crate::world::{TABLE, World};
use anyspend_api::operation::Audience;
use anyspend_api::settings::{SETTINGS, Setting};
use anyspend_api::{Access, Group, Operation};
use anyspend_local::jobs::JOBS;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the platform function is besides its operations: the route that takes what no other route takes.
const UNKNOWN_ROUTE: &str = "platform-unknown-route";

/// An operation with the name of its file, such as `list-items`.
struct Filed {
    group: &'static str,
    name: String,
    operation: Operation,
}

impl Filed {
    /// The name its first fixture has.
    fn fixture(&self) -> String {
        format!("{}-{}", self.group, self.name)
    }
}

/// Every operation, found in its file: the file's first line says which it is.
fn operations() -> Vec<Filed> {
    anyspend_local::groups().into_iter().flat_map(filed).collect()
}

/// The files of a folder and of the rooms in it.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn filed(group: Group) -> Vec<Filed> {
    let folder = crate::root().join("functions").join(group.name).join("src");
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for path in files_below(&folder) {
        let source = std::fs::read_to_string(&path).unwrap();
        if source.contains("fn operation()") {
            let first = source.lines().next().unwrap().trim_start_matches("//! ").trim_matches('`').to_owned();
            names.insert(first, path.file_stem().unwrap().to_str().unwrap().replace('_', "-"));
        }
    }
    assert_eq!(names.len(), group.operations.len(), "{}: one file per operation, one operation per file", group.name);
    let find = |operation: &Operation| {
        let line = format!("{} {}", operation.method, operation.path.trim_start_matches("/api/v1"));
        names.get(&line).cloned().unwrap_or_else(|| panic!("no file of {} begins with //! `{line}`", group.name))
    };
    let operations = group.operations.into_iter();
    operations.map(|operation| Filed { group: group.name, name: find(&operation), operation }).collect()
}

/// The operation whose plain fixture this is.
pub(crate) fn base_operation(fixture: &str) -> Option<Operation> {
    operations().into_iter().find(|filed| filed.fixture() == fixture).map(|filed| filed.operation)
}

/// Every function: each folder of `functions/` is one.
fn functions() -> BTreeSet<String> {
    let folders = std::fs::read_dir(crate::root().join("functions")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// The functions that serve no routes: jobs.
fn jobs() -> BTreeSet<String> {
    JOBS.iter().map(|job| job.name.to_owned()).collect()
}

/// Whether a fixture is for a job, and not a request.
pub(crate) fn is_for_a_job(fixture: &str) -> bool {
    jobs().contains(&function_of(fixture))
}

/// The function a fixture is for.
pub(crate) fn function_of(fixture: &str) -> String {
    let matching =
        functions().into_iter().filter(|name| fixture.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')));
    matching.max_by_key(String::len).unwrap_or_else(|| panic!("{fixture} is for no function"))
}

/// Whether a request path is what a route's pattern means.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(wanted, given)| wanted == given || wanted.starts_with('{'))
}

#[test]
fn every_group_and_every_job_is_a_folder_and_every_folder_a_package_and_a_function_of_the_template() {
    let groups = anyspend_local::groups().into_iter().map(|group| group.name.to_owned());
    let folders = functions();
    assert_eq!(groups.chain(jobs()).collect::<BTreeSet<_>>(), folders);
    let functions = Template::load().functions();
    assert_eq!(folders, functions.iter().map(|function| function.binary.clone()).collect());
    for function in functions {
        assert_eq!(function.code_uri, format!("functions/{}/", function.binary), "{}", function.logical_id);
    }
}

#[test]
fn every_operation_is_routed_to_the_function_that_serves_it() {
    let template = Template::load();
    for filed in operations() {
        let path = filed.operation.path.replace(['{', '}'], "");
        let (route, binary) = template.route(&path);
        assert_eq!(binary, filed.group, "{:?} is taken by {route}", filed.operation);
        assert_ne!(route, crate::template::DEFAULT_ROUTE, "{:?} has no route of its own", filed.operation);
    }
}

#[test]
fn what_nobody_serves_is_answered_by_the_platform_function() {
    let template = Template::load();
    for path in ["/", "/api/v1/nothing", "/api/v1/payment-linksx"] {
        assert_eq!(template.route(path).1, "platform", "{path}");
    }
}

#[test]
fn every_operation_has_a_fixture_and_every_fixture_is_of_an_operation() {
    let (operations, fixtures) = (operations(), fixtures());
    for filed in &operations {
        let name = filed.fixture();
        let event = fixtures.get(&name).unwrap_or_else(|| panic!("events/{name}.json is missing"));
        let http = &event["requestContext"]["http"];
        assert_eq!(http["method"], filed.operation.method.as_str(), "{name}");
        assert!(matches(filed.operation.path, http["path"].as_str().unwrap()), "{name}");
    }
    for name in fixtures.keys().filter(|name| !is_for_a_job(name)) {
        let of = |begin: &str| name.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        assert!(of(UNKNOWN_ROUTE) || operations.iter().any(|filed| of(&filed.fixture())), "{name} is of no operation");
    }
}

#[test]
fn every_job_has_a_fixture_of_what_sets_it_off() {
    let fixtures = fixtures();
    for job in jobs() {
        let function = Template::load().function(&job);
        assert!(function.routes.is_empty(), "{job}");
        assert!(fixtures.keys().any(|name| function_of(name) == job), "{job} has no fixture");
    }
}

#[test]
fn every_job_is_started_as_often_as_it_says_and_has_time_to_end_its_run() {
    let template = Template::load();
    for job in JOBS {
        let function = template.function(job.name);
        let rate = match job.every.as_secs() / 60 {
            1 => "rate(1 minute)".to_owned(),
            minutes => format!("rate({minutes} minutes)"),
        };
        assert_eq!(function.schedules, [rate], "{}", job.name);
        assert!(function.timeout.unwrap() > job.run_time.as_secs(), "{}", job.name);
    }
}

#[test]
fn every_setting_is_a_parameter_of_the_template_a_variable_of_whoever_is_told_and_a_row_of_the_readme() {
    let template = Template::load();
    let readme = std::fs::read_to_string(crate::root().join("README.md")).unwrap();
    for setting in SETTINGS {
        let Setting { flag, runner_variable, variable, parameter, value, help, only, .. } = setting;
        assert!(template.has_parameter(parameter), "template.yaml has no parameter {parameter}");
        for function in template.functions() {
            let told = match only {
                Some((only, instead)) if *only != function.binary => instead,
                _ => parameter,
            };
            let named = function.environment.get(*variable).map(String::as_str);
            assert_eq!(named, Some(*told), "{variable} of {}", function.binary);
        }
        let row = format!("| `--{flag} {value}` | `{runner_variable}` | `{parameter}` | {help}. |");
        assert!(readme.lines().any(|line| line == row), "README.md lacks the row\n{row}");
    }
}

#[test]
fn every_function_has_its_log_group_and_alarms_for_its_errors_and_its_throttling() {
    let template = Template::load();
    let (logs, alarms) = (template.resources("AWS::Logs::LogGroup"), template.resources("AWS::CloudWatch::Alarm"));
    let metrics = |alarm: &str| template.properties(alarm)["Metrics"].to_string();
    let throttles = metrics("MerchantRoutesThrottledAlarm") + &metrics("OtherFunctionsThrottledAlarm");
    let functions = template.functions();
    for function in &functions {
        let name = function.logical_id.strip_suffix("Function").unwrap();
        assert_eq!(template.package_of(name), function.binary);
        assert!(logs.contains(format!("{name}LogGroup").as_str()), "{name} has no log group");
        assert!(alarms.contains(format!("{name}ErrorsAlarm").as_str()), "{name} has no alarm for its errors");
        assert!(throttles.contains(&format!("\"{name}Function\"")), "{name} is in no alarm for throttling");
    }
    // One more is the gateway's, four more are about no single function.
    assert_eq!((logs.len(), alarms.len()), (functions.len() + 1, functions.len() + 4));
}

#[test]
fn every_fixture_is_an_event_the_gateway_would_send_to_its_function() {
    let template = Template::load();
    for (name, event) in fixtures().into_iter().filter(|(name, _)| !is_for_a_job(name)) {
        let path = event["rawPath"].as_str().unwrap();
        let (route, binary) = template.route(path);
        let context = &event["requestContext"];
        assert_eq!(event["version"], "2.0", "{name}");
        assert_eq!(binary, function_of(&name), "{name}");
        assert_eq!((&event["routeKey"], &context["routeKey"]), (&json!(route), &json!(route)), "{name}");
        assert_eq!((&context["http"]["path"], &context["stage"]), (&json!(path), &json!("$default")), "{name}");
        let names = event["headers"].as_object().unwrap().keys();
        assert!(names.into_iter().all(|header| *header == header.to_lowercase()), "{name}");
        assert_eq!(event["headers"]["x-forwarded-for"], context["http"]["sourceIp"], "{name}");
    }
}

#[test]
fn a_function_has_the_secret_if_and_only_if_its_callers_bring_a_credential_or_say_who_they_are() {
    let template = Template::load();
    for group in anyspend_local::groups() {
        let credentials = group.operations.iter().any(|operation| matches!(operation.access, Access::Needs(_)));
        let payers = group.operations.iter().any(|operation| !matches!(operation.audience, Audience::Servers));
        let function = template.function(group.name);
        assert_eq!(function.environment.contains_key("PLATFORM_KEY"), credentials || payers, "{}", group.name);
        assert_eq!(function.environment.contains_key("PLATFORM_SECRET"), credentials || payers, "{}", group.name);
        let opens: BTreeSet<&str> = function.key_actions.iter().map(String::as_str).collect();
        let wanted = ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"];
        assert_eq!(
            opens,
            if credentials || payers { BTreeSet::from(wanted) } else { BTreeSet::new() },
            "{}",
            group.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_the_template_is_the_one_the_schema_declares() {
    let world = World::start().await;
    let template = Template::load();
    let wanted = template.properties("Table");
    let described = world.client.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();

    let attributes = described.attribute_definitions().iter();
    let attributes = attributes.map(
        |definition| json!({"AttributeName": definition.attribute_name(), "AttributeType": definition.attribute_type().as_str()}),
    );
    assert_eq!(sorted(attributes.collect()), sorted(wanted["AttributeDefinitions"].as_array().unwrap().clone()));
    assert_eq!(key(described.key_schema()), wanted["KeySchema"]);

    let indexes = described.global_secondary_indexes().iter().map(|index| {
        let projection = index.projection().unwrap();
        json!({
            "IndexName": index.index_name(),
            "KeySchema": key(index.key_schema()),
            "Projection": {
                "ProjectionType": projection.projection_type().unwrap().as_str(),
                "NonKeyAttributes": projection.non_key_attributes(),
            },
        })
    });
    // What projects keys only names no attributes.
    let indexes = indexes.map(|mut index| {
        if index["Projection"]["NonKeyAttributes"] == json!([]) {
            index["Projection"].as_object_mut().unwrap().remove("NonKeyAttributes");
        }
        index
    });
    assert_eq!(indexes.collect::<Value>(), wanted["GlobalSecondaryIndexes"]);

    let ttl = world.client.describe_time_to_live().table_name(TABLE).send().await.unwrap();
    let ttl = ttl.time_to_live_description.unwrap();
    let ttl = json!({"AttributeName": ttl.attribute_name(), "Enabled": ttl.time_to_live_status().unwrap().as_str() == "ENABLED"});
    assert_eq!(ttl, wanted["TimeToLiveSpecification"]);
    assert_eq!(wanted["BillingMode"], "PAY_PER_REQUEST");
}

fn key(schema: &[aws_sdk_dynamodb::types::KeySchemaElement]) -> Value {
    schema
        .iter()
        .map(|element| json!({"AttributeName": element.attribute_name(), "KeyType": element.key_type().as_str()}))
        .collect()
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(ToString::to_string);
    values
}
