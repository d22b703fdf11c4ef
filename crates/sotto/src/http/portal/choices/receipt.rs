//! `GET /window/choices/receipts/{consent}`: what was agreed to, in the words that were shown.

use askama::Template;
use axum::response::Response;
use gate::{Category, Channel, ConsentId, Language};

use super::super::home::day;
use super::super::inside::Choosing;
use super::super::page::{Frame, Tongue};
use super::HERE;
use super::words::subjects_words;
use crate::db::consent_event::{self, ConsentEventKind, ConsentKind};
use crate::db::{Tx, Word};
use crate::http::params::Path;
use crate::office::Office;
use crate::people::consent_texts::risk_text;
use crate::portal::{PortalError, Visitor};

#[derive(Template)]
#[template(path = "window/receipt.html")]
struct ReceiptPage {
    frame: Frame,
    what: String,
    given: String,
    withdrawn: Option<String>,
    words: Option<&'static str>,
    /// The language of those.
    words_in: &'static str,
    version: Option<String>,
    digest: String,
}

/// `GET /window/choices/receipts/{consent}`.
pub async fn page(Path(consent): Path<String>, choosing: Choosing) -> Result<Response, Response> {
    let (at, l) = (&choosing.at, choosing.at.l);
    let id = consent.parse::<ConsentId>().map_err(|_| at.nothing())?;
    let event = at.looked_around("receipt");
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let rows = consent_event::of_patient(tx, office.practice(), who.patient())?;
        Ok::<_, PortalError>((rows, vec![event]))
    };
    let rows = at.seen(look).await?;
    let of_it = |event| rows.iter().find(|row| row.consent_id == id && row.event == event);
    let given = of_it(ConsentEventKind::Given).ok_or_else(|| at.nothing())?;
    let zone = at.visitor.timezone(at.doors.office());
    let on = |when: jiff::Timestamp| day(l, &when.to_zoned(zone.clone()));
    let about: Vec<Category> =
        given.categories.split_whitespace().filter_map(Category::from_word).collect();
    let by = match given.channel {
        Channel::Sms => l.say("By text", "Por mensaje de texto"),
        Channel::Email => l.say("By email", "Por correo"),
        Channel::Portal => l.say("Here", "Aquí"),
        _ => l.say("By voicemail", "Por mensaje de voz"),
    };
    let what = match given.class {
        ConsentKind::Content => subjects_words(l, &about),
        ConsentKind::Pec => l
            .say(
                "automated messages about visits and care",
                "mensajes automáticos sobre citas y atención",
            )
            .to_owned(),
        _ => l.say("as you signed it", "como lo firmó").to_owned(),
    };
    // The words that were shown then, where they are still those of today.
    let spoken_then = if given.language == "es" { Language::Spanish } else { Language::English };
    let words = risk_text(given.channel, spoken_then)
        .filter(|text| Some(text.version) == given.text_version.as_deref());
    let page = ReceiptPage {
        what: format!("{by}: {what}"),
        given: on(given.captured_at),
        withdrawn: of_it(ConsentEventKind::Revoked).map(|row| on(row.captured_at)),
        words: words.map(|text| text.words),
        words_in: Tongue(spoken_then).code(),
        version: given.text_version.clone(),
        digest: given.evidence_digest.as_deref().map(hex::encode).unwrap_or_default(),
        frame: at.frame(format!("{HERE}/receipts/{id}")),
    };
    Ok(at.page(&page))
}
