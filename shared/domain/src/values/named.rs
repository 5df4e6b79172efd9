//! Enums whose values have names, in JSON, in keys of the table and in messages: `strum` makes the names of the values, so
//! that a value can be forgotten nowhere.

/// Gives an enum the names that `strum` derives for it: `ALL`, `NAMES`, `as_str`, and `named` for the way back.
///
/// The enum derives `EnumString`, `IntoStaticStr`, `VariantArray` and `VariantNames`.
macro_rules! named {
    ($($type:ty),+ $(,)?) => {$(
        impl $type {
            /// Every value there is, in the order of their declaration.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
            /// The names of all values, in the same order.
            pub const NAMES: &'static [&'static str] = <Self as strum::VariantNames>::VARIANTS;

            /// The name in JSON.
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// The value with this name; `None` for any other text.
            pub fn named(name: &str) -> Option<Self> {
                name.parse().ok()
            }
        }
    )+};
}

/// Lets an enum with names be read from a field.
macro_rules! named_in_fields {
    ($($type:ty),+ $(,)?) => {$(
        impl $type {
            /// Reads a value by its name.
            ///
            /// # Errors
            /// `invalid_field_value` that lists the names.
            pub fn parse(text: &str) -> Result<Self, $crate::Invalid> {
                Self::named(text)
                    .ok_or_else(|| $crate::Invalid::new(format!("must be one of: {}", Self::NAMES.join(", "))))
            }
        }
    )+};
}

pub(crate) use {named, named_in_fields};
