//! A view on its way to its bytes: JSON in which the names of fields are told apart from the names that merchants and
//! payers gave, because versions change the first and must never touch the second.

use super::leaf::{self, Leaves};
use serde::ser::{self, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct};
use serde::{Serialize, Serializer};
use serde_json::{Error, Number};
use std::borrow::Cow;

/// A JSON value, its order kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object whose fields are declared by a view.
    Fields(Fields),
    /// An object whose keys are data: metadata, a form's answers, values that are counted.
    Map(Vec<(String, Self)>),
}

/// The fields of an object, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Vec<(Cow<'static, str>, Tree)>);

impl Fields {
    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        self.place(name).map(|at| &self.0[at].1)
    }

    /// A field's value, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Tree> {
        self.place(name).map(|at| &mut self.0[at].1)
    }

    /// Puts a field behind another, or last where there is no such field.
    pub fn insert_after(&mut self, name: &str, new: &'static str, value: Tree) {
        let at = self.place(name).map_or(self.0.len(), |at| at + 1);
        self.0.insert(at, (Cow::Borrowed(new), value));
    }

    /// Gives a field another name; nothing happens where it is absent.
    pub fn rename(&mut self, from: &str, to: &'static str) {
        if let Some(at) = self.place(from) {
            self.0[at].0 = Cow::Borrowed(to);
        }
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) -> Option<Tree> {
        self.place(name).map(|at| self.0.remove(at).1)
    }

    /// Every field, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Every value, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Tree> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Whether this is a resource of this type, by its `object`.
    pub(super) fn is(&self, object: &str) -> bool {
        matches!(self.get("object"), Some(Tree::Text(text)) if text == object)
    }
}

impl FromIterator<(String, Tree)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Tree)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect())
    }
}

impl Tree {
    /// A view, with times and addresses as a version shows them.
    ///
    /// # Errors
    /// When the view cannot be JSON, which is a fault of ours.
    pub(super) fn of(view: &impl Serialize, leaves: Leaves) -> Result<Self, Error> {
        view.serialize(Builder { leaves })
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self)
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Fields(fields) => serializer.collect_map(fields.iter()),
            Self::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// Makes a tree of what is serialized.
#[derive(Clone, Copy)]
struct Builder {
    leaves: Leaves,
}

/// The values of a list, so far.
struct ListBuilder {
    builder: Builder,
    values: Vec<Tree>,
}

/// The fields of an object, so far.
struct FieldsBuilder {
    builder: Builder,
    fields: Fields,
}

/// The entries of an object with names known only when they are met, so far.
struct EntriesBuilder {
    builder: Builder,
    entries: Vec<(String, Tree)>,
    key: String,
    /// Whether the names are those of a view's fields.
    declared: bool,
}

macro_rules! numbers {
    ($($method:ident: $type:ty),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Result<Tree, Error> {
            Ok(Tree::Number(value.into()))
        }
    )+};
}

impl Serializer for Builder {
    type Ok = Tree;
    type Error = Error;
    type SerializeSeq = ListBuilder;
    type SerializeTuple = ListBuilder;
    type SerializeTupleStruct = ListBuilder;
    type SerializeTupleVariant = Impossible<Tree, Error>;
    type SerializeMap = EntriesBuilder;
    type SerializeStruct = FieldsBuilder;
    type SerializeStructVariant = Impossible<Tree, Error>;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    fn serialize_bool(self, value: bool) -> Result<Tree, Error> {
        Ok(Tree::Bool(value))
    }

    fn serialize_f32(self, value: f32) -> Result<Tree, Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Tree, Error> {
        Ok(Number::from_f64(value).map_or(Tree::Null, Tree::Number))
    }

    fn serialize_char(self, value: char) -> Result<Tree, Error> {
        Ok(Tree::Text(value.into()))
    }

    fn serialize_str(self, value: &str) -> Result<Tree, Error> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Tree, Error> {
        Err(unknown("bytes"))
    }

    fn serialize_none(self) -> Result<Tree, Error> {
        Ok(Tree::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Tree, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Tree, Error> {
        Ok(Tree::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Tree, Error> {
        Ok(Tree::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Tree, Error> {
        Ok(Tree::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<Tree, Error> {
        let tree = value.serialize(self)?;
        leaf::shown(name, tree, self.leaves)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Tree, Error> {
        Err(unknown("a variant with a value"))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<ListBuilder, Error> {
        Ok(ListBuilder { builder: self, values: Vec::with_capacity(length.unwrap_or_default()) })
    }

    fn serialize_tuple(self, length: usize) -> Result<ListBuilder, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<ListBuilder, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Tree, Error>, Error> {
        Err(unknown("a variant with values"))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<EntriesBuilder, Error> {
        // A view that takes in another (`#[serde(flatten)]`) is the only map here whose length is not told.
        let entries = Vec::with_capacity(length.unwrap_or_default());
        Ok(EntriesBuilder { builder: self, entries, key: String::new(), declared: length.is_none() })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<FieldsBuilder, Error> {
        Ok(FieldsBuilder { builder: self, fields: Fields(Vec::with_capacity(length + length / 4)) })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Tree, Error>, Error> {
        Err(unknown("a variant with fields"))
    }
}

fn unknown(what: &str) -> Error {
    ser::Error::custom(format!("a view cannot hold {what}"))
}

impl ListBuilder {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.values.push(value.serialize(self.builder)?);
        Ok(())
    }
}

macro_rules! lists {
    ($($trait:ident: $method:ident),+ $(,)?) => {$(
        impl $trait for ListBuilder {
            type Ok = Tree;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Tree, Error> {
                Ok(Tree::List(self.values))
            }
        }
    )+};
}

lists! { SerializeSeq: serialize_element, SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field }

impl SerializeStruct for FieldsBuilder {
    type Ok = Tree;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.fields.0.push((Cow::Borrowed(name), value.serialize(self.builder)?));
        Ok(())
    }

    fn end(self) -> Result<Tree, Error> {
        Ok(Tree::Fields(self.fields))
    }
}

impl SerializeMap for EntriesBuilder {
    type Ok = Tree;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        match key.serialize(self.builder)? {
            Tree::Text(key) => self.key = key,
            Tree::Number(key) => self.key = key.to_string(),
            _ => return Err(unknown("such a key")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let value = value.serialize(self.builder)?;
        self.entries.push((std::mem::take(&mut self.key), value));
        Ok(())
    }

    fn end(self) -> Result<Tree, Error> {
        if !self.declared {
            return Ok(Tree::Map(self.entries));
        }
        Ok(Tree::Fields(self.entries.into_iter().collect()))
    }
}
