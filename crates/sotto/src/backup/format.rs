//! What is inside a backup of the data, before it is sealed: a practice's rows, table after table.
//!
//! ```text
//! 'T' u32 length, {"name","columns"}      a table begins
//! 'R' a value for each column              a row: 0 null │ 1 i64 │ 2 text │ 3 bytes
//! 'E' u32 length, {"tables":{name:rows}}  the end
//! ```
//!
//! The same for both engines, so a backup of one can be restored into the other. What is said
//! outside ([`About`]) can be read without a key, and holds nothing about anybody.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};

use gate::PracticeId;
use jiff::Timestamp;
use seal::FileError;
use serde::{Deserialize, Serialize};

use crate::db::{Applied, Cell, DbError, Row, Value};

/// The version of this form.
pub const FORM: u8 = 1;

/// No value is longer; more is not read.
const MOST: u32 = 64 << 20;

/// What a sealed file of ours holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "holds", rename_all = "snake_case")]
pub enum About {
    /// A practice's rows, without any key.
    Data(AboutData),
    /// A practice's keys, without any row.
    Keys(AboutKeys),
}

/// About a backup of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutData {
    /// [`FORM`].
    pub form: u8,
    /// Whose rows.
    pub practice: PracticeId,
    /// The moment whose state it is.
    pub made_at: Timestamp,
    /// The version of Sotto that made it.
    pub program: String,
    /// `sqlite` or `postgres`; it can be restored into either.
    pub engine: String,
    /// The migrations of the schema.
    pub schema: Vec<Applied>,
    /// The last signed checkpoint of the audit log, a C2SP signed note; empty before the first.
    pub checkpoint: String,
}

/// About a backup of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutKeys {
    /// [`FORM`].
    pub form: u8,
    /// Whose keys.
    pub practice: PracticeId,
    /// When.
    pub made_at: Timestamp,
    /// The version of Sotto that made it.
    pub program: String,
    /// How many keys.
    pub keys: u64,
    /// How many were destroyed, each of which leaves its tombstone.
    pub destroyed: u64,
}

impl About {
    /// Its JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists of them always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`FormatError::NotABackup`], [`FormatError::Form`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let about: Self = serde_json::from_slice(bytes).map_err(|_| FormatError::NotABackup)?;
        let form = match &about {
            Self::Data(data) => data.form,
            Self::Keys(keys) => keys.form,
        };
        if form == FORM { Ok(about) } else { Err(FormatError::Form(form)) }
    }
}

/// Bytes that are no backup, or none that this program knows.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The words at the beginning.
    #[error("this is a sealed file, but no backup")]
    NotABackup,
    /// A later form.
    #[error("the backup is of form {0}, which this version does not know: use a newer Sotto")]
    Form(u8),
    /// The rows.
    #[error("the backup's rows cannot be read: {0}")]
    Rows(&'static str),
    /// The seal, or the end of the file.
    #[error(transparent)]
    Sealed(#[from] FileError),
}

impl From<std::io::Error> for FormatError {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<FileError>() {
            Ok(sealed) => Self::Sealed(sealed),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Self::Rows("they end before the end")
            }
            Err(error) => Self::Sealed(FileError::Io(error)),
        }
    }
}

/// A table that begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of each row's values.
    pub columns: Vec<String>,
}

/// How many rows there are in each table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// By the table's name.
    pub tables: BTreeMap<String, u64>,
}

impl Counts {
    /// Of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// Writes that a table begins.
///
/// # Errors
/// The disk's.
pub fn write_table(out: &mut impl Write, table: &Table) -> std::io::Result<()> {
    write_json(out, b'T', table)
}

/// Writes the end.
///
/// # Errors
/// The disk's.
pub fn write_end(out: &mut impl Write, counts: &Counts) -> std::io::Result<()> {
    write_json(out, b'E', counts)
}

fn write_json(out: &mut impl Write, tag: u8, value: &impl Serialize) -> std::io::Result<()> {
    let json = serde_json::to_vec(value)?;
    out.write_all(&[tag])?;
    write_bytes(out, &json)
}

fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= MOST);
    let length = length.ok_or_else(|| std::io::Error::other("a value is longer than 64 MiB"))?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(bytes)
}

/// Why a row was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Reading it.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Writing it.
    #[error("cannot write the backup: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes a row of as many columns.
///
/// # Errors
/// [`WriteError`].
pub fn write_row(out: &mut impl Write, row: &Row<'_>, columns: usize) -> Result<(), WriteError> {
    out.write_all(b"R")?;
    for index in 0..columns {
        match row.cell(index)? {
            Cell::Null => out.write_all(&[0])?,
            Cell::Int(int) => {
                out.write_all(&[1])?;
                out.write_all(&int.to_be_bytes())?;
            }
            Cell::Text(text) => {
                out.write_all(&[2])?;
                write_bytes(out, text.as_bytes())?;
            }
            Cell::Blob(blob) => {
                out.write_all(&[3])?;
                write_bytes(out, blob)?;
            }
        }
    }
    Ok(())
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A table begins.
    Table(Table),
    /// A row of the table that began last.
    Row(Vec<Value<'static>>),
    /// Everything was read.
    End(Counts),
}

/// Reads the inside of a backup of the data, record by record.
pub struct Records<R: Read> {
    from: R,
    columns: usize,
}

impl<R: Read> Records<R> {
    /// From the beginning.
    pub const fn new(from: R) -> Self {
        Self { from, columns: 0 }
    }

    /// The next record. After [`Record::End`] nothing may follow, and the file is whole.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn record(&mut self) -> Result<Record, FormatError> {
        match self.byte()? {
            b'T' => {
                let table: Table = serde_json::from_slice(&self.bytes()?)
                    .map_err(|_| FormatError::Rows("a table's heading"))?;
                self.columns = table.columns.len();
                Ok(Record::Table(table))
            }
            b'R' if self.columns > 0 => {
                let values = (0..self.columns).map(|_| self.value()).collect::<Result<_, _>>()?;
                Ok(Record::Row(values))
            }
            b'E' => {
                let counts = serde_json::from_slice(&self.bytes()?)
                    .map_err(|_| FormatError::Rows("the end"))?;
                match self.from.read(&mut [0])? {
                    0 => Ok(Record::End(counts)),
                    _ => Err(FormatError::Rows("something follows the end")),
                }
            }
            _ => Err(FormatError::Rows("neither a table nor a row nor the end")),
        }
    }

    fn value(&mut self) -> Result<Value<'static>, FormatError> {
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => {
                let mut int = [0; 8];
                self.from.read_exact(&mut int)?;
                Value::Int(i64::from_be_bytes(int))
            }
            2 => {
                let text = String::from_utf8(self.bytes()?);
                Value::Text(text.map_err(|_| FormatError::Rows("text that is not UTF-8"))?.into())
            }
            3 => Value::Blob(self.bytes()?.into()),
            _ => return Err(FormatError::Rows("a value of no known type")),
        })
    }

    fn byte(&mut self) -> Result<u8, FormatError> {
        let mut byte = [0];
        self.from.read_exact(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    }

    /// Grows with what is really there, whatever length is claimed.
    fn bytes(&mut self) -> Result<Vec<u8>, FormatError> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > MOST {
            return Err(FormatError::Rows("a value longer than 64 MiB"));
        }
        let mut bytes = Vec::new();
        let read = self.from.by_ref().take(u64::from(length)).read_to_end(&mut bytes)?;
        if read < length as usize {
            return Err(FormatError::Rows("they end before the end"));
        }
        Ok(bytes)
    }
}
