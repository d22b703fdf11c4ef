//! `/window/choices/wishes`: the language, the times, the kinds.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Channel, Kind, Language};

use super::super::inside::Choosing;
use super::super::page::{Filled, Frame, see_other};
use super::words::{kind_words, remedy};
use super::{HERE, Tick, clock};
use crate::compose::kinds;
use crate::http::form::Fields;
use crate::people::preferences::Preferences;
use crate::portal::Visitor;
use crate::portal::choices::{self, ChoiceError};

#[derive(Template)]
#[template(path = "window/wishes.html")]
struct WishesPage {
    frame: Frame,
    wrong: Option<&'static str>,
    languages: Vec<Tick>,
    channels: Vec<Tick>,
    from: Vec<Tick>,
    until: Vec<Tick>,
    kinds: Vec<Tick>,
}

/// `GET /window/choices/wishes`.
pub async fn page(choosing: Choosing) -> Result<Response, Response> {
    show(&choosing, None).await
}

async fn show(choosing: &Choosing, wrong: Option<&'static str>) -> Result<Response, Response> {
    let (at, l) = (&choosing.at, choosing.at.l);
    let chosen = choosing.chosen().await?;
    let wishes = &chosen.wishes;
    let hour = |set: Option<u16>| -> Vec<Tick> {
        let hours = (0..24).map(|hour: u16| {
            let minute = hour * 60;
            Tick::new(minute.to_string(), clock(minute), set == Some(minute))
        });
        let any = Tick::new("", l.say("any time", "a cualquier hora"), set.is_none());
        std::iter::once(any).chain(hours).collect()
    };
    let channel = |channel: Option<Channel>, words: &str| {
        Tick::new(channel.map_or("", Channel::as_str), words, wishes.channel == channel)
    };
    let programme = Kind::ALL.iter().copied();
    let programme = programme.filter(|kind| kinds::rules(*kind).is_some_and(|r| r.programme));
    let page = WishesPage {
        wrong,
        languages: vec![
            Tick::new("en", "English", chosen.language == Some(Language::English)),
            Tick::new("es", "Español", chosen.language == Some(Language::Spanish)),
        ],
        channels: vec![
            channel(None, l.say("no matter", "no importa")),
            channel(Some(Channel::Sms), l.say("text", "mensaje de texto")),
            channel(Some(Channel::Email), l.say("email", "correo")),
            channel(Some(Channel::Portal), l.say("here", "aquí")),
        ],
        from: hour(wishes.hours.map(|(from, _)| from)),
        until: hour(wishes.hours.map(|(_, until)| until)),
        kinds: programme
            .filter_map(|kind| Some((kind, kind_words(l, kind)?)))
            .map(|(kind, words)| {
                let on = !wishes.kinds_off.contains(&kind);
                Tick::new(format!("kind-{}", kind.as_str()), words, on)
            })
            .collect(),
        frame: at.frame(format!("{HERE}/wishes")),
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(at.html(status, &page))
}

/// `POST /window/choices/wishes`. What this page does not show stays as it is.
pub async fn wish(
    choosing: Choosing,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (at, l, me) = (&choosing.at, choosing.at.l, choosing.me.clone());
    let minute = |name| fields.text(name).parse::<u16>().ok();
    let times = (minute("from"), minute("until"));
    let done = at.try_to(move |tx, office, _: &Visitor| {
        let before = choices::read(tx, office, &me)?.wishes;
        let language = match fields.text("language") {
            "en" => Some(Language::English),
            "es" => Some(Language::Spanish),
            _ => None,
        };
        let hours = match times {
            (Some(from), Some(until)) => Some((from, until)),
            (None, None) => None,
            _ => return Err(ChoiceError::Hours),
        };
        let shown = |kind: &Kind| kind_words(l, *kind).is_some();
        let off = Kind::ALL.iter().copied().filter(|kind| {
            if shown(kind) {
                kinds::rules(*kind).is_some_and(|rules| rules.programme)
                    && !fields.ticked(&format!("kind-{}", kind.as_str()))
            } else {
                before.kinds_off.contains(kind)
            }
        });
        let kinds_off = off.collect();
        let channel = Channel::from_word(fields.text("channel"));
        let wishes = Preferences { channel, hours, kinds_off };
        choices::wish(tx, office, &me, (&wishes, language))
    });
    match done.await {
        Ok(()) => Ok(see_other(&format!("{HERE}?done=wishes"))),
        Err(error) => match remedy(l, &error) {
            Some(wrong) => show(&choosing, Some(wrong)).await,
            None => Err(at.trouble(&error)),
        },
    }
}
