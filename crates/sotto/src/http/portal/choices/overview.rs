//! `GET /window/choices`: everything chosen, and where each is changed.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::super::inside::Choosing;
use super::super::page::Frame;
use super::words::{done_words, elsewhere_line, scope_words, way_note, way_words, wishes_words};
use super::{HERE, Line};
use crate::http::params::Query;

#[derive(Template)]
#[template(path = "window/choices.html")]
struct Overview {
    frame: Frame,
    done: Option<&'static str>,
    places: Vec<Line>,
    wishes: String,
    elsewhere: Vec<Line>,
    people: Vec<Line>,
}

/// What stands behind `?`.
#[derive(Deserialize, Default)]
pub struct Asked {
    done: Option<String>,
    /// The language, which [`Spoken`] reads.
    #[serde(rename = "lang")]
    _lang: Option<String>,
}

/// `GET /window/choices`.
pub async fn page(choosing: Choosing, Query(asked): Query<Asked>) -> Result<Response, Response> {
    let chosen = choosing.chosen().await?;
    let (at, l) = (&choosing.at, choosing.at.l);
    let places = chosen.places.iter().flat_map(|place| {
        place.ways.iter().map(move |way| Line {
            to: format!("{HERE}/places/{}/{}", place.id, way.channel.as_str()),
            words: way_words(l, way.channel, &place.address),
            note: way_note(l, way),
        })
    });
    let people = chosen.people.iter().map(|person| {
        let hears: Vec<&str> = person.hears.iter().map(|scope| scope_words(l, *scope)).collect();
        let note =
            if hears.is_empty() { l.say("nothing", "nada").to_owned() } else { hears.join(", ") };
        let words = person.name.clone();
        Line { to: format!("{HERE}/people/{}", person.id), words, note }
    });
    let overview = Overview {
        frame: at.frame(HERE),
        done: asked.done.as_deref().and_then(|word| done_words(l, word)),
        places: places.collect(),
        wishes: wishes_words(l, &chosen),
        elsewhere: chosen.elsewhere.iter().map(|wish| elsewhere_line(l, wish)).collect(),
        people: people.collect(),
    };
    Ok(at.page(&overview))
}
