//! `/window/choices/places/{contact}/{channel}`: what may be sent to one number or mailbox by one
//! channel.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Channel, ContactPointId, Language};

use super::super::inside::Choosing;
use super::super::page::{Filled, Frame, see_other};
use super::words::{remedy, subject_words, subjects_words, way_words};
use super::{HERE, Tick};
use crate::db::{Tx, Word};
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::office::Office;
use crate::people::consent_texts::{RiskText, risk_text};
use crate::portal::Visitor;
use crate::portal::choices::{
    self, Agreement, ChoiceError, Choices, Chooser, Place, SUBJECTS, Way,
};

#[derive(Template)]
#[template(path = "window/place.html")]
struct PlacePage {
    frame: Frame,
    wrong: Option<&'static str>,
    /// The field that it is about.
    at_fault: &'static str,
    to: String,
    title: String,
    stopped: bool,
    automated: Option<String>,
    detail: Option<(String, String)>,
    risk: Option<RiskText>,
    subjects: Vec<Tick>,
    signed: String,
}

/// `GET /window/choices/places/{contact}/{channel}`.
pub async fn page(
    Path((contact, channel)): Path<(String, String)>,
    choosing: Choosing,
) -> Result<Response, Response> {
    show(&choosing, (&contact, &channel), None).await
}

async fn show(
    choosing: &Choosing,
    (contact, channel): (&str, &str),
    again: Option<(&'static str, &'static str, &Fields)>,
) -> Result<Response, Response> {
    let (at, l) = (&choosing.at, choosing.at.l);
    let to = format!("{HERE}/places/{contact}/{channel}");
    let chosen = choosing.chosen().await?;
    let (place, way) = found(&chosen, contact, channel).ok_or_else(|| at.nothing())?;
    let typed = again.as_ref().map(|(_, _, fields)| *fields);
    let subjects = SUBJECTS.iter().map(|(subject, _)| {
        let word = subject.word();
        let on = typed.is_some_and(|fields| fields.ticked(&format!("about-{word}")));
        Tick::new(format!("about-{word}"), subject_words(l, *subject), on)
    });
    let page = PlacePage {
        wrong: again.as_ref().map(|(wrong, _, _)| *wrong),
        at_fault: again.as_ref().map_or("", |(_, field, _)| *field),
        frame: at.frame(to.as_str()),
        to,
        title: way_words(l, way.channel, &place.address),
        stopped: way.stopped,
        automated: way.automated.map(|id| id.to_string()),
        detail: way.detail.as_ref().map(|(id, about)| (id.to_string(), subjects_words(l, about))),
        risk: risk_text(way.channel, l.0),
        subjects: subjects.collect(),
        signed: typed.map_or_else(String::new, |fields| fields.text("signed").to_owned()),
    };
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(at.html(status, &page))
}

fn found<'a>(chosen: &'a Choices, contact: &str, channel: &str) -> Option<(&'a Place, &'a Way)> {
    let place = chosen.places.iter().find(|place| place.id.to_string() == contact)?;
    let way = place.ways.iter().find(|way| way.channel.as_str() == channel)?;
    Some((place, way))
}

/// `POST /window/choices/places/{contact}/{channel}`: agree, take back, stop, start.
pub async fn choose(
    Path((contact, channel)): Path<(String, String)>,
    choosing: Choosing,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (at, l) = (&choosing.at, choosing.at.l);
    let id = contact.parse::<ContactPointId>().map_err(|_| at.nothing())?;
    let way = Channel::from_word(&channel).ok_or_else(|| at.nothing())?;
    let (me, form) = (choosing.me.clone(), fields.clone());
    let done = at.try_to(move |tx, office, _: &Visitor| {
        chose(tx, office, &me, (id, way), &Form { fields: form, language: l.0 })
    });
    match done.await {
        Ok(to) => Ok(see_other(&to)),
        Err(error) => match remedy(l, &error) {
            Some(wrong) => {
                let again = Some((wrong, at_fault(&error), &fields));
                show(&choosing, (&contact, &channel), again).await
            }
            None => Err(at.trouble(&error)),
        },
    }
}

/// The field that an error is about.
const fn at_fault(error: &ChoiceError) -> &'static str {
    match error {
        ChoiceError::NotRead => "read",
        ChoiceError::Nothing => "about",
        ChoiceError::NotSigned => "signed",
        _ => "",
    }
}

/// What was filled in, and in which language the page was.
struct Form {
    fields: Fields,
    language: Language,
}

/// Does what the button says; the answer is where to go next.
fn chose(
    tx: &mut Tx<'_>,
    office: &Office,
    me: &Chooser,
    (id, way): (ContactPointId, Channel),
    form: &Form,
) -> Result<String, ChoiceError> {
    let fields = &form.fields;
    Ok(match fields.text("act") {
        "agree" => {
            let about = fields.ticked("detail").then(|| {
                let all = SUBJECTS.iter().map(|(subject, _)| *subject);
                all.filter(|one| fields.ticked(&format!("about-{}", one.word()))).collect()
            });
            let agreement = Agreement {
                at: id,
                channel: way,
                about,
                read: fields.ticked("read"),
                signed: fields.text("signed").to_owned(),
                language: form.language,
            };
            let receipt = choices::agree(tx, office, me, &agreement)?;
            format!("{HERE}/receipts/{}", receipt.id)
        }
        "withdraw" => {
            let consent = fields.text("consent").parse().map_err(|_| ChoiceError::NotHere)?;
            choices::withdraw(tx, office, me, consent)?;
            format!("{HERE}?done=withdrawn")
        }
        "stop" => {
            choices::stop(tx, office, me, (id, way), true)?;
            format!("{HERE}?done=stopped")
        }
        "start" => {
            choices::stop(tx, office, me, (id, way), false)?;
            format!("{HERE}?done=started")
        }
        _ => return Err(ChoiceError::NotHere),
    })
}
