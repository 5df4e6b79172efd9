//! One field of a partial update.

/// What an update says about one field. A create is an update of a blank resource, so it uses this too; there,
/// `null` means absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was not sent.
    #[default]
    Keep,
    /// The field was sent as `null`.
    Clear,
    /// The field was sent with a value.
    Set(T),
}

impl<T> Patch<T> {
    /// True when the field was sent at all.
    pub const fn is_sent(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The value, if one was sent.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The same about a value made of this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }

    /// What was sent, or else `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_sent() { self } else { other }
    }

    /// Applies the update to an optional field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Applies the update to a field that cannot be cleared; the body reader has refused `null` there.
    pub fn replace(self, field: &mut T) {
        if let Self::Set(value) = self {
            *field = value;
        }
    }

    /// Applies the update to a field that always has a value; `null` puts it back to its default.
    pub fn apply_or(self, field: &mut T, default: T) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = default,
            Self::Set(value) => *field = value,
        }
    }
}
