//! What can differ between one version of a resource and the next.

use super::{Fields, Tree};
use utoipa::openapi::schema::{Object, OneOf};
use utoipa::openapi::{RefOr, Schema};

/// A change of a resource, or of an object within it.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    /// The resource, by its `object`.
    pub object: &'static str,
    /// The field of it that holds what changes; empty for the resource itself. Of an array, each element changes.
    pub within: &'static str,
    /// What changes.
    pub change: Change,
}

/// What changes. Where the field is absent, nothing does.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// The field can be called by another name as well.
    Twin {
        /// The name it has.
        name: &'static str,
        /// The other name.
        twin: &'static str,
        /// The value under the other name.
        rendered: fn(&Tree) -> Tree,
        /// What the documentation says of it.
        says: &'static str,
    },
    /// The field is called otherwise.
    Rename {
        /// The name it had.
        from: &'static str,
        /// The name it has.
        to: &'static str,
    },
    /// The field's value looks otherwise.
    Value {
        /// The field.
        name: &'static str,
        /// Its value now.
        rendered: fn(Tree) -> Tree,
    },
    /// Answers do not have the field.
    Drop {
        /// The field.
        name: &'static str,
    },
}

impl Of {
    /// The field can be called by another name as well.
    pub(super) const fn twin(object: &'static str, name: &'static str, twin: &'static str, says: &'static str) -> Self {
        Self { object, within: "", change: Change::Twin { name, twin, rendered: Tree::clone, says } }
    }

    /// The same within a field of the resource.
    pub(super) const fn within(mut self, field: &'static str) -> Self {
        self.within = field;
        self
    }

    /// The same with another value under the other name.
    pub(super) const fn rendered(mut self, rendered: fn(&Tree) -> Tree) -> Self {
        if let Change::Twin { name, twin, says, .. } = self.change {
            self.change = Change::Twin { name, twin, rendered, says };
        }
        self
    }

    /// Whether it changes the resource itself, and not what is within it.
    fn is_of(&self, object: &str) -> bool {
        self.object == object && self.within.is_empty()
    }

    /// What a field of a resource is called after this change.
    pub(super) fn renamed<'n>(&self, object: &str, name: &'n str) -> &'n str {
        match self.change {
            Change::Rename { from, to } if self.is_of(object) && from == name => to,
            _ => name,
        }
    }

    /// Adds the name that this change gives to what goes by one of `names`.
    pub(super) fn collect_names(&self, object: &str, names: &mut Vec<&'static str>) {
        let (Change::Twin { name: one, twin: other, .. } | Change::Rename { from: one, to: other }) = self.change
        else {
            return;
        };
        let other = match (names.contains(&one), names.contains(&other)) {
            (true, false) => other,
            (false, true) => one,
            _ => return,
        };
        if self.is_of(object) {
            names.push(other);
        }
    }

    /// Changes the resource, where it is one of this change's.
    fn apply(&self, resource: &mut Fields) {
        if self.within.is_empty() {
            return self.change.apply(resource);
        }
        match resource.get_mut(self.within) {
            Some(Tree::Fields(fields)) => self.change.apply(fields),
            Some(Tree::List(elements)) => {
                for element in elements {
                    if let Tree::Fields(fields) = element {
                        self.change.apply(fields);
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds a twin to the schema of its resource, with the schema of the field it is a twin of.
    pub(super) fn describe(&self, schemas: &mut [(String, RefOr<Schema>)]) {
        let Change::Twin { name, twin, says, .. } = self.change else { return };
        let resources: Vec<&Object> = schemas.iter().filter_map(|(_, schema)| resource(schema, self.object)).collect();
        let within: Vec<String> = match self.within {
            "" => Vec::new(),
            field => resources.iter().filter_map(|resource| referenced(resource.properties.get(field)?)).collect(),
        };
        for (component, schema) in schemas {
            let wanted = if self.within.is_empty() {
                resource(schema, self.object).is_some()
            } else {
                within.contains(component)
            };
            if let RefOr::T(Schema::Object(object)) = schema
                && wanted
                && let Some(mut property) = object.properties.get(name).cloned()
            {
                say(&mut property, says);
                object.properties.insert(twin.to_owned(), property);
                if let Some(at) = object.required.iter().position(|required| required == name) {
                    object.required.insert(at + 1, twin.to_owned());
                }
            }
        }
    }
}

impl Change {
    fn apply(&self, fields: &mut Fields) {
        match *self {
            Self::Twin { name, twin, rendered, .. } => {
                if let Some(value) = fields.get(name).map(rendered) {
                    fields.insert_after(name, twin, value);
                }
            }
            Self::Rename { from, to } => fields.rename(from, to),
            Self::Value { name, rendered } => {
                if let Some(value) = fields.get_mut(name) {
                    *value = rendered(std::mem::replace(value, Tree::Null));
                }
            }
            Self::Drop { name } => {
                fields.remove(name);
            }
        }
    }
}

/// Applies changes to every resource in a tree, what is inside first. `object` says what the outermost is, where it does
/// not say so itself.
pub(super) fn apply(changes: &[Of], tree: &mut Tree, object: Option<&str>) {
    match tree {
        Tree::List(elements) => elements.iter_mut().for_each(|element| apply(changes, element, None)),
        Tree::Fields(fields) if !changes.is_empty() => {
            fields.values_mut().for_each(|value| apply(changes, value, None));
            let concerned = |of: &&Of| fields.is(of.object) || object == Some(of.object);
            let concerning: Vec<&Of> = changes.iter().filter(concerned).collect();
            for of in concerning {
                of.apply(fields);
            }
        }
        // What merchants and payers named is theirs.
        _ => {}
    }
}

/// The schema as that of a resource, which the example of its `object` tells.
fn resource<'s>(schema: &'s RefOr<Schema>, object: &str) -> Option<&'s Object> {
    let RefOr::T(Schema::Object(schema)) = schema else { return None };
    let RefOr::T(Schema::Object(name)) = schema.properties.get("object")? else { return None };
    name.examples.iter().any(|example| example == object).then_some(schema)
}

/// The component a schema leads to.
fn referenced(schema: &RefOr<Schema>) -> Option<String> {
    let RefOr::Ref(reference) = schema else { return None };
    reference.ref_location.rsplit('/').next().map(str::to_owned)
}

/// Describes a field, where its description stands.
fn say(property: &mut RefOr<Schema>, says: &str) {
    match property {
        RefOr::Ref(reference) => says.clone_into(&mut reference.description),
        RefOr::T(Schema::Object(object)) => object.description = Some(says.to_owned()),
        RefOr::T(Schema::Array(array)) => array.description = Some(says.to_owned()),
        // A value that may be null is described beside the null.
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => {
            if let Some(value) = items.first_mut() {
                say(value, says);
            }
        }
        RefOr::T(_) => {}
    }
}
