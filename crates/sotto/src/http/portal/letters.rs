//! `/window/letters/{letter}`: one message of the practice, and `/window/write`: what the patient
//! writes back.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Address, Channel, MessageId};
use uuid::Uuid;

use super::files::File;
use super::home::{day, moment};
use super::inside::Inside;
use super::page::{Frame, Tongue};
use crate::attachments::content::Unfit;
use crate::attachments::scan::NotTaken;
use crate::attachments::store;
use crate::audit::Kind;
use crate::conversations::tasks::TaskError;
use crate::db::Tx;
use crate::db::attachment::Holder;
use crate::db::registry::{INBOUND_MESSAGE, LETTER};
use crate::http::files;
use crate::http::params::Path;
use crate::http::upload::{NotWhole, Upload};
use crate::ids::InboundId;
use crate::inbound::{self, Arrival, Effect, Received};
use crate::office::Office;
use crate::portal::{PortalError, Visitor, letters};
use crate::schedule::places;

/// The longest that can be written at once, in characters.
pub const LONGEST: usize = 4_000;

#[derive(Template)]
#[template(path = "window/letter.html")]
struct LetterPage {
    frame: Frame,
    when: String,
    until: String,
    words: Option<String>,
    /// The language that they are in.
    words_in: String,
    files: Vec<File>,
}

#[derive(Template)]
#[template(path = "window/write.html")]
struct Write {
    frame: Frame,
    hours: String,
    nonce: String,
    body: String,
    error: Option<&'static str>,
    /// What the error is about.
    wrong_words: bool,
    wrong_files: bool,
}

/// What was wrong, and with what of it.
enum NotSent {
    Words(&'static str),
    Files(&'static str),
    Page(&'static str),
}

#[derive(Template)]
#[template(path = "window/emergency.html")]
pub(super) struct Emergency {
    pub(super) frame: Frame,
}

/// `GET /window/letters/{letter}`. That it was read is on the log, and staff see it. A letter of
/// somebody else is as one that never was.
pub async fn page(Path(id): Path<String>, at: Inside) -> Result<Response, Response> {
    let id = id.parse::<MessageId>().map_err(|_| at.nothing())?;
    let event = at.looked(Kind::ContentViewed, "window").about(LETTER, id);
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let opened = letters::open(tx, office, who, id)?;
        // With the words the files have gone.
        let files = match &opened {
            Some(opened) if opened.words.is_some() => {
                letters::files_of_letter(tx, office, who, id)?
            }
            _ => Vec::new(),
        };
        let event = opened.as_ref().map(|_| event);
        Ok::<_, PortalError>((opened.map(|one| (one, files)), event.into_iter().collect()))
    };
    let (opened, files) = at.seen(look).await?.ok_or_else(|| at.nothing())?;
    if opened.words.is_some() {
        at.write(move |tx, office, who| letters::read(tx, office, who, id)).await?;
    }
    let zone = at.visitor.timezone(at.doors.office());
    let last = jiff::Timestamp::from_second(opened.last_day.saturating_mul(24 * 60 * 60));
    let until = last.unwrap_or(jiff::Timestamp::MAX).to_zoned(jiff::tz::TimeZone::UTC);
    let here = format!("/window/letters/{id}");
    let page = LetterPage {
        files: files.iter().map(|file| File::of(at.l, &here, file)).collect(),
        frame: at.frame(here),
        when: day(at.l, &opened.written_at.to_zoned(zone)),
        until: day(at.l, &until),
        words: opened.words,
        words_in: opened.language,
    };
    let status = if page.words.is_some() { StatusCode::OK } else { StatusCode::GONE };
    Ok(at.html(status, &page))
}

#[derive(Template)]
#[template(path = "window/wrote.html")]
struct Wrote {
    frame: Frame,
    when: String,
    words: String,
    files: Vec<File>,
}

/// `GET /window/wrote/{message}`: what the patient wrote, for them alone.
pub async fn wrote(Path(id): Path<String>, at: Inside) -> Result<Response, Response> {
    let id = id.parse::<InboundId>().map_err(|_| at.nothing())?;
    let event = at.looked(Kind::ContentViewed, "window").about(INBOUND_MESSAGE, id);
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let found = letters::wrote(tx, office, who, id)?;
        let files = letters::files_of_wrote(tx, office, who, id)?;
        let event = found.as_ref().map(|_| event);
        Ok::<_, PortalError>((found.map(|one| (one, files)), event.into_iter().collect()))
    };
    let ((when, words), files) = at.seen(look).await?.ok_or_else(|| at.nothing())?;
    let here = format!("/window/wrote/{id}");
    let page = Wrote {
        files: files.iter().map(|file| File::of(at.l, &here, file)).collect(),
        frame: at.frame(here),
        when: moment(at.l, &when.to_zoned(at.visitor.timezone(at.doors.office()))),
        words,
    };
    Ok(at.page(&page))
}

/// What was written.
#[derive(Default)]
struct Written {
    body: String,
    /// Drawn with the page: sending it twice is one message.
    nonce: String,
}

/// `GET /window/write`: what this is not for, when we answer, and then the box.
pub async fn write_page(at: Inside) -> Result<Response, Response> {
    show(&at, (StatusCode::OK, Written::default(), None)).await
}

async fn show(
    at: &Inside,
    (status, written, not): (StatusCode, Written, Option<NotSent>),
) -> Result<Response, Response> {
    if !at.visitor.reads_letters() {
        return Err(at.nothing());
    }
    let (office, patient, l) = (at.doors.office().clone(), at.visitor.patient(), at.l);
    let read = move |tx: &mut Tx<'_>| -> Result<String, PortalError> {
        let place = places::of_patient(tx, &office, Some(patient));
        Ok(place.map_err(TaskError::from)?.hours.in_words(l.0))
    };
    let page = Write {
        frame: at.frame("/window/write"),
        hours: at.doors.db().read(read).await.map_err(|error| at.trouble(&error))?,
        nonce: at.doors.office().clock().new_id().to_string(),
        body: written.body,
        wrong_words: matches!(not, Some(NotSent::Words(_))),
        wrong_files: matches!(not, Some(NotSent::Files(_))),
        error: not
            .map(|(NotSent::Words(words) | NotSent::Files(words) | NotSent::Page(words))| words),
    };
    Ok(at.html(status, &page))
}

/// `POST /window/write`: takes the way of every message to us. Where it sounds like an emergency,
/// whoever wrote it is told at once what to do.
pub async fn write(at: Inside, upload: Result<Upload, NotWhole>) -> Result<Response, Response> {
    let l = at.l;
    if !at.visitor.reads_letters() {
        return Err(at.nothing());
    }
    let Upload { mut fields, files } = match upload {
        Ok(upload) => upload,
        Err(not) => {
            return show(
                &at,
                (not.status(), Written::default(), Some(NotSent::Files(not_whole(l, not)))),
            )
            .await;
        }
    };
    let mut field = |name| fields.remove(name).unwrap_or_default();
    let written = Written { body: field("body"), nonce: field("nonce") };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let Ok(nonce) = written.nonce.parse::<Uuid>() else {
        let again = l.say(
            "The page was old. What you wrote is still here: send it once more.",
            "La página era antigua. Lo que escribió sigue aquí: envíelo otra vez.",
        );
        return show(&at, (unprocessable, written, Some(NotSent::Page(again)))).await;
    };
    let body = written.body.trim().to_owned();
    if body.is_empty() || body.chars().count() > LONGEST {
        let wrong = if body.is_empty() {
            l.say("Write something first.", "Escriba algo primero.")
        } else {
            l.say(
                "That is more than one message can hold. Shorten it, or call us.",
                "Es más de lo que cabe en un mensaje. Acórtelo o llámenos.",
            )
        };
        return show(&at, (unprocessable, written, Some(NotSent::Words(wrong)))).await;
    }
    let whose = (at.visitor.actor(), at.visitor.patient());
    let sealed = match files::take(&at.doors, whose, (files, None)).await {
        Ok(Ok(sealed)) => sealed,
        Ok(Err(not)) => {
            let wrong = NotSent::Files(not_taken(l, not));
            return show(&at, (unprocessable, written, Some(wrong))).await;
        }
        Err(error) => return Err(at.trouble(&PortalError::from(error))),
    };
    let received = at.write(move |tx, office, who| {
        let arrival = arrival(office, who, (nonce, body));
        let received = inbound::receive_from(tx, office, arrival, (who.patient(), who.actor()))?;
        if let Received::New { inbound, .. } = &received {
            for file in sealed {
                store::keep(tx, office, (Holder::Inbound(*inbound), &who.actor()), file)?;
            }
        }
        Ok::<_, PortalError>(received)
    });
    if let Received::New { effect: Effect::Emergency, .. } = received.await? {
        return Ok(at.page(&Emergency { frame: at.frame("/window/write") }));
    }
    let words = (
        l.say("We have your message", "Recibimos su mensaje"),
        l.say(
            "A person reads it in office hours and answers here. We tell you when they do.",
            "Una persona lo lee en horas de oficina y responde aquí. Le avisaremos.",
        ),
    );
    Ok(at.says(words, ("/window", l.say("Back to the start", "Volver al inicio"))))
}

/// What to do about a form that did not come as it must.
fn not_whole(l: Tongue, not: NotWhole) -> &'static str {
    match not {
        NotWhole::Broken => l.say(
            "It didn’t arrive whole. Write it once more.",
            "No llegó completo. Escríbalo otra vez.",
        ),
        NotWhole::TooLarge => l.say(
            "The files are too large: at most 10 MB each. Write once more with smaller ones.",
            "Los archivos son demasiado grandes: 10 MB cada uno como máximo. Escriba otra vez con \
             archivos más pequeños.",
        ),
        NotWhole::TooMany => l.say(
            "At most three files at a time. Write once more with fewer.",
            "Tres archivos a la vez como máximo. Escriba otra vez con menos.",
        ),
    }
}

/// What to do about a file that was not taken.
fn not_taken(l: Tongue, not: NotTaken) -> &'static str {
    match not {
        NotTaken::Unfit(Unfit::TooLarge) => not_whole(l, NotWhole::TooLarge),
        NotTaken::Unfit(Unfit::Heic) => l.say(
            "This kind of photo (HEIC) can’t be taken. Send a screenshot of it, or set the camera \
             to “Most compatible”.",
            "Este tipo de foto (HEIC) no se puede recibir. Envíe una captura de pantalla, o ponga \
             la cámara en “Más compatible”.",
        ),
        NotTaken::Unfit(Unfit::Damaged | Unfit::Empty | Unfit::TooManyPixels) => l.say(
            "The file can’t be opened. Take or save it again, and send it once more.",
            "El archivo no se puede abrir. Tómelo o guárdelo de nuevo y envíelo otra vez.",
        ),
        NotTaken::Unfit(Unfit::Locked | Unfit::Active | Unfit::Office | Unfit::Unknown) => l.say(
            "Only photos (JPEG, PNG) and plain PDF documents can be taken.",
            "Solo se pueden recibir fotos (JPEG, PNG) y documentos PDF sencillos.",
        ),
        NotTaken::Infected => l.say(
            "Our virus scanner stopped this file. Send another, or call us.",
            "Nuestro antivirus detuvo este archivo. Envíe otro o llámenos.",
        ),
        NotTaken::Unscanned => l.say(
            "Files can’t be taken right now. Try again in a minute, or send your words alone.",
            "Ahora no se pueden recibir archivos. Inténtelo en un minuto o envíe solo el texto.",
        ),
    }
}

/// What was written, as an adapter would hand it over. The same page sent twice is the same arrival.
fn arrival(office: &Office, visitor: &Visitor, (nonce, body): (Uuid, String)) -> Arrival {
    let once = format!("{} {nonce}", visitor.session());
    let carrier_id =
        hex::encode(office.keys().content_hash("written at the window", once.as_bytes()));
    Arrival {
        adapter: "portal",
        carrier_id,
        channel: Channel::Portal,
        from: Address::Portal,
        to: String::new(),
        body,
        received_at: office.clock().now(),
        incomplete: false,
        unnamed: None,
    }
}
