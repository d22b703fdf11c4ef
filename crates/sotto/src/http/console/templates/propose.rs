//! `/templates/{name}/propose`: words are written here, and held against the rules while they are
//! typed by the code that holds them against the rules when they are judged.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Channel, Language};
use serde::Deserialize;

use super::one::by;
use super::{Place, Reading, key_of, language_words, lost, places, title, words_of};
use crate::compose::Key;
use crate::compose::prices;
use crate::compose::proposals::{self, LONGEST_REASON, NewProposal, ProposalError};
use crate::compose::template::Wording;
use crate::db::Tx;
use crate::http::Doors;
use crate::http::console::page::{Filled, Frame, failed, html, see_other};
use crate::http::console::signed_in::{EditTemplates, May};
use crate::http::params::Path;

/// The form as it comes.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Form {
    subject: String,
    body: String,
    reason: String,
    expires: String,
    /// `propose`; anything else: look.
    act: String,
}

impl Form {
    fn wording(&self, key: Key) -> Result<Wording, ProposalError> {
        let subject = self.subject.trim();
        let expires = match self.expires.trim() {
            "" => None,
            day => Some(day.parse().map_err(|_| ProposalError::Field {
                field: "last day",
                because: "must be a date like 2027-12-31, or left empty",
            })?),
        };
        let subject =
            (key.channel != Channel::Sms && !subject.is_empty()).then(|| subject.to_owned());
        Ok(Wording { subject, body: self.body.replace("\r\n", "\n"), expires })
    }
}

#[derive(askama::Template)]
#[template(path = "console/template_form.html")]
struct Page {
    frame: Frame,
    title: String,
    name: String,
    lang: &'static str,
    error: Option<String>,
    has_subject: bool,
    subject: String,
    body: String,
    reason: String,
    expires: String,
    longest_reason: usize,
    places: Vec<Place>,
    other: Option<Other>,
    reading: Reading,
}

/// The same in the other language, for whoever translates.
struct Other {
    language: &'static str,
    lang: &'static str,
    subject: Option<String>,
    body: String,
}

#[derive(askama::Template)]
#[template(path = "console/template_verdict.html")]
struct Verdict {
    reading: Reading,
}

/// `GET /templates/{name}/propose`: the words in force, to be changed.
pub async fn page(
    State(doors): State<Doors>,
    may: May<EditTemplates>,
    Path(name): Path<String>,
) -> Result<Response, Response> {
    let key = key_of(&doors, &name).ok_or_else(lost)?;
    let templates = doors.office().templates();
    let wording = templates.find(key).map(crate::compose::Template::wording);
    let form = wording.map_or_else(Form::default, |wording| Form {
        subject: wording.subject.unwrap_or_default(),
        body: wording.body,
        ..Form::default()
    });
    show(&doors, &may, key, form, (StatusCode::OK, None)).await
}

/// `POST /templates/{name}/propose/look`: what the rules say of the words, and nothing else.
pub async fn look(
    State(doors): State<Doors>,
    _: May<EditTemplates>,
    Path(name): Path<String>,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let reading = read(&doors, key_of(&doors, &name).ok_or_else(lost)?, &form).await?;
    Ok(html(StatusCode::OK, &Verdict { reading }))
}

/// `POST /templates/{name}/propose`: proposes, or shows the form again with what the rules say.
pub async fn act(
    State(doors): State<Doors>,
    may: May<EditTemplates>,
    Path(name): Path<String>,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let key = key_of(&doors, &name).ok_or_else(lost)?;
    if form.act != "propose" {
        return show(&doors, &may, key, form, (StatusCode::OK, None)).await;
    }
    let (office, by, typed) =
        (doors.office().clone(), by(&may.signed_in, &may.permit), form.clone());
    let proposed = doors.db().write(move |tx: &mut Tx<'_>| {
        let wording = typed.wording(key)?;
        let new = NewProposal { key, wording, reason: typed.reason };
        proposals::propose(tx, &office, &new, by)
    });
    match proposed.await {
        Ok(_) => Ok(see_other(&format!("/templates/{}", key.name()))),
        Err(error) => {
            let Some((status, words)) = words_of(&error) else {
                return Err(failed(&error));
            };
            show(&doors, &may, key, form, (status, Some(words))).await
        }
    }
}

/// How the typed words read.
async fn read(doors: &Doors, key: Key, form: &Form) -> Result<Reading, Response> {
    let wording = match form.wording(key) {
        Ok(wording) => wording,
        Err(error) => return Ok(Reading::unreadable(&error.to_string())),
    };
    let office = doors.office().clone();
    let judged = doors.db().read(move |tx| -> Result<Reading, ProposalError> {
        let judged = proposals::judge(tx, &office, key, &wording)?;
        let price = prices::of_texts(tx, office.practice())?;
        Ok(Reading::of(&office, &judged, office.templates().find(key), price))
    });
    match judged.await {
        Ok(reading) => Ok(reading),
        Err(ProposalError::Compose(because)) => Ok(Reading::unreadable(&because.to_string())),
        Err(error) => Err(failed(&error)),
    }
}

async fn show(
    doors: &Doors,
    may: &May<EditTemplates>,
    key: Key,
    form: Form,
    (status, error): (StatusCode, Option<String>),
) -> Result<Response, Response> {
    let reading = read(doors, key, &form).await?;
    let templates = doors.office().templates();
    let elsewhere = Language::ALL.iter().filter(|language| **language != key.language);
    let other = elsewhere
        .filter_map(|language| templates.find(Key { language: *language, ..key }))
        .map(|template| Other {
            language: language_words(template.key.language),
            lang: template.key.language.as_str(),
            subject: template.subject_source.clone(),
            body: template.body_source.clone(),
        })
        .next();
    let page = Page {
        frame: Frame::of(doors, &may.signed_in).at("/templates"),
        title: title(key),
        name: key.name(),
        lang: key.language.as_str(),
        error,
        has_subject: key.channel != Channel::Sms,
        subject: form.subject,
        body: form.body,
        reason: form.reason,
        expires: form.expires,
        longest_reason: LONGEST_REASON,
        places: places(key, None),
        other,
        reading,
    };
    Ok(html(status, &page))
}
