//! Table `practice`, with what the guard should know of it from `site` and `clinician`.

use gate::PracticeId;
use jiff::tz::TimeZone;

use crate::db::registry::PRACTICE;
use crate::db::{DbError, Tx, setting};
use crate::office::Profile;
use crate::{params, sql};

/// A practice as it is set up.
#[derive(Debug, Clone)]
pub struct Practice {
    /// Its legal name.
    pub name: String,
    /// The name patients see.
    pub display_name: String,
    /// The number patients call, as printed.
    pub phone: String,
    /// IANA name.
    pub timezone: String,
    /// Where patients sign in.
    pub portal_url: String,
    /// Demo or training.
    pub sandbox: bool,
}

/// Stores the practice, new or changed. True when something changed.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    id: PracticeId,
    practice: &Practice,
    now: jiff::Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "INSERT INTO practice (practice_id, name, display_name, phone, timezone, portal_url,
                 sandbox, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (practice_id) DO UPDATE SET name = excluded.name,
                 display_name = excluded.display_name, phone = excluded.phone,
                 timezone = excluded.timezone, portal_url = excluded.portal_url,
                 sandbox = excluded.sandbox, updated_at = excluded.updated_at
             WHERE practice.name <> excluded.name
                 OR practice.display_name <> excluded.display_name
                 OR practice.phone <> excluded.phone OR practice.timezone <> excluded.timezone
                 OR practice.portal_url <> excluded.portal_url
                 OR practice.sandbox <> excluded.sandbox"
        ),
        params![
            id,
            practice.name,
            practice.display_name,
            practice.phone,
            practice.timezone,
            practice.portal_url,
            practice.sandbox,
            now
        ],
    )?;
    if changed > 0 {
        tx.touch(PRACTICE, id.to_string());
    }
    Ok(changed > 0)
}

/// The setting that holds the name patients see, where it is another than the configuration file's.
pub const NEUTRAL_NAME: &str = "neutral_name";

/// How the practice presents itself, with its sites and clinicians for the guard.
///
/// # Errors
/// [`DbError`].
pub fn profile(tx: &mut Tx<'_>, id: PracticeId) -> Result<Option<Profile>, DbError> {
    let found = tx.query_opt(
        sql!(
            "SELECT name, display_name, phone, timezone, portal_url, sandbox
             FROM practice WHERE practice_id = $1"
        ),
        params![id],
        |row| {
            Ok(Practice {
                name: row.get(0)?,
                display_name: row.get(1)?,
                phone: row.get(2)?,
                timezone: row.get(3)?,
                portal_url: row.get(4)?,
                sandbox: row.get(5)?,
            })
        },
    )?;
    let Some(mut practice) = found else { return Ok(None) };
    if let Some(name) = setting::get(tx, id, NEUTRAL_NAME)?.filter(|name| !name.is_empty()) {
        practice.display_name = name;
    }
    let mut context = guard::Context {
        practice_names: vec![practice.name, practice.display_name.clone()],
        practice_phones: vec![digits(&practice.phone)],
        hosts: host_of(&practice.portal_url).into_iter().collect(),
        ..guard::Context::default()
    };
    let sites = tx.query(
        sql!("SELECT name, street, city, phone FROM site WHERE practice_id = $1 ORDER BY id"),
        params![id],
        |row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<Option<String>>(1)?,
                row.get::<Option<String>>(2)?,
                row.get::<Option<String>>(3)?,
            ))
        },
    )?;
    for (name, street, city, phone) in sites {
        context.places.push(name);
        context.places.extend(street);
        context.places.extend(city);
        context.practice_phones.extend(phone.map(|p| digits(&p)));
    }
    context.clinicians = tx.query(
        sql!("SELECT family_name FROM clinician WHERE practice_id = $1 ORDER BY id"),
        params![id],
        |row| row.get(0),
    )?;
    Ok(Some(Profile {
        display_name: practice.display_name,
        phone: practice.phone,
        portal_url: practice.portal_url,
        timezone: TimeZone::get(&practice.timezone).unwrap_or(TimeZone::UTC),
        sandbox: practice.sandbox,
        context,
    }))
}

/// The digits of a number as printed, without the country code.
fn digits(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix('1') {
        Some(rest) if rest.len() == 10 => rest.to_owned(),
        _ => digits,
    }
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    Some(rest.split(['/', ':', '?']).next()?.to_owned())
}
