//! `/staff`: who works here, what they do, and the door for those who left.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::page::{Filled, Frame, error_page, html, see_other, words_of};
use super::signed_in::{ManageStaff, May, MayRecently};
use super::words::When;
use crate::access::roles::{Role, Roles};
use crate::access::staff::{self, NewStaff, Staff};
use crate::access::{AccessError, devices, tokens::Secret, training};
use crate::audit::{self, Event, Kind};
use crate::db::Tx;
use crate::db::session::{self, DeviceRow};
use crate::db::site::{self, SiteRow};
use crate::http::Doors;
use crate::http::params::Path;
use crate::ids::{DeviceId, SiteId, StaffId};
use crate::office::Office;

#[derive(Template)]
#[template(path = "console/staff.html")]
struct Page {
    frame: Frame,
    error: Option<String>,
    name: String,
    email: String,
    roles: Vec<Choice>,
    sites: Vec<Place>,
    /// For how many days training counts; empty where it is not asked for.
    days: String,
    usual: u16,
    /// The last day that can be one of training.
    today: String,
    staff: Vec<Line>,
}

/// A site somebody may work at.
#[derive(Clone)]
struct Place {
    id: String,
    name: String,
    chosen: bool,
}

struct Choice {
    word: &'static str,
    words: &'static str,
    chosen: bool,
    passkey: bool,
}

struct Line {
    id: String,
    name: String,
    email: String,
    roles: String,
    choices: Vec<Choice>,
    /// Where they work, in words.
    works_at: String,
    every_site: bool,
    places: Vec<Place>,
    since: When,
    enabled: bool,
    me: bool,
    admin: bool,
    /// The day they were trained last, in words, and for the field.
    trained: Option<(String, String)>,
    /// It is asked for, and counts no more or is not there.
    untrained: bool,
    devices: Vec<Device>,
}

/// A browser that knows somebody.
struct Device {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "console/invited.html")]
struct Invited {
    frame: Frame,
    name: String,
    link: String,
}

fn choices(chosen: Option<&Roles>) -> Vec<Choice> {
    let persons = Role::ALL.iter().filter(|role| role.is_a_persons());
    persons
        .map(|role| Choice {
            word: role.as_str(),
            words: role.words(),
            chosen: chosen.is_some_and(|roles| roles.has(*role)),
            passkey: role.needs_passkey(),
        })
        .collect()
}

async fn show<D>(
    doors: &Doors,
    may: &May<D>,
    (status, error): (StatusCode, Option<String>),
    (name, email): (String, String),
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.actor());
    let me = may.signed_in.staff.id;
    let event = may.permit.of(Event::new(Kind::StaffChanged, actor).code("viewed"));
    let its = office.clone();
    let read: Result<_, AccessError> = doors
        .db()
        .write(move |tx| {
            let all = staff::list(tx, &office)?;
            let sites = site::list(tx, office.practice())?;
            let trained = (training::days(tx, &office)?, training::all(tx, &office)?);
            let mut staff = Vec::with_capacity(all.len());
            for one in all {
                let devices = session::devices_of(tx, office.practice(), one.id)?;
                staff.push((one, devices));
            }
            audit::append(tx, &office, event)?;
            Ok((staff, sites, trained))
        })
        .await;
    let (staff, sites, (days, trained)) = read.map_err(|error| error_page(&error))?;
    let places = |chosen: &[SiteId]| -> Vec<Place> {
        let place = |site: &SiteRow| Place {
            id: site.id.to_string(),
            name: site.name.clone(),
            chosen: chosen.contains(&site.id),
        };
        sites.iter().map(place).collect()
    };
    let now = doors.office().clock().now_in_life();
    let zone = doors.office().profile().timezone.clone();
    let line = |(one, devices): (Staff, Vec<DeviceRow>)| Line {
        id: one.id.to_string(),
        roles: one.roles.words(),
        choices: choices(Some(&one.roles)),
        works_at: works_at(&places(&one.sites)),
        every_site: one.sites.is_empty(),
        places: places(&one.sites),
        since: When::new(one.created_at, now, &zone),
        enabled: one.disabled_at.is_none(),
        trained: trained
            .get(&one.id)
            .map(|on| (on.strftime("%b %-d, %Y").to_string(), on.to_string())),
        untrained: days
            .is_some_and(|days| !training::counts(&its, (trained.get(&one.id).copied(), days))),
        devices: devices
            .into_iter()
            .map(|device| Device { id: device.id.to_string(), name: device.name })
            .collect(),
        me: one.id == me,
        admin: one.roles.has(Role::Administrator),
        name: one.named.name,
        email: one.named.email,
    };
    let page = Page {
        frame: Frame::of(doors, &may.signed_in).at("/staff"),
        error,
        name,
        email,
        roles: choices(None),
        sites: places(&[]),
        days: days.map(|days| days.to_string()).unwrap_or_default(),
        usual: training::USUAL,
        today: now.to_zoned(zone.clone()).date().to_string(),
        staff: staff.into_iter().map(line).collect(),
    };
    Ok(html(status, &page))
}

/// "Elm Street, Oak Street"; "every site" where none is chosen.
fn works_at(places: &[Place]) -> String {
    let names: Vec<&str> =
        places.iter().filter(|place| place.chosen).map(|place| place.name.as_str()).collect();
    if names.is_empty() { "every site".to_owned() } else { names.join(", ") }
}

/// `GET /staff`.
pub async fn page(State(doors): State<Doors>, may: May<ManageStaff>) -> Result<Response, Response> {
    show(&doors, &may, (StatusCode::OK, None), Default::default()).await
}

/// A form with roles: each ticked box sends its own name.
#[derive(Deserialize)]
pub struct Form {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(flatten)]
    boxes: std::collections::BTreeMap<String, String>,
}

impl Form {
    fn roles(&self) -> Result<Roles, AccessError> {
        let ticked = self.boxes.keys().filter_map(|word| Role::from_word(word)).collect();
        Roles::new(ticked).map_err(|error| AccessError::Field {
            field: "role",
            because: format!("is missing: {error}"),
        })
    }

    /// Where they work: the sites that are ticked; none for every site, which is said and not left
    /// out.
    fn sites(&self) -> Result<Vec<SiteId>, AccessError> {
        let named = self.boxes.keys().filter_map(|name| name.strip_prefix("site-"));
        let sites: Vec<SiteId> = named.filter_map(|id| id.parse().ok()).collect();
        match (self.boxes.get("where").map(String::as_str), &*sites) {
            (Some("every"), _) => Ok(Vec::new()),
            (Some("some"), [_, ..]) => Ok(sites),
            _ => Err(AccessError::Field {
                field: "site",
                because: "is missing: tick the sites they work at, or choose every site".to_owned(),
            }),
        }
    }
}

/// `POST /staff`: invite somebody; the link is shown once.
pub async fn invite(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.may.actor());
    let (name, email) = (form.name.clone(), form.email.clone());
    let asked = form.roles().and_then(|roles| Ok((roles, form.sites()?)));
    let invited: Result<(StaffId, Secret), AccessError> = match asked {
        Err(error) => Err(error),
        Ok((roles, sites)) => {
            let new = NewStaff { name: form.name, email: form.email, roles, sites };
            doors.db().write(move |tx| staff::invite(tx, &office, &new, actor)).await
        }
    };
    match invited {
        Ok((_, secret)) => Ok(show_link(&doors, &may.may, (name, &secret))),
        Err(error) => {
            let (status, words) = words_of(&error);
            show(&doors, &may.may, (status, Some(words)), (name, email)).await
        }
    }
}

fn show_link<D>(doors: &Doors, may: &May<D>, (name, secret): (String, &Secret)) -> Response {
    let frame = Frame::of(doors, &may.signed_in).at("/staff");
    let link = link(doors, secret);
    html(StatusCode::OK, &Invited { frame, name, link })
}

fn link(doors: &Doors, secret: &Secret) -> String {
    let path = format!("/invite/{}", secret.reveal());
    let origin = doors.pages().origin.as_ref();
    origin.map_or(path.clone(), |origin| format!("{}{path}", origin.as_str().trim_end_matches('/')))
}

/// Something done to somebody else; nobody changes their own standing.
async fn to_another<T: Send + 'static>(
    doors: &Doors,
    may: &May<ManageStaff>,
    id: Uuid,
    deed: impl FnOnce(&mut Tx<'_>, &Office, &Staff) -> Result<T, AccessError> + Send + 'static,
) -> Result<T, Response> {
    let (office, me) = (doors.office().clone(), may.signed_in.staff.id);
    let done = doors
        .db()
        .write(move |tx| {
            let other = staff::get(tx, &office, StaffId(id))?.ok_or(AccessError::NoSuchStaff)?;
            if other.id == me {
                return Err(AccessError::NotNow("nobody changes their own roles or standing"));
            }
            deed(tx, &office, &other)
        })
        .await;
    done.map_err(|error| error_page(&error))
}

/// `POST /staff/{id}/roles`.
pub async fn set_roles(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path(id): Path<Uuid>,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let roles = form.roles().map_err(|error| error_page(&error))?;
    let actor = may.may.actor();
    let deed = move |tx: &mut Tx<'_>, office: &Office, other: &Staff| {
        staff::set_roles(tx, office, (other.id, &roles), actor)
    };
    to_another(&doors, &may.may, id, deed).await?;
    Ok(see_other("/staff"))
}

/// The day somebody was trained.
#[derive(Deserialize)]
pub struct TrainingForm {
    #[serde(default)]
    on: String,
}

/// `POST /staff/{id}/training`.
pub async fn record_training(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path(id): Path<Uuid>,
    Filled(form): Filled<TrainingForm>,
) -> Result<Response, Response> {
    let actor = may.may.actor();
    let deed = move |tx: &mut Tx<'_>, office: &Office, other: &Staff| {
        let on = form.on.parse().map_err(|_| AccessError::Field {
            field: "day of training",
            because: "must be a date".to_owned(),
        })?;
        training::record(tx, office, (other.id, on), actor)
    };
    to_another(&doors, &may.may, id, deed).await?;
    Ok(see_other("/staff"))
}

/// For how many days training counts; empty: it is not asked for.
#[derive(Deserialize)]
pub struct DaysForm {
    #[serde(default)]
    days: String,
}

/// `POST /staff/training`: whether a role wants training, and how old it may be.
pub async fn ask_training(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Filled(form): Filled<DaysForm>,
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.may.actor());
    let days = match form.days.trim() {
        "" => None,
        // What is no number is none of those allowed.
        text => Some(text.parse().unwrap_or(0)),
    };
    let asked: Result<(), AccessError> =
        doors.db().write(move |tx| training::ask(tx, &office, days, actor)).await;
    asked.map_err(|error| error_page(&error))?;
    Ok(see_other("/staff"))
}

/// `POST /staff/{id}/sites`.
pub async fn set_sites(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path(id): Path<Uuid>,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let sites = form.sites().map_err(|error| error_page(&error))?;
    let actor = may.may.actor();
    let deed = move |tx: &mut Tx<'_>, office: &Office, other: &Staff| {
        staff::set_sites(tx, office, (other.id, &sites), actor)
    };
    to_another(&doors, &may.may, id, deed).await?;
    Ok(see_other("/staff"))
}

/// `POST /staff/{id}/disable`.
pub async fn disable(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path(id): Path<Uuid>,
) -> Result<Response, Response> {
    let actor = may.may.actor();
    let deed = move |tx: &mut Tx<'_>, office: &Office, other: &Staff| {
        staff::disable(tx, office, other.id, actor)
    };
    to_another(&doors, &may.may, id, deed).await?;
    Ok(see_other("/staff"))
}

/// `POST /staff/{id}/enable`.
pub async fn enable(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path(id): Path<Uuid>,
) -> Result<Response, Response> {
    let actor = may.may.actor();
    let deed = move |tx: &mut Tx<'_>, office: &Office, other: &Staff| {
        staff::enable(tx, office, other.id, actor)
    };
    to_another(&doors, &may.may, id, deed).await?;
    Ok(see_other("/staff"))
}

/// `POST /staff/{id}/devices/{device}/wipe`: a device that somebody lost and can no longer wipe
/// themselves.
pub async fn wipe_device(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path((id, device)): Path<(Uuid, Uuid)>,
) -> Result<Response, Response> {
    let which = (StaffId(id), DeviceId(device));
    let wiped = devices::wipe(doors.db(), doors.office(), which, may.may.actor()).await;
    match wiped.map_err(|error| error_page(&error))? {
        true => Ok(see_other("/staff")),
        false => Err(error_page(&AccessError::NotNow("that browser is wiped already, or gone"))),
    }
}

/// `POST /staff/{id}/invite`: a new link. Another administrator's comes from the command line
/// alone, so that one administrator cannot become another.
pub async fn invite_again(
    State(doors): State<Doors>,
    may: MayRecently<ManageStaff>,
    Path(id): Path<Uuid>,
) -> Result<Response, Response> {
    let actor = may.may.actor();
    let deed = move |tx: &mut Tx<'_>, office: &Office, other: &Staff| {
        if other.roles.need_passkey() {
            return Err(AccessError::NotNow(
                "their role is too far-reaching for that: `sotto staff invite --again` on the \
                 server makes the link",
            ));
        }
        let secret = staff::invite_again(tx, office, other.id, actor)?;
        Ok((other.named.name.clone(), secret))
    };
    let (name, secret) = to_another(&doors, &may.may, id, deed).await?;
    Ok(show_link(&doors, &may.may, (name, &secret)))
}
