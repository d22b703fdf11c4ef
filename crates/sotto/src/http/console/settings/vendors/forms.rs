//! The forms of `/settings/vendors`, and the scans behind them. Each change asks for a fresh second
//! factor; where it is not taken, the page comes back with what was typed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::Level;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::super::super::page::{Filled, message, not_now, see_other};
use super::super::super::patient::typed::{Refused, Typed};
use super::super::super::signed_in::{ManageVendors, May, MayRecently};
use super::{LIST, show, show_list};
use crate::access::policies::Permit;
use crate::agreements::register::{self, NewVendor, RegisterError, Signed};
use crate::attachments::store::SealedFile;
use crate::audit::{Actor, Event, Kind};
use crate::db::attachment::{self, Holder, Side};
use crate::db::registry::ATTACHMENT;
use crate::db::{Tx, agreement};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::files::{self, Going};
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::http::upload::{NotWhole, Upload};
use crate::http::views::seen;
use crate::ids::{AttachmentId, VendorId};
use crate::office::Office;

impl From<RegisterError> for Refused {
    fn from(error: RegisterError) -> Self {
        let refused = |status, words: &str| Self { status, field: None, words: words.to_owned() };
        match error {
            RegisterError::Field { field, remedy } => Self::field(field, remedy),
            RegisterError::NotNow(words) => refused(StatusCode::CONFLICT, words),
            RegisterError::NoVendor => refused(StatusCode::NOT_FOUND, "There is no such vendor."),
            RegisterError::File(error) => error.into(),
            RegisterError::Db(error) => error.into(),
            RegisterError::Audit(error) => error.into(),
            error @ RegisterError::Task(_) => {
                tracing::error!(%error, "vendors.task");
                Self::broken(&Problem::internal())
            }
        }
    }
}

/// Does it in one transaction.
async fn act<T: Send + 'static>(
    doors: &Doors,
    may: &May<ManageVendors>,
    deed: impl FnOnce(&mut Tx<'_>, &Office, (&Actor, &Permit)) -> Result<T, RegisterError>
    + Send
    + 'static,
) -> Result<T, Refused> {
    let (office, actor, permit) = (doors.office().clone(), may.actor(), may.permit.clone());
    let done = doors.db().write(move |tx| deed(tx, &office, (&actor, &permit))).await;
    done.map_err(Refused::from)
}

fn written(fields: &Fields) -> NewVendor {
    let level = fields.text("level").parse::<u8>().ok();
    NewVendor {
        legal_name: fields.text("name").to_owned(),
        service: fields.text("service").to_owned(),
        max_level: level.and_then(|level| Level::try_from(level).ok()),
    }
}

/// `POST /settings/vendors`: one that carries no channel.
pub async fn add(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ManageVendors>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let new = written(&fields);
    let add = move |tx: &mut Tx<'_>, office: &Office, who: (&Actor, &Permit)| {
        register::put(tx, office, who, (None, &new))
    };
    match act(&doors, &may, add).await {
        Ok(id) => Ok(see_other(&format!("{LIST}/{id}"))),
        Err(refused) => {
            let typed = Typed::again("vendor".to_owned(), fields, refused);
            show_list(&doors, &may, typed).await
        }
    }
}

/// Back to the vendor's page, or the form again.
async fn done(
    doors: &Doors,
    may: &May<ManageVendors>,
    (key, form, fields): (&str, &str, Fields),
    done: Result<(), Refused>,
) -> Result<Response, Response> {
    match done {
        Ok(()) => Ok(see_other(&format!("{LIST}/{key}"))),
        Err(refused) => {
            let typed = Typed::again(form.to_owned(), fields, refused);
            show(doors, may, (key, typed)).await
        }
    }
}

/// `POST /settings/vendors/{vendor}`: what has changed of one that carries no channel.
pub async fn change(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ManageVendors>,
    Path(key): Path<String>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (new, id) = (written(&fields), key.parse::<VendorId>().ok());
    let change = move |tx: &mut Tx<'_>, office: &Office, who: (&Actor, &Permit)| {
        let id = id.ok_or(RegisterError::NoVendor)?;
        register::put(tx, office, who, (Some(id), &new)).map(drop)
    };
    let changed = act(&doors, &may, change).await;
    done(&doors, &may, (&key, "vendor", fields), changed).await
}

/// The scans of a form, sealed; what they prove is kept from `from` on.
async fn scans(
    doors: &Doors,
    may: &May<ManageVendors>,
    (upload, from): (Vec<(String, String, axum::body::Bytes)>, Timestamp),
) -> Result<Vec<SealedFile>, Refused> {
    let taken = files::take_from(doors, (may.actor(), None), (upload, None, from)).await;
    taken.map_err(Refused::from)?.map_err(Refused::from)
}

fn not_whole(key: &str, not: NotWhole) -> Response {
    let back = format!("{LIST}/{key}");
    let words = not.to_string();
    message(not.status(), ("The form can’t be taken", &words), (&back, "Back to the vendor"))
}

/// A day of a form; one that is no day is wrong.
fn date(fields: &Fields, name: &'static str) -> Result<Option<Date>, Refused> {
    let wrong = |_| Refused::field(name, "Write the day as 2027-12-31.");
    fields.some(name).map(|text| text.parse().map_err(wrong)).transpose()
}

fn signed(fields: &Fields) -> Result<Signed, Refused> {
    let wrong = |_| Refused::field("notice", "Write 1 to 60 days, or leave it empty.");
    Ok(Signed {
        signer: fields.text("signer").to_owned(),
        signed_on: date(fields, "signed")?,
        last_day: date(fields, "until")?,
        subcontractors: fields.text("subcontractors").to_owned(),
        notice_days: fields.some("notice").map(|text| text.parse().map_err(wrong)).transpose()?,
    })
}

/// `POST /settings/vendors/{vendor}/sign`.
pub async fn sign(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ManageVendors>,
    Path(key): Path<String>,
    upload: Result<Upload, NotWhole>,
) -> Result<Response, Response> {
    let upload = upload.map_err(|not| not_whole(&key, not))?;
    let fields = Fields::from(upload.fields);
    let signing = async {
        let signed = signed(&fields)?;
        let from = signed.last_in_effect(doors.office());
        let pages = scans(&doors, &may, (upload.files, from)).await?;
        let key = key.clone();
        let sign = move |tx: &mut Tx<'_>, office: &Office, who: (&Actor, &Permit)| {
            register::sign(tx, office, who, (&key, &signed, pages)).map(drop)
        };
        act(&doors, &may, sign).await
    };
    let signed = signing.await;
    done(&doors, &may, (&key, "sign", fields), signed).await
}

/// `POST /settings/vendors/{vendor}/end`.
pub async fn end(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ManageVendors>,
    Path(key): Path<String>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (which, reason) = (key.clone(), fields.text("reason").to_owned());
    let end = move |tx: &mut Tx<'_>, office: &Office, who: (&Actor, &Permit)| {
        register::end(tx, office, who, (&which, &reason)).map(drop)
    };
    let ended = act(&doors, &may, end).await;
    done(&doors, &may, (&key, "end", fields), ended).await
}

/// `POST /settings/vendors/{vendor}/returned`: the certificate of return or destruction.
pub async fn returned(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ManageVendors>,
    Path(key): Path<String>,
    upload: Result<Upload, NotWhole>,
) -> Result<Response, Response> {
    let upload = upload.map_err(|not| not_whole(&key, not))?;
    let fields = Fields::from(upload.fields);
    let keeping = async {
        let now = doors.office().clock().now();
        let pages = scans(&doors, &may, (upload.files, now)).await?;
        let key = key.clone();
        let keep = move |tx: &mut Tx<'_>, office: &Office, who: (&Actor, &Permit)| {
            register::returned(tx, office, who, (&key, pages)).map(drop)
        };
        act(&doors, &may, keep).await
    };
    let kept = keeping.await;
    done(&doors, &may, (&key, "certificate", fields), kept).await
}

/// `GET /settings/vendors/{vendor}/files/{file}`: a scan. Each look is on the log.
pub async fn file(
    State(doors): State<Doors>,
    may: May<ManageVendors>,
    Path((key, file)): Path<(String, Uuid)>,
) -> Response {
    let id = AttachmentId(file);
    let event = Event::new(Kind::ContentViewed, may.actor()).about(ATTACHMENT, id).code("file");
    let event = may.permit.of(event);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let practice = office.practice();
        let there = attachment::get(tx, practice, id)?;
        let its = agreement::of_vendor(tx, practice, &key)?;
        let here =
            |holder| matches!(holder, Holder::Agreement(id) if its.iter().any(|row| row.id == id));
        let row = there.filter(|row| here(row.holder)).ok_or_else(|| Problem::not_found("file"))?;
        let label = files::label_of_record(office, &row)?;
        Ok((Going::new(&row, Side::Record, label), vec![event]))
    };
    match seen(&doors, look).await {
        Ok(file) => files::send(&doors, file),
        Err(problem) => not_now(&problem),
    }
}
