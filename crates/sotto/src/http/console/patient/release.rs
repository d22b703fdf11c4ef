//! `/people/{patient}/release`: one message of a patient's own records, by plain text or email,
//! because they demand it (45 CFR 164.524(c), PRIV-14). For the privacy officer alone, with a fresh
//! second factor; each is listed at `/log` for somebody else to look at.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gate::{AddressKind, Channel, ContactPointId, Language, MessageId};
use guard::Guard;

use super::super::page::{Filled, Frame, failed, html, see_other};
use super::super::reading::{Piece, Stranger, Tell, level_tone, level_words, pieces, size, tells};
use super::super::signed_in::{MayOfRecently, ReleaseRecords};
use super::super::words;
use super::say;
use super::typed::{Refused, Typed};
use crate::access::policies::Permit;
use crate::audit::{Actor, Event, Kind as Deed, PurposeOfUse};
use crate::compose::prices;
use crate::db::Tx;
use crate::facts;
use crate::http::Doors;
use crate::http::form::Fields;
use crate::http::views::seen;
use crate::ids::Id as _;
use crate::intake::{IntakeError, Seen};
use crate::office::Office;
use crate::people::consent_texts::{RiskText, risk_text};
use crate::people::contact_points::{self, ContactPoint};
use crate::people::releases::{self, Release, ReleaseError};

/// The form's name on the page.
const FORM: &str = "release";

#[derive(Template)]
#[template(path = "console/release.html")]
struct Page {
    frame: Frame,
    id: String,
    name: String,
    message: String,
    places: Vec<Place>,
    risks: Vec<(&'static str, RiskText)>,
    t: Typed,
    reads: Option<Reads>,
}

/// Where it may go.
struct Place {
    value: String,
    words: String,
}

/// What the words tell, and whom.
struct Reads {
    pieces: Vec<Piece>,
    tells: Vec<Tell>,
    level: &'static str,
    tone: &'static str,
    stranger: Stranger,
    size: Option<String>,
    /// Nothing in it needs a release.
    needless: bool,
    /// What a release does not lift: what, and what to do.
    stays: Vec<(String, String)>,
}

/// `GET /people/{patient}/release`.
pub async fn page(
    may: MayOfRecently<ReleaseRecords>,
    State(doors): State<Doors>,
) -> Result<Response, Response> {
    let message = MessageId::new(doors.office().clock()).to_string();
    let me = may.may.signed_in.staff.named.name.clone();
    let begun = [("message".to_owned(), message), ("witness".to_owned(), me)];
    let fields = Fields::from(BTreeMap::from(begun));
    show(&doors, &may, (fields, None)).await
}

/// `POST /people/{patient}/release`: looks at it, or releases it and hands it in.
pub async fn act(
    may: MayOfRecently<ReleaseRecords>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    if fields.text("act") != "send" {
        return show(&doors, &may, (fields, None)).await;
    }
    let (office, patient) = (doors.office().clone(), may.may.patient);
    let (recently, typed) = (may.recently.clone(), fields.clone());
    let sent = doors.db().write(move |tx| -> Result<MessageId, Refused> {
        let release = read(tx, &office, patient, &typed)?;
        let told = typed.told(office.clock().now())?;
        let case = (&release, &told, typed.ticked("risk_warned"));
        Ok(releases::send(tx, &office, &recently, case)?)
    });
    match sent.await {
        Ok(message) => Ok(see_other(&format!("/people/{patient}?done=released#said-{message}"))),
        Err(refused) => show(&doors, &may, (fields, Some(refused))).await,
    }
}

impl From<ReleaseError> for Refused {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::Needless => Self::field(
                "body",
                "These words may go without a release. Whoever treats the patient can write them.",
            ),
            ReleaseError::Refused(reasons) => {
                let first = reasons.first().map_or_else(String::new, |one| one.remedy.clone());
                Self::field("body", format!("It can’t be sent all the same. {first}"))
            }
            ReleaseError::Consent(error) => error.into(),
            ReleaseError::Intake(error) => error.into(),
        }
    }
}

/// The form, read: whose address it is, and that there are words.
fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: gate::PatientId,
    fields: &Fields,
) -> Result<Release, Refused> {
    let choose = || Refused::field("address", "Choose one of their own addresses.");
    let body = fields.text("body").replace("\r\n", "\n").trim_end().to_owned();
    if body.is_empty() {
        return Err(Refused::field("body", "Write what they asked for."));
    }
    let id: ContactPointId = fields.text("address").parse().map_err(|_| choose())?;
    let all = own(tx, office, patient)?;
    let (channel, point) = all.into_iter().find(|(_, one)| one.id == id).ok_or_else(choose)?;
    Ok(Release {
        message: fields.text("message").parse().unwrap_or_else(|_| MessageId::new(office.clock())),
        patient,
        channel,
        address: point.address,
        subject: fields.some("subject").filter(|_| channel == Channel::Email),
        body,
    })
}

/// The patient's own addresses, with the channel of each.
fn own(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: gate::PatientId,
) -> Result<Vec<(Channel, ContactPoint)>, IntakeError> {
    let now = office.clock().now();
    let mut all = Vec::new();
    for (kind, channel) in
        [(AddressKind::Phone, Channel::Sms), (AddressKind::Email, Channel::Email)]
    {
        let wanted = (patient, kind);
        let points = contact_points::usable(tx, office.keys(), office.practice(), wanted, now)?;
        all.extend(points.into_iter().map(|point| (channel, point)));
    }
    Ok(all)
}

async fn show(
    doors: &Doors,
    may: &MayOfRecently<ReleaseRecords>,
    (fields, refused): (Fields, Option<Refused>),
) -> Result<Response, Response> {
    let frame = Frame::of(doors, &may.may.signed_in).at("/people");
    let (patient, actor) = (may.may.patient, may.may.actor());
    let permit = may.may.permit.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let page = filled(tx, office, frame, (patient, &actor), (fields, refused))?;
        Ok::<_, IntakeError>((page, vec![viewed(&permit, actor, patient)]))
    };
    let page = seen(doors, look).await.map_err(|error| failed(&error))?;
    Ok(html(page.t.status(), &page))
}

fn viewed(permit: &Permit, actor: Actor, patient: gate::PatientId) -> Event {
    let event = Event::new(Deed::PatientViewed, actor).patient(patient).code("release");
    permit.of(event.purpose(PurposeOfUse::PatientRequest))
}

fn filled(
    tx: &mut Tx<'_>,
    office: &Office,
    frame: Frame,
    (patient, actor): (gate::PatientId, &Actor),
    (fields, refused): (Fields, Option<Refused>),
) -> Result<Page, IntakeError> {
    let subject = facts::subject(tx, office, patient)?.ok_or(IntakeError::NoPatient)?;
    let places = own(tx, office, patient)?;
    let language = subject.language.unwrap_or(Language::English);
    let reads = match read(tx, office, patient, &fields) {
        Ok(release) => Some(reads(tx, office, (&release, actor), &subject)?),
        Err(_) => None,
    };
    // A form that was not handed in yet is not wrong.
    let refused = refused.or_else(|| {
        let asked = fields.text("act") == "look" && reads.is_none();
        asked.then(|| Refused::field("body", "Choose an address and write what they asked for."))
    });
    let message = fields.text("message").to_owned();
    Ok(Page {
        frame,
        id: patient.to_string(),
        name: subject.person.full_name(),
        message,
        places: places
            .iter()
            .map(|(channel, point)| Place {
                value: point.id.to_string(),
                words: format!("{} {}", say::by(*channel), words::address(&point.address)),
            })
            .collect(),
        risks: [("Text", Channel::Sms), ("Email", Channel::Email)]
            .into_iter()
            .filter_map(|(name, channel)| Some((name, risk_text(channel, language)?)))
            .collect(),
        t: Typed::filled(FORM, fields, refused),
        reads,
    })
}

fn reads(
    tx: &mut Tx<'_>,
    office: &Office,
    (release, actor): (&Release, &Actor),
    subject: &facts::Subject,
) -> Result<Reads, IntakeError> {
    let (decided, stays) = releases::look(tx, office, (release, actor))?;
    let guard = Guard::standard();
    let context = facts::context(office, Some(subject), &release.address);
    let assessment = guard.check(&release.body, &context);
    let price = prices::of_texts(tx, office.practice())?;
    let preview = guard.preview(release.channel, &release.body);
    Ok(Reads {
        pieces: pieces(&release.body, &assessment),
        tells: tells(&release.body, &assessment),
        level: level_words(assessment.level),
        tone: level_tone(assessment.level),
        stranger: Stranger::of(office, preview, release.subject.as_deref()),
        size: (release.channel == Channel::Sms).then(|| size(&release.body, price)),
        needless: matches!(decided.seen(), Seen::Clear { .. }),
        stays: stays
            .iter()
            .map(|one| (one.because.trim_end_matches('.').to_owned(), one.remedy.clone()))
            .collect(),
    })
}
