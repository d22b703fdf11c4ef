//! What patients choose for themselves: what may be sent where, how they like it, where else
//! instead, and who may hear what (SPEC CN-02 to CN-16, RULEBOOK PRIV-05, PRIV-07, PRIV-13). Each
//! choice is an event of the same history that staff write and the gate reads.

use gate::facts::Scope;
use gate::{
    Address, AddressKind, Category, Channel, ConsentId, ContactPointId, Kind, Language, Level,
    MessageId, Origin, PatientId,
};
use uuid::Uuid;

use super::{PortalError, Visitor};
use crate::audit::Actor;
use crate::compose::{Values, Variable};
use crate::db::caregiver::Permission;
use crate::db::consent_event::{self, ConsentEventRow, ConsentKind, ConsentMethod};
use crate::db::contact_point::{self, ContactPointRow};
use crate::db::{DbError, Tx, Word, caregiver, patient, restriction};
use crate::facts;
use crate::ids::{CaregiverId, Id as _};
use crate::intake::{self, Request, Wanted, Words};
use crate::journeys::reminders::profile_values;
use crate::office::Office;
use crate::people::alternatives::{self, NewAlternative, Reach};
use crate::people::caregivers::{self, Allowance, open_caregiver, scope_from_words};
use crate::people::consent_texts::{RiskText, risk_text};
use crate::people::consents::{self, ConsentError, NewConsent, Revocation};
use crate::people::contact_points::{address_index, open_address};
use crate::people::preferences::{self, Preferences};
use crate::people::suppressions;
use crate::people::told::{RecordError, Told};

/// What they can say that words about their health may be about, and how sensitive it is.
pub const SUBJECTS: [(Category, Level); 10] = [
    (Category::Medication, Level::Detail),
    (Category::LabResult, Level::Detail),
    (Category::Diagnosis, Level::Detail),
    (Category::Procedure, Level::Detail),
    (Category::Specialty, Level::Detail),
    (Category::Billing, Level::Detail),
    (Category::MentalHealth, Level::Sensitive),
    (Category::Sud, Level::Sensitive),
    (Category::Reproductive, Level::Sensitive),
    (Category::Hiv, Level::Sensitive),
];

/// Why a choice was not taken. What to do is the page's to say.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The patient has no such address, person or consent.
    #[error("the patient has no such thing")]
    NotHere,
    /// The warning was not confirmed.
    #[error("the warning must be confirmed")]
    NotRead,
    /// Nothing was chosen that may be written about.
    #[error("say what may be written about")]
    Nothing,
    /// No name stands under it.
    #[error("sign with a name")]
    NotSigned,
    /// The hours make no window.
    #[error("from and until must be two different times")]
    Hours,
    /// The number was said to be somebody else's, which only staff can put right.
    #[error("the number was said to be somebody else's")]
    SomebodyElses,
    /// A consent cannot be recorded.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// A wish cannot be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The window.
    #[error(transparent)]
    Portal(#[from] PortalError),
}

macro_rules! by_the_window {
    ($($error:ty),+) => {$(
        impl From<$error> for ChoiceError {
            fn from(error: $error) -> Self {
                Self::Portal(error.into())
            }
        }
    )+};
}
by_the_window!(crate::db::DbError, seal::SealError, crate::audit::AuditError);

/// The patient themselves: nobody else chooses for them here. Made by [`Visitor::chooser`].
#[derive(Debug, Clone)]
pub struct Chooser(Visitor);

impl Visitor {
    /// Leave to choose; none for whoever acts for the patient.
    #[must_use]
    pub fn chooser(&self) -> Option<Chooser> {
        self.chooses().then(|| Chooser(self.clone()))
    }
}

impl Chooser {
    fn actor(&self) -> Actor {
        self.0.actor()
    }

    fn told(&self, office: &Office) -> Told {
        Told {
            method: self.method(),
            evidence: Some(self.evidence()),
            witness: self.witness(),
            captured_at: office.clock().now(),
        }
    }

    /// On a tablet of the practice's it is a form, handed over by somebody who works here.
    const fn method(&self) -> ConsentMethod {
        match self.0.kiosk() {
            Some(_) => ConsentMethod::Form,
            None => ConsentMethod::Portal,
        }
    }

    /// Who looked who it is, at a tablet.
    fn witness(&self) -> Option<String> {
        self.0.kiosk().map(|tablet| format!("staff:{}", tablet.staff_id))
    }

    /// Where the proof of a choice is: the stay, whose entries of the log say which address proved it,
    /// by which remembered phone it began, or who handed the tablet over and how they knew who it is.
    fn evidence(&self) -> String {
        match (self.0.kiosk(), self.0.phone()) {
            (Some(tablet), _) => format!("on a tablet of the practice's, stay {}", tablet.id),
            (None, Some(phone)) => {
                format!("at the window, stay {}, proved by passkey {phone}", self.0.session())
            }
            (None, None) => format!("at the window, stay {}", self.0.session()),
        }
    }
}

/// Everything that was chosen.
#[derive(Debug)]
pub struct Choices {
    /// The patient's own numbers and mailboxes.
    pub places: Vec<Place>,
    /// The language on file.
    pub language: Option<Language>,
    /// How they like it.
    pub wishes: Preferences,
    /// Where else instead: the id of the wish, and the address where there is one.
    pub elsewhere: Vec<Elsewhere>,
    /// Who may hear what.
    pub people: Vec<Person>,
}

/// A number or mailbox of the patient's own.
#[derive(Debug)]
pub struct Place {
    /// Which.
    pub id: ContactPointId,
    /// It. PHI.
    pub address: Address,
    /// Each channel it can be reached by.
    pub ways: Vec<Way>,
}

/// One channel to one address.
#[derive(Debug)]
pub struct Way {
    /// Which.
    pub channel: Channel,
    /// Nothing goes this way.
    pub stopped: bool,
    /// The consent to automated messages that holds.
    pub automated: Option<ConsentId>,
    /// The consent to words about health that holds, and what about.
    pub detail: Option<(ConsentId, Vec<Category>)>,
}

/// A wish to be reached elsewhere (45 CFR 164.522(b)).
#[derive(Debug)]
pub struct Elsewhere {
    /// Which.
    pub id: Uuid,
    /// By which channel; none: by all.
    pub channel: Option<Channel>,
    /// Where; none: not at all.
    pub address: Option<Address>,
}

/// Somebody who acts for the patient.
#[derive(Debug)]
pub struct Person {
    /// Who.
    pub id: CaregiverId,
    /// Their name. PHI.
    pub name: String,
    /// A word such as `mother`.
    pub relation: String,
    /// What they may hear.
    pub hears: Vec<Scope>,
    /// By law or on paper, which is not changed here.
    pub by_law: bool,
}

/// Reads all of it. The caller records that it is shown.
///
/// # Errors
/// [`ChoiceError`].
pub fn read(tx: &mut Tx<'_>, office: &Office, who: &Chooser) -> Result<Choices, ChoiceError> {
    let (practice, id, now) = (office.practice(), who.0.patient(), office.clock().now());
    let row = patient::get(tx, practice, id)?.ok_or(ChoiceError::NotHere)?;
    let history = consent_event::of_patient(tx, practice, id)?;
    let standing = consents::in_force(&history, now);
    let mut places = Vec::new();
    for point in own_points(tx, office, who.0.patient())? {
        let address = opened(office, &point)?;
        places.push(place(tx, office, (point.id, address), &standing)?);
    }
    let mut elsewhere = Vec::new();
    for wish in restriction::alternatives_of(tx, practice, id)? {
        if wish.valid_until.is_some_and(|until| until <= now) {
            continue;
        }
        let address = match wish.contact_point_id {
            Some(point) => match contact_point::get(tx, practice, point)? {
                Some(point) => Some(opened(office, &point)?),
                None => None,
            },
            None => None,
        };
        elsewhere.push(Elsewhere { id: wish.id, channel: wish.channel, address });
    }
    let mut people = Vec::new();
    for carer in caregiver::of_patient(tx, practice, id)? {
        let name =
            open_caregiver(office.keys(), practice, carer.id, carer.person_sealed)?.full_name();
        let over = carer.valid_until.is_some_and(|until| until <= now);
        let hears = if over { Vec::new() } else { scope_from_words(&carer.scope) };
        let by_law = carer.representative;
        people.push(Person { id: carer.id, name, relation: carer.relation, hears, by_law });
    }
    let language = row.language.as_deref().map(|tag| match tag.split('-').next() {
        Some("es") => Language::Spanish,
        _ => Language::English,
    });
    let wishes = preferences::get(tx, office.into(), id)?;
    Ok(Choices { places, language, wishes, elsewhere, people })
}

/// The patient's own numbers and mailboxes, as far as they are in use.
pub(super) fn own_points(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<Vec<ContactPointRow>, DbError> {
    let points = contact_point::of_patient(tx, office.practice(), patient)?;
    let now = office.clock().now();
    let usable = |point: &ContactPointRow| {
        point.caregiver_id.is_none()
            && point.dead.is_none()
            && point.valid_until.is_none_or(|until| now < until)
    };
    Ok(points.into_iter().filter(usable).collect())
}

fn opened(office: &Office, point: &ContactPointRow) -> Result<Address, ChoiceError> {
    let sealed = point.address_sealed.clone();
    Ok(open_address(office.keys(), office.practice(), point.id, point.kind, sealed)?)
}

/// By which channels something goes to such an address.
pub(super) const fn ways_of(kind: AddressKind) -> &'static [Channel] {
    match kind {
        AddressKind::Phone => &[Channel::Sms, Channel::Voicemail],
        AddressKind::Email => &[Channel::Email],
        AddressKind::Portal => &[],
    }
}

fn place(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, address): (ContactPointId, Address),
    standing: &[&ConsentEventRow],
) -> Result<Place, ChoiceError> {
    let channels = ways_of(address.kind());
    let index = address_index(office.keys(), &address);
    let stops = facts::opt_outs(tx, office, &index).map_err(PortalError::from)?;
    let ways = channels.iter().map(|&channel| {
        let given = |class| {
            standing.iter().find(move |row| {
                row.class == class && row.channel == channel && row.address_index == index
            })
        };
        let about = |row: &&ConsentEventRow| {
            let words = row.categories.split_whitespace();
            (row.consent_id, words.filter_map(Category::from_word).collect())
        };
        Way {
            channel,
            stopped: stops.iter().any(|stop| {
                stop.kind.is_none() && stop.channel.is_none_or(|stopped| stopped == channel)
            }),
            automated: given(ConsentKind::Pec).map(|row| row.consent_id),
            detail: given(ConsentKind::Content).map(about),
        }
    });
    let ways = ways.collect();
    Ok(Place { id, address, ways })
}

/// One of the patient's own addresses.
fn address_of(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    id: ContactPointId,
) -> Result<Address, ChoiceError> {
    let points = own_points(tx, office, who.0.patient())?;
    let point = points.iter().find(|point| point.id == id).ok_or(ChoiceError::NotHere)?;
    opened(office, point)
}

/// What they agree to.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// At which of their addresses.
    pub at: ContactPointId,
    /// By which channel.
    pub channel: Channel,
    /// Words about their health about these; none: automated messages about visits and care.
    pub about: Option<Vec<Category>>,
    /// They confirmed the warning.
    pub read: bool,
    /// The name they signed with. PHI.
    pub signed: String,
    /// In which language the page was.
    pub language: Language,
}

/// What a patient keeps of a consent.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The consent.
    pub id: ConsentId,
    /// Of what was shown, chosen and signed: SHA-256, in hexadecimal. It stands with the consent.
    pub digest: String,
}

/// Records a consent, signed here: the words shown, their version, what was chosen, the name and
/// the time are bound by a digest that the patient keeps too (E-SIGN, 15 USC 7001; SPEC CN-05).
///
/// # Errors
/// [`ChoiceError`].
pub fn agree(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    agreement: &Agreement,
) -> Result<Receipt, ChoiceError> {
    let Agreement { at, channel, ref about, language, .. } = *agreement;
    let address = address_of(tx, office, who, at)?;
    let text = risk_text(channel, language);
    let categories = about.clone().unwrap_or_default();
    if about.is_some() {
        if categories.is_empty() {
            return Err(ChoiceError::Nothing);
        }
        if !agreement.read || text.is_none() {
            return Err(ChoiceError::NotRead);
        }
        if agreement.signed.trim().is_empty() {
            return Err(ChoiceError::NotSigned);
        }
    }
    let now = office.clock().now();
    let digest = digest_of(&text, agreement, &address, now);
    let level = |category: &Category| {
        SUBJECTS.iter().find(|(subject, _)| subject == category).map(|(_, level)| *level)
    };
    let new = NewConsent {
        patient: who.0.patient(),
        class: if about.is_some() { ConsentKind::Content } else { ConsentKind::Pec },
        channel,
        address,
        purposes: Vec::new(),
        up_to: categories.iter().filter_map(level).max(),
        categories,
        text_version: text.filter(|_| about.is_some()).map(|text| text.version.to_owned()),
        risk_warned: about.is_some(),
        language: language.as_str().to_owned(),
        frequency: None,
        method: who.method(),
        evidence: Some(who.evidence()),
        evidence_digest: Some(digest),
        witness: who.witness(),
        captured_at: now,
        valid_until: None,
        withdrawal: "at the window, by STOP, or by telling the office".to_owned(),
    };
    let id = consents::record(tx, office.into(), who.actor(), &new)?;
    receipt(tx, office, who)?;
    Ok(Receipt { id, digest: hex::encode(digest) })
}

/// What was shown, chosen and signed, as one text.
fn digest_of(
    text: &Option<RiskText>,
    agreement: &Agreement,
    address: &Address,
    now: jiff::Timestamp,
) -> [u8; 32] {
    let about = agreement.about.as_deref().unwrap_or_default();
    let about: Vec<&str> = about.iter().map(Word::word).collect();
    let lines = [
        text.map_or("", |text| text.version).to_owned(),
        text.map_or("", |text| text.words).to_owned(),
        agreement.channel.as_str().to_owned(),
        address.reveal().to_owned(),
        about.join(" "),
        agreement.signed.trim().to_owned(),
        now.to_string(),
    ];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, lines.join("\n").as_bytes());
    let mut out = [0; 32];
    out.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Withdraws one, as easily as it was given; what waits under it does not go.
///
/// # Errors
/// [`ChoiceError`].
pub fn withdraw(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    consent: ConsentId,
) -> Result<(), ChoiceError> {
    let whose = consent_event::patient_of(tx, office.practice(), consent)?;
    if whose != Some(who.0.patient()) {
        return Err(ChoiceError::NotHere);
    }
    let how = Revocation {
        method: who.method(),
        captured_at: office.clock().now(),
        witness: who.witness(),
        evidence: Some(who.evidence()),
    };
    match consents::withdraw(tx, office, who.actor(), consent, &how) {
        Ok(_) => receipt(tx, office, who),
        // The button was pressed twice.
        Err(ConsentError::AlreadyRevoked) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Nothing more goes this way, or it goes again.
///
/// # Errors
/// [`ChoiceError`].
pub fn stop(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    (at, channel): (ContactPointId, Channel),
    stop: bool,
) -> Result<(), ChoiceError> {
    let address = address_of(tx, office, who, at)?;
    let (patient, told) = (who.0.patient(), who.told(office));
    let index = address_index(office.keys(), &address);
    let scope =
        |channel| suppressions::Scope { patient, address: address.clone(), channel, kind: None };
    if stop {
        return match suppressions::opt_out(tx, office, &who.actor(), &scope(Some(channel)), &told) {
            Ok(_) => receipt(tx, office, who),
            Err(RecordError::Already { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        };
    }
    // STOP by text stands for every channel to the number: it is lifted as a whole.
    for standing in facts::opt_outs(tx, office, &index).map_err(PortalError::from)? {
        if standing.wrong_number {
            return Err(ChoiceError::SomebodyElses);
        }
        let covers = standing.channel.is_none_or(|stopped| stopped == channel);
        if covers && standing.kind.is_none() {
            let which = scope(standing.channel);
            suppressions::opt_in(tx, office, &who.actor(), &which, &told)?;
        }
    }
    receipt(tx, office, who)
}

/// How they like it.
///
/// # Errors
/// [`ChoiceError`].
pub fn wish(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    (wishes, language): (&Preferences, Option<Language>),
) -> Result<(), ChoiceError> {
    let (id, actor, told) = (who.0.patient(), who.actor(), who.told(office));
    let done = preferences::record(tx, office, &actor, (id, wishes), &told);
    match done {
        Err(RecordError::Invalid { field: "hours", .. }) => return Err(ChoiceError::Hours),
        other => other?,
    }
    let Some(language) = language else { return Ok(()) };
    Ok(preferences::speak(tx, office, &actor, (id, language), &told)?)
}

/// Write to one address instead of the others, or not at all by a channel (45 CFR 164.522(b)).
///
/// # Errors
/// [`ChoiceError`].
pub fn go_elsewhere(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    (channel, to): (Channel, Option<ContactPointId>),
) -> Result<(), ChoiceError> {
    let reach = match to {
        Some(id) => Reach::At(address_of(tx, office, who, id)?),
        None => Reach::Nowhere,
    };
    let new = NewAlternative {
        patient: who.0.patient(),
        channel: Some(channel),
        reach,
        valid_from: None,
        valid_until: None,
    };
    alternatives::record(tx, office, &who.actor(), &new, &who.told(office))?;
    receipt(tx, office, who)
}

/// The wish is over.
///
/// # Errors
/// [`ChoiceError`].
pub fn come_back(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    wish: Uuid,
) -> Result<(), ChoiceError> {
    let which = (who.0.patient(), wish);
    match alternatives::end(tx, office, &who.actor(), which, &who.told(office)) {
        Ok(()) => receipt(tx, office, who),
        Err(RecordError::Unknown(_)) => Err(ChoiceError::NotHere),
        Err(error) => Err(error.into()),
    }
}

/// What somebody may hear; with an empty scope nothing any more. What somebody may hear by law is
/// not changed here.
///
/// # Errors
/// [`ChoiceError`].
pub fn may_hear(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Chooser,
    (person, scope): (CaregiverId, Vec<Scope>),
) -> Result<(), ChoiceError> {
    let known = caregiver::of_patient(tx, office.practice(), who.0.patient())?;
    let theirs = known.iter().find(|row| row.id == person && !row.representative);
    theirs.ok_or(ChoiceError::NotHere)?;
    let permission = if scope.is_empty() { Permission::None } else { Permission::Written };
    let allowance = Allowance {
        scope,
        permission,
        representative: false,
        evidence: Some(who.evidence()),
        valid_from: None,
        valid_until: None,
    };
    let whom = (who.0.patient(), person);
    caregivers::permit(tx, office, &who.actor(), whom, (&allowance, &who.told(office)))?;
    Ok(())
}

fn receipt(tx: &mut Tx<'_>, office: &Office, who: &Chooser) -> Result<(), ChoiceError> {
    Ok(tell_of_a_change(tx, office, &who.0)?)
}

/// Tells the patient, at the mailbox on file, that something was changed here (RULEBOOK §12): not
/// what, and nothing where the gate says no. Whoever came in with a borrowed phone cannot hide it.
pub(super) fn tell_of_a_change(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Visitor,
) -> Result<(), PortalError> {
    let Some(subject) = facts::subject(tx, office, who.patient())? else { return Ok(()) };
    let now = office.clock().now();
    let zone = who.timezone(office);
    let values = Values::new().day(now.to_zoned(zone).date()).only(&[Variable::Date]);
    let values = profile_values(office, values)?;
    let request = Request {
        message: MessageId::new(office.clock()),
        patient: Some(subject),
        channel: Wanted::Channel(Channel::Email),
        to: None,
        kind: Kind::ConsentReceipt,
        purpose: gate::Purpose::PatientRequest,
        origin: Origin::Reply { to_message_at: now },
        words: Words::Template { values },
        language: None,
        appointment: None,
        inbound: None,
        useless_after: None,
        actor: Actor::service("window"),
    };
    intake::accept(tx, office, request)?;
    Ok(())
}
