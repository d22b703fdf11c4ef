//! Table `window_aim`: the form a link leads to after the proof.

use gate::{Channel, ContactPointId, MessageId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::WINDOW_AIM;
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// The consent to what may be sent to one address by one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aim {
    /// To which address.
    pub contact_point: ContactPointId,
    /// By which channel.
    pub channel: Channel,
}

/// Says where the link of this notice leads.
///
/// # Errors
/// [`DbError`].
pub fn add(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    link: MessageId,
    (aim, now): (Aim, Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO window_aim (practice_id, message_id, contact_point_id, channel, created_at)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        params![practice, link, aim.contact_point, aim.channel, now],
    )?;
    tx.touch(WINDOW_AIM, link.to_string());
    Ok(())
}

/// Where the link of this notice leads, when it is a form.
///
/// # Errors
/// [`DbError`].
pub fn of(tx: &mut Tx<'_>, practice: PracticeId, link: MessageId) -> Result<Option<Aim>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT contact_point_id, channel FROM window_aim
              WHERE practice_id = $1 AND message_id = $2"
        ),
        params![practice, link],
        |row| Ok(Aim { contact_point: row.get(0)?, channel: row.get(1)? }),
    )
}
