//! `/window/choices/elsewhere`: only one place, or never by one way (45 CFR 164.522(b)).

use askama::Template;
use axum::response::Response;
use gate::Channel;
use uuid::Uuid;

use super::super::inside::Choosing;
use super::super::page::{Filled, Frame, see_other};
use super::words::{elsewhere_line, way_words};
use super::{HERE, Line, Tick};
use crate::db::Tx;
use crate::http::form::Fields;
use crate::office::Office;
use crate::portal::Visitor;
use crate::portal::choices::{self, ChoiceError};

#[derive(Template)]
#[template(path = "window/elsewhere.html")]
struct ElsewherePage {
    frame: Frame,
    ways: Vec<Tick>,
    standing: Vec<Line>,
}

/// `GET /window/choices/elsewhere`.
pub async fn page(choosing: Choosing) -> Result<Response, Response> {
    let (at, l) = (&choosing.at, choosing.at.l);
    let chosen = choosing.chosen().await?;
    let mut ways = Vec::new();
    for place in &chosen.places {
        for way in &place.ways {
            let value = format!("{} {}", way.channel.as_str(), place.id);
            let words = way_words(l, way.channel, &place.address);
            let only = format!("{} {}", words, l.say("and to no other", "y a ningún otro"));
            ways.push(Tick::new(value, only, false));
        }
    }
    for (channel, words) in [
        (Channel::Sms, l.say("No texts at all", "Ningún mensaje de texto")),
        (Channel::Email, l.say("No email at all", "Ningún correo")),
        (Channel::Voicemail, l.say("No voicemail at all", "Ningún mensaje de voz")),
    ] {
        ways.push(Tick::new(channel.as_str(), words, false));
    }
    let standing = chosen.elsewhere.iter().map(|wish| elsewhere_line(l, wish)).collect();
    let frame = at.frame(format!("{HERE}/elsewhere"));
    Ok(at.page(&ElsewherePage { frame, ways, standing }))
}

/// `POST /window/choices/elsewhere`.
pub async fn go(choosing: Choosing, Filled(fields): Filled<Fields>) -> Result<Response, Response> {
    let me = choosing.me;
    let deed = move |tx: &mut Tx<'_>, office: &Office, _: &Visitor| {
        if let Ok(wish) = fields.text("end").parse::<Uuid>() {
            return choices::come_back(tx, office, &me, wish);
        }
        let way = fields.text("way");
        let (channel, to) = way.split_once(' ').map_or((way, None), |(c, to)| (c, Some(to)));
        let channel = Channel::from_word(channel).ok_or(ChoiceError::NotHere)?;
        let to = to.map(str::parse).transpose().map_err(|_| ChoiceError::NotHere)?;
        choices::go_elsewhere(tx, office, &me, (channel, to))
    };
    choosing.at.write(deed).await?;
    Ok(see_other(&format!("{HERE}?done=elsewhere")))
}
