//! Versions of templates in the database: what was sent can always be shown word for word.

use std::sync::Arc;

use gate::{PracticeId, TemplateRef};
use jiff::{Timestamp, tz::TimeZone};

use super::{ComposeError, Template, Templates};
use crate::db::{Tx, registry::TEMPLATE_VERSION};
use crate::{params, sql};

impl Templates {
    /// Records every template that is new or changed as the next version of its name, and answers
    /// with the same templates, each knowing its version. Idempotent: the digest decides.
    ///
    /// The caller appends the audit event in the same transaction if the count is not zero.
    ///
    /// # Errors
    /// [`ComposeError::Db`].
    pub fn record(
        self,
        tx: &mut Tx<'_>,
        practice: PracticeId,
        now: Timestamp,
    ) -> Result<(Self, usize), ComposeError> {
        let mut recorded = Self::default();
        let mut new = 0;
        for (key, template) in self.0 {
            let mut template = Arc::unwrap_or_clone(template);
            let (name, digest) = (key.name(), template.digest());
            let known = tx.query(
                sql!(
                    "SELECT version, digest FROM template_version \
                     WHERE practice_id = $1 AND name = $2 AND withdrawn_at IS NULL \
                     ORDER BY version"
                ),
                params![practice, name],
                |row| Ok((row.get::<u32>(0)?, row.get::<Vec<u8>>(1)?)),
            )?;
            template.version = match known.iter().find(|(_, known)| *known == digest) {
                Some((version, _)) => *version,
                None => {
                    new += 1;
                    add_version(tx, practice, &template, now)?
                }
            };
            recorded.0.insert(key, Arc::new(template));
        }
        Ok((recorded, new))
    }
}

/// Writes a template down as the next version of its name, and answers with the version.
pub(super) fn add_version(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    template: &Template,
    now: Timestamp,
) -> Result<u32, ComposeError> {
    let last: Option<u32> = tx.query_one(
        sql!("SELECT MAX(version) FROM template_version WHERE practice_id = $1 AND name = $2"),
        params![practice, template.key.name()],
        |row| row.get(0),
    )?;
    let version = last.unwrap_or(0).saturating_add(1);
    insert_template_version(tx, practice, template, version, now)?;
    Ok(version)
}

fn insert_template_version(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    template: &Template,
    version: u32,
    now: Timestamp,
) -> Result<(), ComposeError> {
    let key = template.key;
    let name = key.name();
    let expires = template.expires.and_then(|day| {
        let end = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(end.timestamp())
    });
    tx.execute(
        sql!(
            "INSERT INTO template_version (practice_id, name, version, kind, channel, language, \
             subject, body, max_level, digest, approved_by, approved_at, expires_at, \
             withdrawn_at, loaded_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL, $12)"
        ),
        params![
            practice,
            name,
            version,
            key.kind.as_str(),
            key.channel.as_str(),
            key.language.as_str(),
            template.subject_source,
            template.body_source,
            u8::from(template.max_level),
            template.digest(),
            template.approval.approved_by,
            now,
            expires,
        ],
    )?;
    tx.touch(TEMPLATE_VERSION, format!("{name}/{version}"));
    Ok(())
}

/// Withdraws a version: it is never sent again, and what was sent with it can still be shown.
/// The caller appends the audit event.
///
/// # Errors
/// [`ComposeError::Db`].
pub fn withdraw(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    version: &TemplateRef,
    now: Timestamp,
) -> Result<bool, ComposeError> {
    let changed = tx.execute(
        sql!(
            "UPDATE template_version SET withdrawn_at = $1 \
             WHERE practice_id = $2 AND name = $3 AND version = $4 AND withdrawn_at IS NULL"
        ),
        params![now, practice, version.name, version.version],
    )?;
    if changed > 0 {
        tx.touch(TEMPLATE_VERSION, format!("{}/{}", version.name, version.version));
    }
    Ok(changed > 0)
}
