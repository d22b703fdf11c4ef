//! What staff write down on a patient's page: each form calls the function that the API and the
//! command line call, with the member of staff as the actor.

use axum::extract::State;
use axum::response::Response;
use gate::facts::Scope as Hears;
use gate::{
    Address, Category, Channel, ConsentId, ContactPointId, Kind, Language, Level, PatientId,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::page::{Filled, message, see_other};
use super::super::signed_in::{ChangeContacts, ManageRestrictions, MayOf, RecordConsent};
use super::again;
use super::typed::{Refused, Typed};
use crate::attachments::store;
use crate::audit::Actor;
use crate::db::attachment::Holder;
use crate::db::caregiver::Permission;
use crate::db::consent_event::{self, ConsentKind, ConsentMethod};
use crate::db::contact_point::{self, AddressUse};
use crate::db::restriction::RestrictedThing;
use crate::db::{Tx, Word};
use crate::http::Doors;
use crate::http::files;
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::http::upload::{NotWhole, Upload};
use crate::ids::CaregiverId;
use crate::office::Office;
use crate::people::alternatives::{self, NewAlternative, Reach};
use crate::people::caregivers::{self, Allowance, NewCaregiver};
use crate::people::consent_texts::risk_text;
use crate::people::consents::{self, NewConsent, Revocation};
use crate::people::contact_points::open_address;
use crate::people::contacts::{self, NewContact, VERIFIED};
use crate::people::person::Person;
use crate::people::preferences::{self, Preferences};
use crate::people::restrictions::{self, NewRestriction};
use crate::people::suppressions::{self, Scope};
use crate::people::told::RecordError;
use crate::portal::session;

/// What every form is done with.
pub(super) struct Case<'a> {
    pub office: &'a Office,
    pub actor: &'a Actor,
    pub patient: PatientId,
    pub fields: &'a Fields,
    now: Timestamp,
}

/// A form: its name on the page, the word for what was done, and the section to go back to.
pub(super) struct Form(pub String, pub &'static str, pub &'static str);

/// Does it in one transaction, and goes back to the page; or shows the form again.
pub(super) async fn act<D>(
    doors: &Doors,
    may: &MayOf<D>,
    (form, fields): (Form, Fields),
    deed: impl FnOnce(&mut Tx<'_>, &Case<'_>) -> Result<(), Refused> + Send + 'static,
) -> Response {
    let (office, actor, patient) = (doors.office().clone(), may.actor(), may.patient);
    let typed = fields.clone();
    let done = doors
        .db()
        .write(move |tx| {
            let now = office.clock().now();
            let case = Case { office: &office, actor: &actor, patient, fields: &typed, now };
            deed(tx, &case)
        })
        .await;
    let Form(name, done_word, section) = form;
    match done {
        Ok(()) => see_other(&format!("/people/{patient}?done={done_word}#{section}")),
        Err(refused) => again(doors, may, Typed::again(name, fields, refused)).await,
    }
}

/// `POST /people/{patient}/contacts`.
pub async fn add_contact(
    may: MayOf<ChangeContacts>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("contact".to_owned(), "contact", "contacts");
    act(&doors, &may, (form, fields), |tx, case| {
        let fields = case.fields;
        let (address, by_digits) = fields.address("address")?;
        let line = match (fields.word("line")?, &address) {
            (Some(line), Address::Phone(_)) => line,
            _ => by_digits,
        };
        let place: Option<AddressUse> = fields.word("place")?;
        let verified = fields.some("verified");
        let verified_how = VERIFIED.into_iter().find(|known| verified.as_deref() == Some(*known));
        let caregiver = fields.some("caregiver").and_then(|id| id.parse().ok());
        let new = NewContact {
            line,
            place,
            caregiver,
            shared: fields.ticked("shared"),
            verified_how,
            ..NewContact::own(case.patient, address)
        };
        contacts::add(tx, case.office, case.actor, &new, &fields.told(case.now)?)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/contacts/{contact}/end`.
pub async fn end_contact(
    may: MayOf<ChangeContacts>,
    State(doors): State<Doors>,
    Path((_, contact)): Path<(Uuid, Uuid)>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form(format!("end-{contact}"), "contact-end", "contacts");
    act(&doors, &may, (form, fields), move |tx, case| {
        let which = (case.patient, ContactPointId(contact));
        let told = case.fields.told(case.now)?;
        contacts::end(tx, case.office, case.actor, which, &told)?;
        Ok(())
    })
    .await
}

/// The address of a contact of this patient.
fn address_of(tx: &mut Tx<'_>, case: &Case<'_>, id: &str) -> Result<Address, Refused> {
    let unknown = || Refused::field("address", "Choose one of the addresses on file.");
    let id: ContactPointId = id.parse().map_err(|_| unknown())?;
    let practice = case.office.practice();
    let row = contact_point::get(tx, practice, id)?
        .filter(|row| row.patient_id == case.patient)
        .ok_or_else(unknown)?;
    let opened = open_address(case.office.keys(), practice, row.id, row.kind, row.address_sealed);
    Ok(opened.map_err(RecordError::from)?)
}

/// `POST /people/{patient}/consents`.
pub async fn give_consent(
    may: MayOf<RecordConsent>,
    State(doors): State<Doors>,
    upload: Result<Upload, NotWhole>,
) -> Response {
    let upload = match upload {
        Ok(upload) => upload,
        Err(not) => {
            let back = format!("/people/{}#consents", may.patient);
            let words = not.to_string();
            let back = (back.as_str(), "Back to the patient");
            return message(not.status(), ("The form can’t be taken", &words), back);
        }
    };
    let fields = Fields::from(upload.fields);
    let form = Form("consent".to_owned(), "consent", "consents");
    let taken = files::take(&doors, (may.actor(), may.patient), (upload.files, None)).await;
    let pages = match taken.map_err(Refused::from).and_then(|pages| pages.map_err(Refused::from)) {
        Ok(pages) => pages,
        Err(refused) => return again(&doors, &may, Typed::again(form.0, fields, refused)).await,
    };
    act(&doors, &may, (form, fields), |tx, case| {
        let mut new = consent(tx, case)?;
        if let Some(first) = pages.first() {
            new.evidence_digest = Some(first.sha256());
            new.evidence = new.evidence.or_else(|| Some("scan on file".to_owned()));
        }
        let id = consents::record(tx, case.office.into(), case.actor.clone(), &new)?;
        for page in pages {
            store::keep(tx, case.office, (Holder::Consent(id), case.actor), page)?;
        }
        Ok(())
    })
    .await
}

fn consent(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<NewConsent, Refused> {
    let fields = case.fields;
    let zone = case.office.profile().timezone.clone();
    let class: ConsentKind = fields
        .word("class")?
        // The privacy officer's release of one answer is not given at the desk.
        .filter(|class| *class != ConsentKind::AccessRequest)
        .ok_or_else(|| Refused::field("class", "Choose what they agree to."))?;
    let (channel, address) = match fields.text("address").split_once(' ') {
        Some((channel, contact)) => {
            let channel = Channel::from_word(channel)
                .ok_or_else(|| Refused::field("address", "Choose one of the addresses on file."))?;
            (channel, address_of(tx, case, contact)?)
        }
        None if fields.text("address") == "portal" => (Channel::Portal, Address::Portal),
        None => return Err(Refused::field("address", "Choose where to.")),
    };
    let categories: Vec<Category> = if class == ConsentKind::Content {
        fields.all_ticked("about-").filter_map(Category::from_word).collect()
    } else {
        Vec::new()
    };
    let level = fields.some("up_to_level").and_then(|level| level.parse::<u8>().ok());
    let up_to = level.filter(|_| class == ConsentKind::Content);
    let up_to = up_to.and_then(|level| Level::try_from(level).ok());
    let language = match fields.text("language") {
        "es" => Language::Spanish,
        _ => Language::English,
    };
    let told = fields.told(case.now)?;
    Ok(NewConsent {
        patient: case.patient,
        class,
        channel,
        address,
        purposes: Vec::new(),
        categories,
        up_to,
        // The version is of what this page shows, whatever a form says.
        text_version: risk_text(channel, language).map(|text| text.version.to_owned()),
        risk_warned: fields.ticked("risk_warned"),
        language: language.as_str().to_owned(),
        frequency: fields.some("frequency"),
        method: told.method,
        evidence: told.evidence,
        evidence_digest: None,
        witness: told.witness,
        captured_at: told.captured_at,
        valid_until: fields.until("valid_until", &zone)?,
        withdrawal: fields.text("withdrawal").to_owned(),
    })
}

/// `POST /people/{patient}/consents/{consent}/revoke`.
pub async fn revoke_consent(
    may: MayOf<RecordConsent>,
    State(doors): State<Doors>,
    Path((_, consent)): Path<(Uuid, Uuid)>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form(format!("revoke-{consent}"), "consent-end", "consents");
    act(&doors, &may, (form, fields), move |tx, case| {
        let consent = ConsentId(consent);
        let whose = consent_event::patient_of(tx, case.office.practice(), consent)?;
        if whose != Some(case.patient) {
            return Err(RecordError::Unknown("consent").into());
        }
        let told = case.fields.told(case.now)?;
        let how = Revocation {
            method: told.method,
            captured_at: told.captured_at,
            witness: told.witness,
            evidence: told.evidence,
        };
        consents::withdraw(tx, case.office, case.actor.clone(), consent, &how)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/caregivers`.
pub async fn add_carer(
    may: MayOf<ChangeContacts>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("carer".to_owned(), "carer", "carers");
    act(&doors, &may, (form, fields), |tx, case| {
        let fields = case.fields;
        let new = NewCaregiver {
            patient: case.patient,
            person: Person {
                given: fields.text("name").to_owned(),
                family: fields.text("family").to_owned(),
                ..Person::default()
            },
            relation: fields.text("relation").to_owned(),
        };
        caregivers::add(tx, case.office, case.actor, &new, &fields.told(case.now)?)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/caregivers/{caregiver}/permit`.
pub async fn permit_carer(
    may: MayOf<RecordConsent>,
    State(doors): State<Doors>,
    Path((_, caregiver)): Path<(Uuid, Uuid)>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form(format!("permit-{caregiver}"), "permit", "carers");
    act(&doors, &may, (form, fields), move |tx, case| {
        let fields = case.fields;
        let zone = case.office.profile().timezone.clone();
        let told = fields.told(case.now)?;
        let scope: Vec<Hears> = fields.all_ticked("hears-").filter_map(Hears::from_word).collect();
        let representative = fields.ticked("representative");
        let permission = match (scope.is_empty() && !representative, told.method) {
            (true, _) => Permission::None,
            (false, ConsentMethod::Spoken) => Permission::Spoken,
            (false, _) => Permission::Written,
        };
        let allowance = Allowance {
            scope,
            permission,
            representative,
            evidence: told.evidence.clone(),
            valid_from: None,
            valid_until: fields.until("valid_until", &zone)?,
        };
        let whom = (case.patient, CaregiverId(caregiver));
        caregivers::permit(tx, case.office, case.actor, whom, (&allowance, &told))?;
        Ok(())
    })
    .await
}

/// What an opt-out, or its end, is about.
fn scope(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Scope, Refused> {
    let channel = match case.fields.text("channel") {
        "" => None,
        word => Some(
            Channel::from_word(word)
                .ok_or_else(|| Refused::field("channel", "Choose one of the list."))?,
        ),
    };
    let address = address_of(tx, case, case.fields.text("address"))?;
    let kind = Kind::from_word(case.fields.text("kind"));
    Ok(Scope { patient: case.patient, address, channel, kind })
}

/// `POST /people/{patient}/opt-outs`.
pub async fn opt_out(
    may: MayOf<RecordConsent>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("stop".to_owned(), "stop", "stops");
    act(&doors, &may, (form, fields), |tx, case| {
        let scope = scope(tx, case)?;
        suppressions::opt_out(tx, case.office, case.actor, &scope, &case.fields.told(case.now)?)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/cut-off`: a phone was lost. Whoever is at this patient's window is out, and
/// no link opens anything.
pub async fn cut_off(
    may: MayOf<ChangeContacts>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("cut-off".to_owned(), "cut-off", "contacts");
    act(&doors, &may, (form, fields), |tx, case| {
        session::cut_off(tx, case.office, case.patient, case.actor)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/opt-outs/lift`.
pub async fn lift(
    may: MayOf<RecordConsent>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let name = format!(
        "lift-{}-{}-{}",
        fields.text("address"),
        fields.text("channel"),
        fields.text("kind")
    );
    let form = Form(name, "resume", "stops");
    act(&doors, &may, (form, fields), |tx, case| {
        let scope = scope(tx, case)?;
        suppressions::opt_in(tx, case.office, case.actor, &scope, &case.fields.told(case.now)?)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/preferences`.
pub async fn wishes(
    may: MayOf<ChangeContacts>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("wishes".to_owned(), "wishes", "wishes");
    act(&doors, &may, (form, fields), |tx, case| {
        let fields = case.fields;
        let hours = match (fields.minute("from")?, fields.minute("until")?) {
            (None, None) => None,
            (Some(from), Some(until)) => Some((from, until)),
            (None, Some(_)) => return Err(Refused::field("from", "Say from when, too.")),
            (Some(_), None) => return Err(Refused::field("until", "Say until when, too.")),
        };
        let wishes = Preferences {
            channel: Channel::from_word(fields.text("channel")),
            hours,
            kinds_off: fields.all_ticked("without-").filter_map(Kind::from_word).collect(),
        };
        let told = fields.told(case.now)?;
        preferences::record(tx, case.office, case.actor, (case.patient, &wishes), &told)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/restrictions`.
pub async fn restrict(
    may: MayOf<ManageRestrictions>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("bound".to_owned(), "bound", "bounds");
    act(&doors, &may, (form, fields), |tx, case| {
        let fields = case.fields;
        let zone = case.office.profile().timezone.clone();
        let (what, value) = match fields.text("value").split_once(' ') {
            Some((what, value)) => (what, Some(value.to_owned())),
            None => (fields.text("value"), None),
        };
        let new = NewRestriction {
            patient: case.patient,
            what: RestrictedThing::from_word(what)
                .ok_or_else(|| Refused::field("value", "Choose what they ask for."))?,
            value,
            accepted: match fields.text("decision") {
                "accepted" => true,
                "declined" => false,
                _ => return Err(Refused::field("decision", "Say whether the practice agrees.")),
            },
            valid_from: None,
            valid_until: fields.until("valid_until", &zone)?,
        };
        restrictions::record(tx, case.office, case.actor, &new, &fields.told(case.now)?)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/restrictions/{restriction}/end`.
pub async fn end_restriction(
    may: MayOf<ManageRestrictions>,
    State(doors): State<Doors>,
    Path((_, restriction)): Path<(Uuid, Uuid)>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form(format!("bound-{restriction}"), "bound-end", "bounds");
    act(&doors, &may, (form, fields), move |tx, case| {
        let told = case.fields.told(case.now)?;
        let which = (case.patient, restriction);
        restrictions::terminate(tx, case.office, case.actor, which, &told)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/alternative-contacts`.
pub async fn elsewhere(
    may: MayOf<ManageRestrictions>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("elsewhere".to_owned(), "elsewhere", "bounds");
    act(&doors, &may, (form, fields), |tx, case| {
        let fields = case.fields;
        let zone = case.office.profile().timezone.clone();
        let reach = match fields.text("address") {
            "" => Reach::Nowhere,
            _ => Reach::At(fields.address("address")?.0),
        };
        let channel = match fields.text("channel") {
            "" => None,
            word => Some(
                Channel::from_word(word)
                    .ok_or_else(|| Refused::field("channel", "Choose one of the list."))?,
            ),
        };
        let new = NewAlternative {
            patient: case.patient,
            channel,
            reach,
            valid_from: None,
            valid_until: fields.until("valid_until", &zone)?,
        };
        alternatives::record(tx, case.office, case.actor, &new, &fields.told(case.now)?)?;
        Ok(())
    })
    .await
}

/// `POST /people/{patient}/alternative-contacts/{alternative}/end`.
pub async fn end_elsewhere(
    may: MayOf<ManageRestrictions>,
    State(doors): State<Doors>,
    Path((_, alternative)): Path<(Uuid, Uuid)>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form(format!("elsewhere-{alternative}"), "elsewhere-end", "bounds");
    act(&doors, &may, (form, fields), move |tx, case| {
        let told = case.fields.told(case.now)?;
        let which = (case.patient, alternative);
        alternatives::end(tx, case.office, case.actor, which, &told)?;
        Ok(())
    })
    .await
}
