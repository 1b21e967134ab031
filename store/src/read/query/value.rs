//! An SQL value with owned or borrowed text.

use std::borrow::Cow;

use rusqlite::types::ValueRef;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Unknown or absent.
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// Copies a value of SQLite; invalid UTF-8 is replaced.
    pub(crate) fn copied(value: ValueRef<'_>) -> Value<'static> {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => {
                Value::Text(Cow::Owned(String::from_utf8_lossy(text).into_owned()))
            }
            ValueRef::Blob(bytes) => Value::Blob(Cow::Owned(bytes.to_vec())),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// As an integer with the same bits, as in the file's own columns.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(number.cast_signed())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
