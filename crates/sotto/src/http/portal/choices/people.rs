//! `/window/choices/people/{person}`: what somebody who acts for the patient may hear.

use askama::Template;
use axum::response::Response;

use super::super::inside::Choosing;
use super::super::page::{Filled, Frame, see_other};
use super::words::{SCOPES, scope_words};
use super::{HERE, Tick};
use crate::db::Word;
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::ids::CaregiverId;
use crate::portal::choices;

#[derive(Template)]
#[template(path = "window/person.html")]
struct PersonPage {
    frame: Frame,
    to: String,
    name: String,
    by_law: bool,
    hears: Vec<Tick>,
}

/// `GET /window/choices/people/{person}`.
pub async fn page(Path(person): Path<String>, choosing: Choosing) -> Result<Response, Response> {
    let (at, l) = (&choosing.at, choosing.at.l);
    let people = choosing.chosen().await?.people;
    let one = people.into_iter().find(|one| one.id.to_string() == person);
    let one = one.ok_or_else(|| at.nothing())?;
    let to = format!("{HERE}/people/{person}");
    let hears = SCOPES.iter().map(|scope| {
        let value = format!("hears-{}", scope.word());
        Tick::new(value, scope_words(l, *scope), one.hears.contains(scope))
    });
    let hears = hears.collect();
    let frame = at.frame(to.as_str());
    Ok(at.page(&PersonPage { frame, to, name: one.name, by_law: one.by_law, hears }))
}

/// `POST /window/choices/people/{person}`.
pub async fn may_hear(
    Path(person): Path<String>,
    choosing: Choosing,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (at, me) = (&choosing.at, choosing.me.clone());
    let id = person.parse::<CaregiverId>().map_err(|_| at.nothing())?;
    let scope = SCOPES.iter().copied();
    let scope = scope.filter(|scope| fields.ticked(&format!("hears-{}", scope.word()))).collect();
    at.write(move |tx, office, _| choices::may_hear(tx, office, &me, (id, scope))).await?;
    Ok(see_other(&format!("{HERE}?done=people")))
}
