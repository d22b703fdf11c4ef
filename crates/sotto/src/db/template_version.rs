//! Table `template_version`: the exact words of every version that was ever in use.

use gate::facts::Template;
use gate::{Channel, Kind, Language, Level, PracticeId, TemplateRef};
use jiff::Timestamp;

use crate::db::message::word;
use crate::db::registry::TEMPLATE_VERSION;
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// A template version about to be stored.
#[derive(Debug, Clone)]
pub struct NewTemplate<'a> {
    /// Name and version.
    pub used_as: &'a TemplateRef,
    /// Which of RULEBOOK §12.
    pub kind: Kind,
    /// For which channel.
    pub channel: Channel,
    /// In which language.
    pub language: Language,
    /// Email only.
    pub subject: Option<&'a str>,
    /// The words, variables in braces.
    pub body: &'a str,
    /// The level it is approved for.
    pub max_level: Level,
    /// SHA-256 of subject and body.
    pub digest: [u8; 32],
    /// Who approved it, and when.
    pub approved: Option<(&'a str, Timestamp)>,
}

/// Stores a template version; one that is there stays as it is. True when it is new.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    new: &NewTemplate<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let stored = tx.execute(
        sql!(
            "INSERT INTO template_version (practice_id, name, version, kind, channel, language,
                 subject, body, max_level, digest, approved_by, approved_at, loaded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (practice_id, name, version) DO NOTHING"
        ),
        params![
            practice,
            new.used_as.name,
            new.used_as.version,
            new.kind.as_str(),
            new.channel.as_str(),
            new.language.as_str(),
            new.subject,
            new.body,
            u8::from(new.max_level),
            new.digest,
            new.approved.map(|(by, _)| by),
            new.approved.map(|(_, at)| at),
            now
        ],
    )?;
    if stored > 0 {
        tx.touch(TEMPLATE_VERSION, format!("{}/{}", new.used_as.name, new.used_as.version));
    }
    Ok(stored > 0)
}

/// A template version's standing, as the gate asks.
///
/// # Errors
/// [`DbError`].
pub fn standing(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    used: &TemplateRef,
) -> Result<Option<Template>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT kind, channel, language, max_level, approved_at, expires_at, withdrawn_at
             FROM template_version WHERE practice_id = $1 AND name = $2 AND version = $3"
        ),
        params![practice, used.name, used.version],
        |row| {
            Ok(Template {
                kind: word(row, 0, Kind::from_word)?,
                channel: word(row, 1, Channel::from_word)?,
                language: word(row, 2, Language::from_word)?,
                max_level: Level::try_from(row.get::<u8>(3)?).unwrap_or_default(),
                approved: row.get::<Option<i64>>(4)?.is_some(),
                expires: row.get(5)?,
                withdrawn: row.get::<Option<i64>>(6)?.is_some(),
            })
        },
    )
}

/// A version as its history shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Counted from 1.
    pub version: u32,
    /// Email and portal.
    pub subject: Option<String>,
    /// The words, variables in braces.
    pub body: String,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Timestamp>,
    /// From when on it is sent no more.
    pub withdrawn_at: Option<Timestamp>,
    /// When it came in.
    pub loaded_at: Timestamp,
}

/// The versions of one template, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn of_name(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    name: &str,
) -> Result<Vec<VersionRow>, DbError> {
    tx.query(
        sql!(
            "SELECT version, subject, body, approved_by, approved_at, withdrawn_at, loaded_at
               FROM template_version WHERE practice_id = $1 AND name = $2 ORDER BY version DESC"
        ),
        params![practice, name],
        |row| {
            Ok(VersionRow {
                version: row.get(0)?,
                subject: row.get(1)?,
                body: row.get(2)?,
                approved_by: row.get(3)?,
                approved_at: row.get(4)?,
                withdrawn_at: row.get(5)?,
                loaded_at: row.get(6)?,
            })
        },
    )
}
