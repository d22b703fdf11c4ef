//! Coming in by a phone that is remembered: by a link, or by the phone alone.

use std::net::IpAddr;

use gate::MessageId;

use super::{Asked, Kept, alone_with, event, good, open, seal};
use crate::access::ceremonies::{self, Answer, Ceremonies, Question, Used};
use crate::access::tokens::Secret;
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::db::Tx;
use crate::db::window::{LinkRow, Purpose};
use crate::db::window_passkey::{self as rows, PhoneRow};
use crate::facts;
use crate::office::Office;
use crate::portal::proof::Refused;
use crate::portal::session::{self, Begun, Who};
use crate::portal::tries::{right_from, try_from, try_link};
use crate::portal::{PortalError, link};

/// Asks a browser for any passkey, by a link or without one. Which there are is not told, and not
/// looked at: the question is the same for every link.
///
/// # Errors
/// [`PortalError`].
pub fn ask_to_come_in(
    tx: &mut Tx<'_>,
    office: &Office,
    ceremonies: &Ceremonies,
    token: Option<&str>,
) -> Result<Result<(Question, Secret), Refused>, PortalError> {
    let link = match token {
        None => None,
        Some(token) => match link::find(tx, office, token)?.good() {
            Some(link) => Some(link.message_id),
            None => return Ok(Err(Refused::Link)),
        },
    };
    let browser = Secret::draw("").ok_or(PortalError::Randomness)?;
    let (options, state) = ceremonies.use_any()?;
    let asked = Asked::ComeIn { browser: browser.digest(), link, state };
    let ceremony = ceremonies::keep(tx, office, &asked)?;
    Ok(Ok((Question { ceremony, options }, browser)))
}

/// What came along with a passkey.
#[derive(Debug)]
pub struct Given {
    /// The browser's answer.
    pub answer: Answer,
    /// The digest of the cookie that the question came with.
    pub browser: Option<[u8; 32]>,
    /// The digest of the stay that this browser had before.
    pub earlier: Option<[u8; 32]>,
    /// From where.
    pub from: Option<IpAddr>,
}

/// What a passkey was worth.
enum Answered {
    /// It is this one.
    Good(Box<(PhoneRow, Kept)>),
    /// Nothing, for these reasons.
    Not(&'static [&'static str]),
}

/// Begins a stay by a passkey of whoever the link is for, under a new token. Another's is counted like
/// a wrong date of birth.
///
/// # Errors
/// [`PortalError`].
pub fn by_link(
    tx: &mut Tx<'_>,
    office: &Office,
    ceremonies: &Ceremonies,
    (token, given): (&str, &Given),
) -> Result<Result<(Begun, LinkRow), Refused>, PortalError> {
    let tried = match try_link(tx, office, (token, given.from))? {
        Ok(tried) => tried,
        Err(refused) => return Ok(Err(refused)),
    };
    let theirs = |row: &PhoneRow| {
        row.patient_id == tried.link.patient_id && row.caregiver_id == tried.who.caregiver()
    };
    let why: &[&'static str] =
        match answered(tx, office, ceremonies, (given, Some(tried.link.message_id)))? {
            _ if tried.too_often() => &["passkey"],
            Answered::Good(found) if theirs(&found.0) => {
                tried.right(tx, office)?;
                let who = tried.who.clone();
                let begun = begin(tx, office, (*found, who), (&tried.link, given.earlier))?;
                return Ok(Ok((begun, tried.link)));
            }
            Answered::Good(_) => &["passkey", "of_another"],
            Answered::Not(why) => why,
        };
    let left = tried.wrong(tx, office, why)?;
    Ok(Err(left.map_or(Refused::WornOut, |left| Refused::Phone { left })))
}

/// The same without a link: the passkey says whose it is. The stay goes by the address that its holder
/// last came by, and ends with the right to it.
///
/// # Errors
/// [`PortalError`].
pub fn by_phone_alone(
    tx: &mut Tx<'_>,
    office: &Office,
    ceremonies: &Ceremonies,
    given: &Given,
) -> Result<Result<Begun, Refused>, PortalError> {
    if !try_from(tx, office, given.from)? {
        return Ok(Err(Refused::Address));
    }
    let why: &[&'static str] = match answered(tx, office, ceremonies, (given, None))? {
        Answered::Good(found) => match who_holds(tx, office, &found.0)? {
            Some(who) => {
                right_from(tx, office, given.from)?;
                let link = last_link(&found.0);
                return begin(tx, office, (*found, who), (&link, given.earlier)).map(Ok);
            }
            None => &["passkey", "no_right"],
        },
        Answered::Not(why) => why,
    };
    let event = Event::new(Kind::AccessRefused, Actor::service("window")).outcome(Outcome::Refused);
    let event = why.iter().fold(event, |event, code| event.code(*code));
    audit::append(tx, office, event)?;
    Ok(Err(Refused::NoPhone))
}

/// The link that the holder of a phone last came by, as far as a stay knows of it.
const fn last_link(row: &PhoneRow) -> LinkRow {
    LinkRow {
        message_id: row.link_id,
        patient_id: row.patient_id,
        contact_point_id: row.contact_point_id,
        purpose: Purpose::Message,
        created_at: row.created_at,
        expires_at: row.created_at,
        ended_at: None,
        ended_why: None,
    }
}

/// Who the holder of a phone is now; nobody where their right to the address they came by has ended.
fn who_holds(tx: &mut Tx<'_>, office: &Office, row: &PhoneRow) -> Result<Option<Who>, PortalError> {
    let Some(subject) = facts::subject(tx, office, row.patient_id)? else { return Ok(None) };
    let who = session::who(tx, office, &subject, row.contact_point_id)?;
    Ok(who.filter(|who| who.caregiver() == row.caregiver_id))
}

/// Checks an answer against the passkey it names.
fn answered(
    tx: &mut Tx<'_>,
    office: &Office,
    ceremonies: &Ceremonies,
    (given, by): (&Given, Option<MessageId>),
) -> Result<Answered, PortalError> {
    const NOT: Answered = Answered::Not(&["passkey"]);
    let asked: Option<Asked> = ceremonies::take(tx, office, &given.answer.ceremony)?;
    let Some(Asked::ComeIn { browser, link, state }) = asked else { return Ok(NOT) };
    if given.browser != Some(browser) || link != by {
        return Ok(NOT);
    }
    let Some(named) = ceremonies.named(&given.answer.credential) else { return Ok(NOT) };
    let all = rows::by_handle(tx, office.practice(), named.handle)?;
    let Some(first) = all.first() else { return Ok(NOT) };
    alone_with(tx, first.patient_id)?;
    for row in rows::by_handle(tx, office.practice(), named.handle)? {
        if !good(office, &row) {
            continue;
        }
        let mut kept = open(office, &row)?;
        if named.is(&kept.key) {
            return Ok(match ceremonies.used(&named, state, &mut kept.key) {
                Used::Fits => Answered::Good(Box::new((row, kept))),
                Used::WentBack => Answered::Not(&["passkey", "counter_back"]),
                Used::Not => NOT,
            });
        }
    }
    Ok(NOT)
}

/// The phone was used: a stay begins, as the one who was proved.
fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    ((mut row, kept), who): ((PhoneRow, Kept), Who),
    (link, earlier): (&LinkRow, Option<[u8; 32]>),
) -> Result<Begun, PortalError> {
    row.key_sealed = seal(office, &row, &kept)?;
    row.used_at = Some(office.clock().now_in_life());
    row.contact_point_id = link.contact_point_id;
    row.link_id = link.message_id;
    rows::put(tx, office.practice(), &row)?;
    let actor = row.caregiver_id.map_or_else(|| Actor::patient(row.patient_id), Actor::caregiver);
    audit::append(tx, office, event(&row, actor, "used").code("passkey"))?;
    session::begin(tx, office, link, (who, Some(row.id), earlier))
}
