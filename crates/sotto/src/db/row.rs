//! One row coming back, read column by column into our types.

use crate::db::DbError;

/// A column's content, borrowed from the row.
#[derive(Clone, Copy)]
pub enum Cell<'r> {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(&'r str),
    /// BLOB or BYTEA.
    Blob(&'r [u8]),
}

/// A type that a column can be read into.
pub trait FromColumn: Sized {
    /// Reads the cell, or says what is wrong with it in words that hold nothing of its content.
    ///
    /// # Errors
    /// A fixed phrase such as "expected text".
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str>;
}

/// A row of a result.
pub struct Row<'r>(pub(super) Source<'r>);

pub(super) enum Source<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

impl Row<'_> {
    /// Reads the column at `index`, counted from 0.
    ///
    /// # Errors
    /// [`DbError::Column`] when there is no such column or it holds something else.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, DbError> {
        T::from_cell(self.cell(index)?).map_err(|why| DbError::Column { index, why })
    }

    /// The column at `index` as it lies in the row.
    ///
    /// # Errors
    /// [`DbError::Column`] when there is no such column or its type is none of ours.
    pub fn cell(&self, index: usize) -> Result<Cell<'_>, DbError> {
        let column = |why| DbError::Column { index, why };
        match self.0 {
            Source::Sqlite(row) => {
                use rusqlite::types::ValueRef;
                Ok(match row.get_ref(index).map_err(|_| column("no such column"))? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(int) => Cell::Int(int),
                    ValueRef::Real(_) => return Err(column("a float, which no column holds")),
                    ValueRef::Text(text) => {
                        Cell::Text(str::from_utf8(text).map_err(|_| column("text is not UTF-8"))?)
                    }
                    ValueRef::Blob(blob) => Cell::Blob(blob),
                })
            }
            Source::Postgres(row) => {
                let PgCell(cell) =
                    row.try_get(index).map_err(|_| column("no such column, or of another type"))?;
                Ok(cell)
            }
        }
    }
}

struct PgCell<'r>(Cell<'r>);

impl<'r> postgres::types::FromSql<'r> for PgCell<'r> {
    fn from_sql(
        ty: &postgres::types::Type,
        raw: &'r [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        use postgres::types::Type;
        Ok(Self(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT2 => Cell::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::BOOL => Cell::Int(i64::from(bool::from_sql(ty, raw)?)),
            Type::BYTEA => Cell::Blob(raw),
            _ => Cell::Text(str::from_utf8(raw)?),
        }))
    }

    fn from_sql_null(
        _: &postgres::types::Type,
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Cell::Null))
    }

    fn accepts(ty: &postgres::types::Type) -> bool {
        use postgres::types::Type;
        matches!(
            *ty,
            Type::INT8
                | Type::INT4
                | Type::INT2
                | Type::BOOL
                | Type::BYTEA
                | Type::TEXT
                | Type::VARCHAR
                | Type::NAME
                | Type::UNKNOWN
        )
    }
}

impl postgres::types::ToSql for super::sql::Value<'_> {
    fn to_sql(
        &self,
        ty: &postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        use super::sql::Value;
        use postgres::types::{IsNull, Type};
        match (self, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(int), &Type::INT8) => int.to_sql(ty, out),
            (Value::Int(int), &Type::INT4) => i32::try_from(*int)?.to_sql(ty, out),
            (Value::Int(int), &Type::INT2) => i16::try_from(*int)?.to_sql(ty, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::NAME | &Type::UNKNOWN) => {
                text.as_ref().to_sql(ty, out)
            }
            (Value::Blob(blob), &Type::BYTEA) => blob.as_ref().to_sql(ty, out),
            _ => Err("the value's type is not the column's".into()),
        }
    }

    fn accepts(_: &postgres::types::Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

impl rusqlite::ToSql for super::sql::Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use super::sql::Value;
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

impl FromColumn for i64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Int(int) => Ok(int),
            _ => Err("expected an integer"),
        }
    }
}

macro_rules! smaller_int {
    ($($int:ty),*) => {$(
        impl FromColumn for $int {
            fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
                <$int>::try_from(i64::from_cell(cell)?).map_err(|_| "the integer is out of range")
            }
        }
    )*};
}
smaller_int!(u8, u16, u32, i32);

impl FromColumn for bool {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Int(0) => Ok(false),
            Cell::Int(1) => Ok(true),
            _ => Err("expected 0 or 1"),
        }
    }
}

impl FromColumn for String {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Text(text) => Ok(text.to_owned()),
            _ => Err("expected text"),
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Blob(blob) => Ok(blob.to_owned()),
            _ => Err("expected bytes"),
        }
    }
}

impl<const N: usize> FromColumn for [u8; N] {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Blob(blob) => blob.try_into().map_err(|_| "the bytes have another length"),
            _ => Err("expected bytes"),
        }
    }
}

impl FromColumn for jiff::Timestamp {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        Self::from_microsecond(i64::from_cell(cell)?).map_err(|_| "the time is out of range")
    }
}

impl FromColumn for uuid::Uuid {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Text(text) => Self::try_parse(text).map_err(|_| "expected a UUID"),
            _ => Err("expected a UUID"),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}
