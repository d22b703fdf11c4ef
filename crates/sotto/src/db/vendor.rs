//! Tables `vendor` and `channel_setting`: who carries a channel, and under what agreement
//! (RULEBOOK §4).

use gate::facts::{Agreement, Vendor};
use gate::{Channel, Level, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{CHANNEL_SETTING, VENDOR};
use crate::db::{DbError, Tx};
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

/// How an agreement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Our name for the adapter.
    pub adapter: String,
    /// The company.
    pub legal_name: String,
    /// The most it may carry.
    pub max_level: u8,
    /// `active`, `exception`, `sandbox`, `missing`, `terminated`.
    pub status: String,
    /// In force from.
    pub effective_at: Option<Timestamp>,
    /// In force until.
    pub expires_at: Option<Timestamp>,
}

/// The agreements with all carriers.
///
/// # Errors
/// [`DbError`].
pub fn agreements(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Agreed>, DbError> {
    tx.query(
        sql!(
            "SELECT adapter, agreement, effective_at, expires_at, legal_name, max_level
             FROM vendor WHERE practice_id = $1 ORDER BY adapter"
        ),
        params![practice],
        |row| {
            Ok(Agreed {
                adapter: row.get(0)?,
                status: row.get(1)?,
                effective_at: row.get(2)?,
                expires_at: row.get(3)?,
                legal_name: row.get(4)?,
                max_level: row.get(5)?,
            })
        },
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

/// Who carries a channel, as the gate asks.
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
            "SELECT c.adapter, c.enabled, v.max_level, v.agreement, v.effective_at, v.expires_at
             FROM channel_setting c JOIN vendor v
                 ON v.practice_id = c.practice_id AND v.adapter = c.adapter
             WHERE c.practice_id = $1 AND c.channel = $2"
        ),
        params![practice, channel.as_str()],
        |row| {
            let agreement: String = row.get(3)?;
            let from: Option<Timestamp> = row.get(4)?;
            let until: Option<Timestamp> = row.get(5)?;
            let agreement = match (agreement.as_str(), from) {
                ("active", Some(from)) => Agreement::Active { from, until },
                ("exception", _) => Agreement::Exception { until },
                ("sandbox", _) => Agreement::Sandbox,
                _ => Agreement::Missing,
            };
            Ok(Vendor {
                adapter: row.get(0)?,
                enabled: row.get(1)?,
                // A number that is no level carries nothing.
                max_level: Level::try_from(row.get::<u8>(2)?).unwrap_or(Level::Administrative),
                agreement,
            })
        },
    )
}
