//! `/settings`: when the office is open ([`hours`]), who carries what under which agreement
//! ([`carriers`]), what may be said where, and the programs that may come in.

pub mod carriers;
pub mod forms;
pub mod hours;
pub mod retention;
pub(super) mod standing;
pub mod vendors;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Category, Channel, Verdict};
use guard::Level;
use serde::Deserialize;
use uuid::Uuid;

use self::carriers::Carrier;
use self::hours::Line;
use super::page::{Filled, Frame, PageError, failed, html, see_other, sentence};
use super::reading::level_words;
use super::signed_in::{ChangeSettings, May, MayRecently};
use super::words::{When, channel_words};
use crate::access::tokens::{self, NewToken, Scope, Secret, TokenError};
use crate::audit::{Event, Kind as Deed};
use crate::compose::neutral_name::{self, NameError};
use crate::db::{Tx, api_token};
use crate::http::Doors;
use crate::http::params::Path;
use crate::ids::TokenId;
use crate::office::Office;

/// The channels of the matrix.
const CHANNELS: [Channel; 5] =
    [Channel::Sms, Channel::Email, Channel::Voicemail, Channel::RinglessVoicemail, Channel::Portal];

struct Row {
    level: &'static str,
    cells: Vec<Cell>,
}

struct Cell {
    channel: &'static str,
    words: &'static str,
    tone: &'static str,
}

struct TokenLine {
    id: String,
    name: String,
    scopes: String,
    until: When,
    good: bool,
}

#[derive(Template)]
#[template(path = "console/settings.html")]
struct Page {
    frame: Frame,
    error: Option<String>,
    name: String,
    phone: String,
    places: Vec<Line>,
    carriers: Vec<Carrier>,
    channels: Vec<&'static str>,
    matrix: Vec<Row>,
    tokens: Vec<TokenLine>,
    scopes: Vec<&'static str>,
    longest: u16,
}

#[derive(Template)]
#[template(path = "console/token.html")]
struct Made {
    frame: Frame,
    name: String,
    secret: String,
}

/// `GET /settings`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
) -> Result<Response, Response> {
    show(&doors, &may, None).await
}

async fn show(
    doors: &Doors,
    may: &May<ChangeSettings>,
    error: Option<String>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| -> Result<_, PageError> {
        let tokens = api_token::list(tx, office.practice())?;
        Ok((hours::lines(tx, &office, None)?, carriers::carriers(tx, &office)?, tokens))
    };
    let (places, carriers, tokens) = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let office = doors.office();
    let (now, zone) = (office.clock().now(), office.profile().timezone.clone());
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page {
        frame: Frame::of(doors, &may.signed_in).at("/settings"),
        error,
        name: office.profile().display_name.clone(),
        phone: office.profile().phone.clone(),
        places,
        carriers,
        channels: CHANNELS.iter().map(|channel| channel_words(channel.as_str())).collect(),
        matrix: matrix(office),
        tokens: tokens
            .into_iter()
            .map(|token| TokenLine {
                id: token.id.to_string(),
                good: token.is_good(now),
                scopes: token.scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", "),
                until: When::new(token.expires_at, now, &zone),
                name: token.name,
            })
            .collect(),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str()).collect(),
        longest: tokens::MOST_DAYS,
    };
    Ok(html(status, &page))
}

/// What the policy in force lets each channel carry, of the least guarded category of each level.
fn matrix(office: &Office) -> Vec<Row> {
    let policy = office.policy();
    let of = |channel, level| {
        let verdicts = Category::ALL.iter().map(|c| policy.verdict(channel, level, *c, false));
        let (mut least, mut most) = (Verdict::Block, Verdict::Pass);
        for verdict in verdicts {
            least = least.min(verdict);
            most = most.max(verdict);
        }
        match (least, most) {
            (Verdict::Pass, Verdict::Pass) => ("goes", "ok"),
            (Verdict::NeedsConsent, Verdict::NeedsConsent) => ("with consent", "wait"),
            (Verdict::Block, Verdict::Block) => ("never", "stop"),
            (Verdict::Pass, _) => ("depends on what it is", "wait"),
            _ => ("with consent, or never", "wait"),
        }
    };
    Level::ALL
        .iter()
        .map(|level| Row {
            level: level_words(*level),
            cells: CHANNELS
                .iter()
                .map(|channel| {
                    let (words, tone) = of(*channel, *level);
                    Cell { channel: channel_words(channel.as_str()), words, tone }
                })
                .collect(),
        })
        .collect()
}

/// A name, as somebody writes it.
#[derive(Deserialize)]
pub struct Named {
    #[serde(default)]
    name: String,
}

/// `POST /settings/name`: the name patients see; empty for the configuration file's.
pub async fn set_name(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
    Filled(form): Filled<Named>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let event = may.permit.of(Event::new(Deed::PracticeChanged, may.actor()));
    let name = Some(form.name.trim().to_owned()).filter(|name| !name.is_empty());
    let set = move |tx: &mut Tx<'_>| neutral_name::set(tx, &office, name.as_deref(), event);
    match doors.db().write(set).await {
        Ok(()) => {
            let office = doors.office().clone();
            let refreshed = doors.db().read(move |tx| office.refresh(tx)).await;
            refreshed.map_err(|error| failed(&error))?;
            Ok(see_other("/settings"))
        }
        Err(
            error @ (NameError::Value(_) | NameError::Reveals(_) | NameError::Templates { .. }),
        ) => show(&doors, &may, Some(sentence(&error.to_string()))).await,
        Err(error) => Err(failed(&error)),
    }
}

/// A token asked for: each ticked scope sends its own name.
#[derive(Deserialize)]
pub struct NewForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    days: String,
    #[serde(flatten)]
    boxes: BTreeMap<String, String>,
}

/// `POST /settings/tokens`: the secret is shown once.
pub async fn make_token(
    State(doors): State<Doors>,
    may: MayRecently<ChangeSettings>,
    Filled(form): Filled<NewForm>,
) -> Result<Response, Response> {
    let new = NewToken {
        name: form.name.clone(),
        scopes: form.boxes.keys().filter_map(|word| Scope::from_word(word)).collect(),
        days: form.days.trim().parse().unwrap_or(0),
    };
    let (office, actor) = (doors.office().clone(), may.may.actor());
    let made: Result<(tokens::Token, Secret), TokenError> =
        doors.db().write(move |tx| tokens::create(tx, &office, &new, actor)).await;
    match made {
        Ok((token, secret)) => Ok(html(
            StatusCode::OK,
            &Made {
                frame: Frame::of(&doors, &may.may.signed_in).at("/settings"),
                name: token.name,
                secret: secret.reveal().to_owned(),
            },
        )),
        Err(error @ (TokenError::Days | TokenError::NoScope | TokenError::Name)) => {
            let words = match error {
                TokenError::NoScope => "The token is good for nothing yet: tick what it may do.",
                TokenError::Days => "The days must be 1 to 90.",
                _ => "Name the program the token is for.",
            };
            show(&doors, &may.may, Some(words.to_owned())).await
        }
        Err(error) => Err(failed(&error)),
    }
}

/// `POST /settings/tokens/{id}/revoke`.
pub async fn revoke_token(
    State(doors): State<Doors>,
    may: MayRecently<ChangeSettings>,
    Path(id): Path<Uuid>,
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.may.actor());
    let revoked: Result<bool, TokenError> =
        doors.db().write(move |tx| tokens::revoke(tx, &office, TokenId(id), actor)).await;
    revoked.map_err(|error| failed(&error))?;
    Ok(see_other("/settings#tokens"))
}
