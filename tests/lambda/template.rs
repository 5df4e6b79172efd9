//! `template.yaml`, as far as tests ask about it.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The name API Gateway gives to the route that takes what no other route takes.
pub(crate) const DEFAULT_ROUTE: &str = "$default";

/// A DynamoDB action, and what it is allowed on: `table`, or `index/…`.
pub(crate) type Permission = (String, String);

/// The template. CloudFormation's own tags are dropped, so that `!Ref Table` reads `Table`.
pub(crate) struct Template(Value);

/// What a function may do to the table, as IAM reads its policies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants {
    /// What is allowed, and on which partitions: patterns, or every one.
    allowed: Vec<(Permission, Option<Vec<String>>)>,
    /// The partitions on which nothing is allowed.
    denied: Vec<String>,
}

impl Grants {
    /// Whether something may be done to these partitions.
    pub(crate) fn allow(&self, permission: &Permission, partitions: &BTreeSet<String>) -> bool {
        let among = |patterns: &[String], partition: &str| patterns.iter().any(|pattern| is_like(partition, pattern));
        let denied = partitions.iter().any(|partition| among(&self.denied, partition));
        !denied
            && self.allowed.iter().filter(|(allowed, _)| allowed == permission).any(|(_, patterns)| {
                let within = |patterns: &Vec<String>| partitions.iter().all(|partition| among(patterns, partition));
                patterns.as_ref().is_none_or(within)
            })
    }

    /// Everything that is allowed somewhere.
    pub(crate) fn permissions(&self) -> BTreeSet<Permission> {
        self.allowed.iter().map(|(permission, _)| permission.clone()).collect()
    }
}

/// As `StringLike` compares; only a `*` at the end is written here.
fn is_like(text: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(text == pattern, |prefix| text.starts_with(prefix))
}

/// One Lambda function of the template.
pub(crate) struct Function {
    /// What `sam local invoke` knows it by.
    pub(crate) logical_id: String,
    /// The package it is built from.
    pub(crate) binary: String,
    /// The folder it is built in.
    pub(crate) code_uri: String,
    /// Its variables, as the template has them.
    pub(crate) environment: BTreeMap<String, String>,
    /// What it may do to the table.
    pub(crate) grants: Grants,
    /// What it may do with the KMS key.
    pub(crate) key_actions: BTreeSet<String>,
    /// After how many seconds it is cut off.
    pub(crate) timeout: Option<u64>,
    /// The schedules that start it, such as `rate(1 minute)`.
    pub(crate) schedules: Vec<String>,
    /// The route keys that lead to it, such as `ANY /api/v1/payment-links/{proxy+}`.
    pub(crate) routes: Vec<String>,
}

impl Template {
    pub(crate) fn load() -> Self {
        let text = std::fs::read_to_string(crate::root().join("template.yaml")).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        let mut template = plain(&documents[0]);
        let resources = std::mem::take(template["Resources"].as_object_mut().unwrap());
        template["Resources"] = resources.into_iter().flat_map(|(name, resource)| unrolled(name, resource)).collect();
        Self(template)
    }

    /// Every resource of a type, by its name.
    pub(crate) fn resources(&self, kind: &str) -> BTreeSet<&str> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        resources.filter(|(_, resource)| resource["Type"] == kind).map(|(name, _)| name.as_str()).collect()
    }

    /// How a function's name in the loops maps to its package.
    pub(crate) fn package_of(&self, name: &str) -> String {
        text(&self.0["Mappings"]["Functions"][name]["Package"])
    }

    /// A resource's properties.
    pub(crate) fn properties(&self, resource: &str) -> &Value {
        &self.0["Resources"][resource]["Properties"]
    }

    /// Whether operators are asked for a parameter of this name.
    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.0["Parameters"].get(name).is_some()
    }

    /// A parameter's default, as text.
    pub(crate) fn parameter_default(&self, name: &str) -> Option<String> {
        self.0["Parameters"].get(name).map(|parameter| text(&parameter["Default"]))
    }

    pub(crate) fn functions(&self) -> Vec<Function> {
        let of_all = &self.0["Globals"]["Function"]["Environment"]["Variables"];
        let resources = self.0["Resources"].as_object().unwrap().iter();
        resources
            .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
            .map(|(logical_id, resource)| {
                let properties = &resource["Properties"];
                let own = &properties["Environment"]["Variables"];
                let variables = [of_all, own].into_iter().filter_map(Value::as_object).flatten();
                Function {
                    logical_id: logical_id.clone(),
                    binary: text(&resource["Metadata"]["BuildProperties"]["Binary"]),
                    code_uri: text(&properties["CodeUri"]),
                    environment: variables.map(|(name, value)| (name.clone(), text(value))).collect(),
                    grants: grants(&properties["Policies"]),
                    key_actions: key_actions(&properties["Policies"]),
                    timeout: properties["Timeout"].as_u64(),
                    schedules: properties["Events"].as_object().unwrap().values().filter_map(schedule).collect(),
                    routes: properties["Events"].as_object().unwrap().values().filter_map(route_key).collect(),
                }
            })
            .collect()
    }

    /// The function that runs a package.
    pub(crate) fn function(&self, binary: &str) -> Function {
        self.functions()
            .into_iter()
            .find(|function| function.binary == binary)
            .unwrap_or_else(|| panic!("no function of template.yaml is built from '{binary}'"))
    }

    /// The route key API Gateway would choose for a path, and the package behind it: the path itself before the
    /// longest proxy before the default.
    pub(crate) fn route(&self, path: &str) -> (String, String) {
        let rank = |route: &str| -> Option<usize> {
            let Some(pattern) = route.strip_prefix("ANY ") else {
                assert_eq!(route, DEFAULT_ROUTE, "only ANY routes let our own code answer a wrong method");
                return Some(0);
            };
            match pattern.strip_suffix("{proxy+}") {
                Some(prefix) => (path.len() > prefix.len() && path.starts_with(prefix)).then_some(prefix.len()),
                None => (path == pattern).then_some(usize::MAX),
            }
        };
        let functions = self.functions();
        let routes = functions.iter().flat_map(|function| function.routes.iter().map(move |route| (route, function)));
        let (_, route, function) = routes
            .filter_map(|(route, function)| Some((rank(route)?, route, function)))
            .max_by_key(|(rank, _, _)| *rank)
            .unwrap_or_else(|| panic!("no route of template.yaml takes {path}, not even a default one"));
        (route.clone(), function.binary.clone())
    }
}

/// What a resource, or a loop over a list of names, makes.
fn unrolled(name: String, resource: Value) -> Vec<(String, Value)> {
    if !name.starts_with("Fn::ForEach::") {
        return vec![(name, resource)];
    }
    let [variable, names, body] = resource.as_array().unwrap().as_slice() else { panic!("{name} is no loop") };
    let placeholder = format!("${{{}}}", variable.as_str().unwrap());
    let names = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let bodies = names.map(|name| body.to_string().replace(&placeholder, name));
    bodies.flat_map(|body| serde_json::from_str::<Map<_, _>>(&body).unwrap()).collect()
}

/// The schedule of an event that has one.
fn schedule(event: &Value) -> Option<String> {
    let properties = &event["Properties"];
    properties["Schedule"].as_str().or(properties["ScheduleExpression"].as_str()).map(str::to_owned)
}

/// The route of an event of the gateway; what schedules and streams send has none.
fn route_key(event: &Value) -> Option<String> {
    if event["Type"] != "HttpApi" {
        assert!(["Schedule", "ScheduleV2", "DynamoDB"].contains(&event["Type"].as_str().unwrap()), "{event}");
        return None;
    }
    Some(match (event["Properties"]["Method"].as_str(), event["Properties"]["Path"].as_str()) {
        (Some(method), Some(path)) => format!("{method} {path}"),
        _ => DEFAULT_ROUTE.to_owned(),
    })
}

fn key_actions(policies: &Value) -> BTreeSet<String> {
    let statements = policies.as_array().unwrap().iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let of_key = statements.filter(|statement| statement["Resource"] == "PlatformKey.Arn");
    of_key.flat_map(|statement| statement["Action"].as_array().unwrap()).map(text).collect()
}

fn grants(policies: &Value) -> Grants {
    let statements = policies.as_array().unwrap().iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let mut grants = Grants::default();
    // What is allowed on the KMS key is held to the code by a test of its own.
    for statement in statements.filter(|statement| statement["Resource"] != "PlatformKey.Arn") {
        let resource = match statement["Resource"].as_str() {
            Some("Table.Arn") => "table",
            Some(index) => index.strip_prefix("${Table.Arn}/").unwrap_or_else(|| panic!("a policy names {index}")),
            None => panic!("a policy names {}", statement["Resource"]),
        };
        let partitions = |quantifier: &str| -> Option<Vec<String>> {
            let patterns = &statement["Condition"][format!("{quantifier}:StringLike")]["dynamodb:LeadingKeys"];
            patterns.as_array().map(|patterns| patterns.iter().map(text).collect())
        };
        if statement["Effect"] == "Deny" {
            assert_eq!(statement["Action"], "dynamodb:*");
            grants.denied.extend(partitions("ForAnyValue").expect("a denial names partitions"));
            continue;
        }
        assert_eq!(statement["Effect"], "Allow");
        let patterns = partitions("ForAllValues");
        assert!(patterns.is_some() || statement["Condition"].is_null(), "a condition that no test reads: {statement}");
        let actions = match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            action => vec![action.clone()],
        };
        let permissions = actions.iter().map(|action| (text(action), resource.to_owned()));
        grants.allowed.extend(permissions.map(|permission| (permission, patterns.clone())));
    }
    grants
}

/// A scalar as the text CloudFormation makes of it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn plain(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Value(Scalar::Boolean(value)) => Value::from(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (text(&plain(key)), plain(value))).collect::<Map<_, _>>())
        }
        Yaml::Tagged(_, inner) => plain(inner),
        other => panic!("template.yaml has what no test reads yet: {other:?}"),
    }
}

#[test]
fn a_partition_is_closed_to_a_function_that_is_denied_it_or_is_allowed_others_only() {
    let template = Template::load();
    let put = ("dynamodb:PutItem".to_owned(), "table".to_owned());
    let may = |function: &str, partition: &str| {
        template.function(function).grants.allow(&put, &BTreeSet::from([partition.to_owned()]))
    };
    for open in ["quick-pay", "checkout", "settle", "end-sessions", "compact-lists", "rollup-stats", "deliver-webhooks"]
    {
        assert!(!may(open, "KEY#00") && !may(open, "KEYS#org_1#live"), "{open} may write keys");
    }
    assert!(
        may("quick-pay", "LINK#abcdef") && !may("quick-pay", "ORG#org_1") && !may("quick-pay", "WEBHOOKS#org_1#live")
    );
    assert!(may("account", "KEY#00") && may("checkout", "SESSION#cs_1"));
    // A transaction is one request for all its partitions.
    let both = BTreeSet::from(["LINK#abcdef".to_owned(), "KEY#00".to_owned()]);
    assert!(!template.function("quick-pay").grants.allow(&put, &both));
}
