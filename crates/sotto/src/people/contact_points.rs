//! Telephone numbers and mailboxes on file, sealed, found by blind index.

use gate::facts::Line;
use gate::{
    Address, AddressKind, Channel, ContactPointId, EmailAddress, PatientId, PhoneNumber, PracticeId,
};
use jiff::Timestamp;
use seal::{Keyring, Place, SealError, Sealed};

use crate::db::{DbError, Tx};
use crate::{params, sql};

/// Contact points cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContactPointError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// An address cannot be opened.
    #[error("an address on file cannot be opened: {0}")]
    Seal(#[from] SealError),
}

/// A contact point that can be used now.
#[derive(Debug, Clone)]
pub struct ContactPoint {
    /// Which.
    pub id: ContactPointId,
    /// The address, opened.
    pub address: Address,
    /// What kind of line.
    pub line: Line,
    /// 1 first.
    pub rank: i64,
}

/// The blind index under which an address is found.
#[must_use]
pub fn address_index(keys: &Keyring, address: &Address) -> [u8; 32] {
    keys.blind_index("address", address.reveal().as_bytes())
}

/// Seals an address, for the column `address_sealed`.
///
/// # Errors
/// [`SealError`].
pub fn seal_address(
    keys: &Keyring,
    practice: PracticeId,
    patient: PatientId,
    id: ContactPointId,
    address: &Address,
) -> Result<Vec<u8>, SealError> {
    let (practice, row) = (practice.to_string(), id.to_string());
    let plain = address.reveal().as_bytes();
    keys.seal_for_patient(&patient.to_string(), &place(&practice, &row), plain)
        .map(Sealed::into_bytes)
}

/// Opens an address: PHI.
///
/// # Errors
/// [`SealError`]; an address of another form counts as altered.
pub fn open_address(
    keys: &Keyring,
    practice: PracticeId,
    id: ContactPointId,
    kind: AddressKind,
    sealed: Vec<u8>,
) -> Result<Address, SealError> {
    let (practice, row) = (practice.to_string(), id.to_string());
    let plain = keys.open_value(&place(&practice, &row), &Sealed::from_bytes(sealed))?;
    let text = str::from_utf8(&plain).map_err(|_| SealError::Altered)?;
    match kind {
        AddressKind::Phone => PhoneNumber::from_e164(text).map(Address::Phone),
        AddressKind::Email => EmailAddress::parse(text).map(Address::Email),
        AddressKind::Portal => Ok(Address::Portal),
    }
    .map_err(|_| SealError::Altered)
}

fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "contact_point", row, column: "address_sealed" }
}

/// The patient's own contact points of a kind that are in their period and not dead, best rank
/// first.
///
/// # Errors
/// [`ContactPointError`].
pub fn usable(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    practice: PracticeId,
    wanted: (PatientId, AddressKind),
    now: Timestamp,
) -> Result<Vec<ContactPoint>, ContactPointError> {
    let (patient, kind) = wanted;
    let word = match kind {
        AddressKind::Phone => "phone",
        AddressKind::Email => "email",
        AddressKind::Portal => return Ok(Vec::new()),
    };
    let rows = tx.query(
        sql!(
            "SELECT id, address_sealed, line, rank FROM contact_point
             WHERE practice_id = $1 AND patient_id = $2 AND kind = $3 AND caregiver_id IS NULL
                 AND dead IS NULL AND (valid_from IS NULL OR valid_from <= $4)
                 AND (valid_until IS NULL OR valid_until > $4)
             ORDER BY rank, id"
        ),
        params![practice, patient, word, now],
        |row| {
            Ok((
                row.get::<ContactPointId>(0)?,
                row.get::<Vec<u8>>(1)?,
                line_from_word(&row.get::<String>(2)?),
                row.get::<i64>(3)?,
            ))
        },
    )?;
    rows.into_iter()
        .map(|(id, sealed, line, rank)| {
            let address = open_address(keys, practice, id, kind, sealed)?;
            Ok(ContactPoint { id, address, line, rank })
        })
        .collect()
}

/// The best of these for a channel: a mobile before an unknown line before a landline for texts,
/// the first by rank otherwise. A landline is chosen for a text only where there is nothing else;
/// the gate then says why it cannot go.
#[must_use]
pub fn best_for(mut all: Vec<ContactPoint>, channel: Channel) -> Option<ContactPoint> {
    let suits = |line| match (channel, line) {
        (Channel::Sms, Line::Mobile | Line::Voip) => 0,
        (Channel::Sms, Line::Unknown | Line::NotALine) => 1,
        (Channel::Sms, Line::Landline) => 2,
        _ => 0,
    };
    all.sort_by_key(|point| (suits(point.line), point.rank, point.id));
    all.into_iter().next()
}

/// A patient's contact point with this address.
///
/// # Errors
/// [`DbError`].
pub fn of_patient_at(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    address_index: &[u8; 32],
) -> Result<Option<ContactPointId>, DbError> {
    let found = tx.query(
        sql!(
            "SELECT id FROM contact_point
             WHERE practice_id = $1 AND patient_id = $2 AND address_index = $3
             ORDER BY CASE WHEN caregiver_id IS NULL THEN 0 ELSE 1 END, rank, id LIMIT 1"
        ),
        params![practice, patient, address_index],
        |row| row.get(0),
    )?;
    Ok(found.into_iter().next())
}

/// The channel the patient prefers: a wish, not a consent (SPEC CN-14).
///
/// # Errors
/// [`DbError`].
pub fn preferred_channel(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Option<Channel>, DbError> {
    let word = tx.query_opt(
        sql!("SELECT channel FROM preference WHERE practice_id = $1 AND patient_id = $2"),
        params![practice, patient],
        |row| row.get::<Option<String>>(0),
    )?;
    Ok(word.flatten().as_deref().and_then(Channel::from_word))
}

/// The kind of line with this word; what we do not know is unknown.
#[must_use]
pub fn line_from_word(word: &str) -> Line {
    match word {
        "mobile" => Line::Mobile,
        "landline" => Line::Landline,
        "voip" => Line::Voip,
        "not_a_line" => Line::NotALine,
        _ => Line::Unknown,
    }
}
