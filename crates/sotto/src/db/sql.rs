//! SQL as a literal of this program, and the values bound to it.

use std::borrow::Cow;

/// A statement's text. Only [`sql!`](crate::sql) makes one, from literals, so no value can ever be
/// pasted into it. Placeholders are `$1`, `$2`, …
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl Sql {
    /// Called by [`sql!`](crate::sql) alone. SQLite's text comes from [`numbered`].
    #[doc(hidden)]
    #[must_use]
    pub const fn from_literals(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

/// The text as SQLite takes it: `?1` for `$1`. To SQLite `$1` is a name, numbered by first
/// appearance, and looking names up at each use costs more than binding the values.
#[doc(hidden)]
#[must_use]
pub const fn numbered<const N: usize>(text: &str) -> [u8; N] {
    let (mut rest, mut bytes, mut at) = (text.as_bytes(), [b' '; N], 0);
    while let [first, after @ ..] = rest {
        let placeholder = matches!((first, after), (b'$', [b'0'..=b'9', ..]));
        // A literal is as long as the array that is made for it.
        if let Some(byte) = bytes.split_at_mut(at).1.first_mut() {
            *byte = if placeholder { b'?' } else { *first };
        }
        rest = after;
        at += 1;
    }
    bytes
}

/// One SQL text for both engines, `sql!("SELECT …")`, or, for the few statements that must differ,
/// `sql!{sqlite: "…", postgres: "…"}`. A test prepares each literal on both engines.
#[macro_export]
macro_rules! sql {
    ($text:literal $(,)?) => {
        $crate::statement!($text, $text)
    };
    (sqlite: $sqlite:literal, postgres: $postgres:literal $(,)?) => {
        $crate::statement!($sqlite, $postgres)
    };
}

/// A statement from texts known when the program is compiled; for `db/registry.rs`, which puts its
/// literals together.
#[doc(hidden)]
#[macro_export]
macro_rules! statement {
    ($sqlite:expr, $postgres:expr) => {{
        const BYTES: [u8; $sqlite.len()] = $crate::db::numbered($sqlite);
        const SQLITE: &str = match ::core::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => $sqlite,
        };
        $crate::db::Sql::from_literals(SQLITE, $postgres)
    }};
}

/// A value on its way into a statement. The columns know TEXT, BIGINT and BLOB (BYTEA), no more.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(Cow<'a, str>),
    /// BLOB or BYTEA.
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The same, borrowed from nobody.
    pub(super) fn owned(&self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Int(int) => Value::Int(*int),
            Self::Text(text) => Value::Text(Cow::Owned(text.clone().into_owned())),
            Self::Blob(blob) => Value::Blob(Cow::Owned(blob.clone().into_owned())),
        }
    }
}

impl std::fmt::Debug for Value<'_> {
    /// The type alone: values may be health information.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(…)",
            Self::Text(_) => "Text(…)",
            Self::Blob(_) => "Blob(…)",
        })
    }
}

/// What may be bound to a placeholder.
pub trait ToValue {
    /// The value as the column holds it.
    fn to_value(&self) -> Value<'_>;
}

/// The values of a statement, in the order of `$1`, `$2`, …: `params![id, now, &name]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::db::ToValue::to_value(&$value)),*] as &[$crate::db::Value<'_>]
    };
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        match self {
            Value::Null => Value::Null,
            Value::Int(int) => Value::Int(*int),
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Blob(blob) => Value::Blob(Cow::Borrowed(blob)),
        }
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for Cow<'_, str> {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
}

impl ToValue for i64 {
    fn to_value(&self) -> Value<'_> {
        Value::Int(*self)
    }
}

impl ToValue for i32 {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}

impl ToValue for u32 {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}

impl ToValue for u16 {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}

impl ToValue for u8 {
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}

impl ToValue for bool {
    /// 0 or 1.
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}

impl ToValue for jiff::Timestamp {
    /// Microseconds since 1970, UTC.
    fn to_value(&self) -> Value<'_> {
        Value::Int(self.as_microsecond())
    }
}

impl ToValue for uuid::Uuid {
    /// The usual text with hyphens, lower case.
    fn to_value(&self) -> Value<'_> {
        let mut letters = uuid::Uuid::encode_buffer();
        Value::Text(Cow::Owned(self.hyphenated().encode_lower(&mut letters).to_owned()))
    }
}
