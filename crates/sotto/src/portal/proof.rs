//! Who is there: the patient's date of birth, and a code that goes to the address on file.
//!
//! Two things that a finder of the link does not have (RULEBOOK PRIV-10, §8). A guess is counted
//! before it is looked at: against the link, the patient, and the address it came from. Whatever is
//! wrong with a link, unknown, old or cut off, the answer is the same.

use std::net::IpAddr;

use gate::{AddressKind, Channel, Kind, MessageId, Origin};
use jiff::SignedDuration;
use jiff::civil::Date;

use super::PortalError;
use super::link::{self, Standing};
use super::session::{self, Begun};
use super::tries::{guess, of, refused, try_link};
use crate::access::tokens::Secret;
use crate::audit::Actor;
use crate::compose::{Values, Variable};
use crate::db::Tx;
use crate::db::contact_point::{self, ContactPointRow};
use crate::db::session as counts;
use crate::db::window::{self as rows, CodeRow, LinkRow};
use crate::facts;
use crate::ids::Id as _;
use crate::intake::{self, Answer, Request, Wanted, Words};
use crate::journeys::reminders::profile_values;
use crate::office::Office;
use crate::people::contact_points;

/// How long a code is good.
pub const CODE_GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Codes that are sent without one that was right.
const MOST_CODES: i64 = 6;
/// How often one code may be typed.
pub const MOST_OF_CODE: i64 = 5;

/// Why somebody does not come in. Each has its own plain words and its own way on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The link is not good any more, or never was.
    Link,
    /// That is not the date of birth on file; so many more tries with this link.
    BirthDate {
        /// More tries.
        left: i64,
    },
    /// The link was tried too often, and is over now.
    WornOut,
    /// Too often about this patient: not before tomorrow.
    Patient,
    /// Too often from where they are: not before tomorrow.
    Address,
    /// The date of birth cannot be compared: it is not on file.
    Unknown,
    /// No code can go to the address on file.
    NoCode,
    /// Too many codes were sent.
    Codes,
    /// That is not the code; so many more tries with it.
    Code {
        /// More tries.
        left: i64,
    },
    /// The code is too old, used, or tried too often: ask for another.
    CodeOver,
    /// That is not the passkey of whoever the link is for; so many more tries with it.
    Phone {
        /// More tries.
        left: i64,
    },
    /// Nobody here has that passkey, or it opens nothing any more.
    NoPhone,
}

/// A code is on its way.
#[derive(Debug)]
pub struct Asked {
    /// For the browser's cookie: the code is good in this browser alone.
    pub browser: Secret,
    /// By which channel it goes.
    pub channel: Channel,
}

/// Compares the date of birth and sends a code. What is refused is counted and on the log.
///
/// # Errors
/// [`PortalError`]; nothing is then counted or sent.
pub fn ask(
    tx: &mut Tx<'_>,
    office: &Office,
    token: &str,
    (born, from): (Option<Date>, Option<IpAddr>),
) -> Result<Result<Asked, Refused>, PortalError> {
    let tried = match try_link(tx, office, (token, from))? {
        Ok(tried) => tried,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(on_file) = tried.subject.person.birth_date else {
        return Ok(Err(Refused::Unknown));
    };
    if tried.too_often() || born != Some(on_file) {
        let left = tried.wrong(tx, office, &["birth_date"])?;
        return Ok(Err(left.map_or(Refused::WornOut, |left| Refused::BirthDate { left })));
    }
    if guess(tx, office, &of(office, "codes", tried.link.patient_id), MOST_CODES)?.is_none() {
        return Ok(Err(Refused::Codes));
    }
    tried.right(tx, office)?;
    send(tx, office, &tried.link, tried.subject)
}

/// Sends a code to where the link went, and keeps its keyed hash for the browser that asked.
fn send(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
    subject: facts::Subject,
) -> Result<Result<Asked, Refused>, PortalError> {
    let practice = office.practice();
    let Some(point) = contact_point::get(tx, practice, link.contact_point_id)? else {
        return Ok(Err(Refused::NoCode));
    };
    let by = (Kind::IdCode, Actor::service("window"));
    let Some((code, channel)) = post_code(tx, office, (subject, &point), by)? else {
        return Ok(Err(Refused::NoCode));
    };
    let browser = Secret::draw("").ok_or(PortalError::Randomness)?;
    let lives = office.clock().now_in_life();
    let row = CodeRow {
        link_id: link.message_id,
        code: hash(office, &browser.digest(), &code).to_vec(),
        tries: 0,
        expires_at: lives + CODE_GOOD_FOR,
    };
    rows::forget_codes(tx, practice, link.message_id)?;
    rows::add_code(tx, practice, &browser.digest(), (&row, lives))?;
    Ok(Ok(Asked { browser, channel }))
}

/// Sends a new code to an address on file, through the gate. The answer is the code, for its keyed
/// hash alone, and the channel; none where no code can go there.
///
/// # Errors
/// [`PortalError`].
pub(crate) fn post_code(
    tx: &mut Tx<'_>,
    office: &Office,
    (subject, point): (facts::Subject, &ContactPointRow),
    (kind, actor): (Kind, Actor),
) -> Result<Option<(String, Channel)>, PortalError> {
    let now = office.clock().now();
    let channel = match point.kind {
        AddressKind::Phone => Channel::Sms,
        AddressKind::Email => Channel::Email,
        AddressKind::Portal => return Ok(None),
    };
    let to = contact_points::open_address(
        office.keys(),
        office.practice(),
        point.id,
        point.kind,
        point.address_sealed.clone(),
    )?;
    let code = six_digits()?;
    let values = Values::new()
        .set(Variable::Code, code.as_str())?
        .set(Variable::Minutes, CODE_GOOD_FOR.as_mins().to_string())?;
    let request = Request {
        message: MessageId::new(office.clock()),
        patient: Some(subject),
        channel: Wanted::Channel(channel),
        to: Some(to),
        kind,
        purpose: gate::Purpose::PatientRequest,
        origin: Origin::Reply { to_message_at: now },
        words: Words::Template { values: profile_values(office, values)? },
        language: None,
        appointment: None,
        inbound: None,
        useless_after: now.checked_add(CODE_GOOD_FOR).ok(),
        actor,
    };
    if let Answer::Refused { .. } | Answer::Redirected { .. } = intake::accept(tx, office, request)?
    {
        return Ok(None);
    }
    Ok(Some((code, channel)))
}

/// What came along with a code.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The code, with or without blanks.
    pub code: String,
    /// The digest of the cookie that the code was asked for with.
    pub browser: Option<[u8; 32]>,
    /// The digest of the stay that this browser had before.
    pub earlier: Option<[u8; 32]>,
}

/// Compares the code and begins a stay, under a new token. The code is used up.
///
/// # Errors
/// [`PortalError`].
pub fn enter(
    tx: &mut Tx<'_>,
    office: &Office,
    token: &str,
    typed: &Typed,
) -> Result<Result<(Begun, LinkRow), Refused>, PortalError> {
    let practice = office.practice();
    let Some(link) = link::find(tx, office, token)?.good() else {
        return Ok(Err(Refused::Link));
    };
    let Some(browser) = typed.browser else { return Ok(Err(Refused::CodeOver)) };
    let now = office.clock().now_in_life();
    let sent = rows::code(tx, practice, &browser)?
        .filter(|row| row.link_id == link.message_id && now < row.expires_at);
    let Some(sent) = sent else { return Ok(Err(Refused::CodeOver)) };
    if !rows::try_code(tx, practice, &browser, MOST_OF_CODE)? {
        return Ok(Err(Refused::CodeOver));
    }
    let digits: String = typed.code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let given = hash(office, &browser, &digits);
    if aws_lc_rs::constant_time::verify_slices_are_equal(&given, &sent.code).is_err() {
        refused(tx, office, &link, &["code"])?;
        let left = MOST_OF_CODE - sent.tries - 1;
        return Ok(Err(if left > 0 { Refused::Code { left } } else { Refused::CodeOver }));
    }
    let Some(subject) = facts::subject(tx, office, link.patient_id)? else {
        return Ok(Err(Refused::Link));
    };
    let Some(who) = session::who(tx, office, &subject, link.contact_point_id)? else {
        return Ok(Err(Refused::Link));
    };
    if !rows::use_code(tx, practice, &browser)? {
        return Ok(Err(Refused::CodeOver));
    }
    counts::forget_guesses(tx, practice, &of(office, "codes", link.patient_id))?;
    let begun = session::begin(tx, office, &link, (who, None, typed.earlier))?;
    Ok(Ok((begun, link)))
}

/// What a link that is not good any more is worth: a new one, to where the old one went. Whoever
/// asks is told the same, whatever happens here.
///
/// # Errors
/// [`PortalError`].
pub fn new_link(tx: &mut Tx<'_>, office: &Office, token: &str) -> Result<(), PortalError> {
    let (Standing::Over(link) | Standing::Good(link)) = link::find(tx, office, token)? else {
        return Ok(());
    };
    super::letters::send_link(tx, office, &link)
}

/// What is kept of a code: of use only together with the browser's cookie and the practice's keys.
fn hash(office: &Office, browser: &[u8; 32], code: &str) -> [u8; 32] {
    let bytes = [browser.as_slice(), code.as_bytes()].concat();
    office.keys().content_hash("code at the window", &bytes)
}

/// Six random digits, each number as likely as any other.
fn six_digits() -> Result<String, PortalError> {
    const ALL: u32 = 1_000_000;
    // The largest multiple of a million below 2^32; what lies beyond would favour small numbers.
    const FAIR: u32 = u32::MAX - u32::MAX % ALL;
    loop {
        let mut bytes = [0; 4];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PortalError::Randomness)?;
        let drawn = u32::from_le_bytes(bytes);
        if drawn < FAIR {
            return Ok(format!("{:06}", drawn % ALL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::six_digits;

    #[test]
    fn codes_are_six_digits_and_differ() {
        let codes: std::collections::BTreeSet<String> =
            (0..200).map(|_| six_digits().unwrap()).collect();
        assert!(
            codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()))
        );
        assert!(codes.len() > 190, "{}", codes.len());
    }
}
