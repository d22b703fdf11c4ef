//! Tables `vendor` and `channel_setting`: who carries a channel, and under what agreement
//! (RULEBOOK §4). The configuration file fills them; what stands is said together with what was
//! written down since on the page of vendors (`db/agreement.rs`, `agreements/standing.rs`).

use gate::facts::Vendor;
use gate::{Channel, Level, PracticeId};
use jiff::Timestamp;

use crate::agreements::standing::{Agreed, Noted, standing, standing_alone};
use crate::db::agreement::AgreementDeed;
use crate::db::registry::{CHANNEL_SETTING, VENDOR};
use crate::db::{DbError, Row, Tx};
use crate::{params, sql};

/// A carrier and the agreement with it.
#[derive(Debug, Clone)]
pub struct NewVendor<'a> {
    /// Our name for the adapter.
    pub adapter: &'a str,
    /// The company.
    pub legal_name: &'a str,
    /// What it does for us.
    pub service: &'a str,
    /// The most it may carry (BAA-04).
    pub max_level: Level,
    /// `active`, `exception`, `sandbox`, `missing`, `terminated`.
    pub agreement: &'a str,
    /// In force from.
    pub effective_at: Option<Timestamp>,
    /// In force until; `None`: evergreen.
    pub expires_at: Option<Timestamp>,
    /// Of an exception, in writing.
    pub reason: Option<&'a str>,
}

/// Records a carrier, new or changed. False when all of it stood there already.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    vendor: &NewVendor<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let stands = tx.query_opt(
        sql!(
            "SELECT legal_name, service, max_level, agreement, effective_at, expires_at, reason
             FROM vendor WHERE practice_id = $1 AND adapter = $2"
        ),
        params![practice, vendor.adapter],
        |row| {
            Ok(row.get::<String>(0)? == vendor.legal_name
                && row.get::<String>(1)? == vendor.service
                && row.get::<u8>(2)? == u8::from(vendor.max_level)
                && row.get::<String>(3)? == vendor.agreement
                && row.get::<Option<Timestamp>>(4)? == vendor.effective_at
                && row.get::<Option<Timestamp>>(5)? == vendor.expires_at
                && row.get::<Option<String>>(6)?.as_deref() == vendor.reason)
        },
    )?;
    if stands == Some(true) {
        return Ok(false);
    }
    tx.execute(
        sql!(
            "INSERT INTO vendor (practice_id, adapter, legal_name, service, max_level, agreement,
                 effective_at, expires_at, reason, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (practice_id, adapter) DO UPDATE SET legal_name = excluded.legal_name,
                 service = excluded.service, max_level = excluded.max_level,
                 agreement = excluded.agreement, effective_at = excluded.effective_at,
                 expires_at = excluded.expires_at, reason = excluded.reason,
                 updated_at = excluded.updated_at"
        ),
        params![
            practice,
            vendor.adapter,
            vendor.legal_name,
            vendor.service,
            u8::from(vendor.max_level),
            vendor.agreement,
            vendor.effective_at,
            vendor.expires_at,
            vendor.reason,
            now
        ],
    )?;
    tx.touch(VENDOR, vendor.adapter);
    Ok(true)
}

/// What the configuration file says, from the first six columns: `adapter`, `agreement`,
/// `effective_at`, `expires_at`, `legal_name`, `max_level`.
fn of_file(row: &Row<'_>) -> Result<Agreed, DbError> {
    Ok(Agreed {
        adapter: row.get(0)?,
        status: row.get(1)?,
        effective_at: row.get(2)?,
        expires_at: row.get(3)?,
        legal_name: row.get(4)?,
        max_level: row.get(5)?,
    })
}

/// From the columns `event`, `legal_name`, `effective_at`, `expires_at`, `recorded_at` of the last
/// event, from the one numbered `at` on; all of them NULL where there is none.
fn noted(row: &Row<'_>, at: usize) -> Result<Option<Noted>, DbError> {
    let Some(event) = row.get::<Option<AgreementDeed>>(at)? else { return Ok(None) };
    Ok(Some(Noted {
        event,
        legal_name: row.get(at + 1)?,
        effective_at: row.get(at + 2)?,
        expires_at: row.get(at + 3)?,
        recorded_at: row.get(at + 4)?,
    }))
}

/// The agreements with all carriers, as they stand.
///
/// # Errors
/// [`DbError`].
pub fn agreements(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Agreed>, DbError> {
    tx.query(
        sql!(
            "SELECT v.adapter, v.agreement, v.effective_at, v.expires_at, v.legal_name, v.max_level,
                    e.event, e.legal_name, e.effective_at, e.expires_at, e.recorded_at
               FROM vendor v
               LEFT JOIN agreement_event e ON e.practice_id = v.practice_id
                    AND e.vendor = v.adapter
                    AND e.number = (SELECT MAX(l.number) FROM agreement_event l
                                     WHERE l.practice_id = v.practice_id AND l.vendor = v.adapter
                                       AND l.event <> 'returned')
              WHERE v.practice_id = $1 ORDER BY v.adapter"
        ),
        params![practice],
        |row| Ok(standing(of_file(row)?, noted(row, 6)?.as_ref())),
    )
}

/// The agreements with all vendors that carry no channel, by name.
///
/// # Errors
/// [`DbError`].
pub fn others(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Agreed>, DbError> {
    tx.query(
        sql!(
            "SELECT v.id, v.legal_name, v.max_level,
                    e.event, e.legal_name, e.effective_at, e.expires_at, e.recorded_at
               FROM vendor_entry v
               LEFT JOIN agreement_event e ON e.practice_id = v.practice_id AND e.vendor = v.id
                    AND e.number = (SELECT MAX(l.number) FROM agreement_event l
                                     WHERE l.practice_id = v.practice_id AND l.vendor = v.id
                                       AND l.event <> 'returned')
              WHERE v.practice_id = $1 ORDER BY v.legal_name, v.id"
        ),
        params![practice],
        |row| {
            let vendor = Agreed {
                adapter: row.get(0)?,
                legal_name: row.get(1)?,
                max_level: row.get(2)?,
                status: "missing".to_owned(),
                effective_at: None,
                expires_at: None,
            };
            Ok(standing_alone(vendor, noted(row, 3)?.as_ref()))
        },
    )
}

/// What a carrier does for us, as the configuration says; none where there is no such carrier.
///
/// # Errors
/// [`DbError`].
pub fn service(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
) -> Result<Option<String>, DbError> {
    tx.query_opt(
        sql!("SELECT service FROM vendor WHERE practice_id = $1 AND adapter = $2"),
        params![practice, adapter],
        |row| row.get(0),
    )
}

/// How a channel is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSetting {
    /// Which adapter carries it.
    pub adapter: String,
    /// Switched on.
    pub enabled: bool,
    /// Our number or mailbox.
    pub sender: String,
}

/// Sets a channel up, new or changed. False when it stood so already.
///
/// # Errors
/// [`DbError`].
pub fn put_channel(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    to: Channel,
    setting: &ChannelSetting,
    now: Timestamp,
) -> Result<bool, DbError> {
    if channel(tx, practice, to)?.as_ref() == Some(setting) {
        return Ok(false);
    }
    tx.execute(
        sql!(
            "INSERT INTO channel_setting (practice_id, channel, adapter, enabled, sender, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (practice_id, channel) DO UPDATE SET adapter = excluded.adapter,
                 enabled = excluded.enabled, sender = excluded.sender,
                 updated_at = excluded.updated_at"
        ),
        params![
            practice,
            to.as_str(),
            setting.adapter,
            setting.enabled,
            setting.sender,
            now
        ],
    )?;
    tx.touch(CHANNEL_SETTING, to.as_str());
    Ok(true)
}

/// How a channel is set up, or none.
///
/// # Errors
/// [`DbError`].
pub fn channel(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    channel: Channel,
) -> Result<Option<ChannelSetting>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT adapter, enabled, sender FROM channel_setting
             WHERE practice_id = $1 AND channel = $2"
        ),
        params![practice, channel.as_str()],
        |row| {
            Ok(ChannelSetting { adapter: row.get(0)?, enabled: row.get(1)?, sender: row.get(2)? })
        },
    )
}

/// Who carries a channel, as the gate asks: under the agreement that stands.
///
/// # Errors
/// [`DbError`].
pub fn for_channel(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    channel: Channel,
) -> Result<Option<Vendor>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT v.adapter, v.agreement, v.effective_at, v.expires_at, v.legal_name, v.max_level,
                    c.enabled,
                    e.event, e.legal_name, e.effective_at, e.expires_at, e.recorded_at
               FROM channel_setting c
               JOIN vendor v ON v.practice_id = c.practice_id AND v.adapter = c.adapter
               LEFT JOIN agreement_event e ON e.practice_id = v.practice_id
                    AND e.vendor = v.adapter
                    AND e.number = (SELECT MAX(l.number) FROM agreement_event l
                                     WHERE l.practice_id = v.practice_id AND l.vendor = v.adapter
                                       AND l.event <> 'returned')
              WHERE c.practice_id = $1 AND c.channel = $2"
        ),
        params![practice, channel.as_str()],
        |row| {
            let agreed = standing(of_file(row)?, noted(row, 7)?.as_ref());
            Ok(Vendor {
                enabled: row.get(6)?,
                // A number that is no level carries nothing.
                max_level: Level::try_from(agreed.max_level).unwrap_or(Level::Administrative),
                agreement: agreed.agreement(),
                adapter: agreed.adapter,
            })
        },
    )
}
