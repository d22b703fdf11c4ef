//! The message resource of the HTTP carrier.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Json;
use axum::extract::{ConnectInfo, Form, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONNECTION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::HttpConfig;
use super::webhook::word;
use super::wire::Peer;
use crate::courier::Courier;
use crate::faults::{Channel, Fault};
use crate::number::same_address;
use crate::record::{DeliveryState, Outcome, Record, Text};
use crate::world::{Sent, World};

/// Longest text that is taken (21617 beyond).
const LONGEST_TEXT: usize = 1600;

pub(super) struct Door {
    pub(super) config: HttpConfig,
    pub(super) world: Arc<World>,
    pub(super) courier: Arc<Courier>,
    pub(super) cancel: CancellationToken,
}

/// A refusal: HTTP status, the carrier's code, words.
struct Refusal(StatusCode, u32, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = json!({
            "code": code, "message": message, "more_info": info, "status": status.as_u16(),
        });
        (status, Json(body)).into_response()
    }
}

const NOT_ALLOWED: Refusal = Refusal(StatusCode::UNAUTHORIZED, 20003, "Authenticate");
const NO_SUCH: Refusal = Refusal(StatusCode::NOT_FOUND, 20404, "The resource was not found");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NewMessage {
    to: Option<String>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    body: Option<String>,
    status_callback: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    to: Option<String>,
}

impl Door {
    fn admits(&self, account: &str, headers: &HeaderMap) -> bool {
        let wanted = format!("{}:{}", self.config.account_sid, self.config.auth_token);
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Basic "));
        let given = given.and_then(|value| STANDARD.decode(value.trim()).ok()).unwrap_or_default();
        account == self.config.account_sid
            && verify_slices_are_equal(wanted.as_bytes(), &given).is_ok()
    }

    /// The message as the carrier shows it, with what it has since said of it.
    fn show(&self, record: &Record, text: &Text) -> Value {
        let sid = text.ids.first().map(String::as_str).unwrap_or_default();
        let told = record.receipts_for(sid).max_by_key(|r| r.state != DeliveryState::OnItsWay);
        let status = match record.state_of(text, sid) {
            DeliveryState::OnItsWay if told.is_none() => "queued",
            state => word(state),
        };
        let error = told.and_then(|receipt| receipt.error);
        let account = &self.config.account_sid;
        json!({
            "sid": sid,
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": text.text,
            "date_created": date(text.at),
            "date_updated": date(told.map_or(text.at, |receipt| receipt.at)),
            "date_sent": told.map(|receipt| date(receipt.at)),
            "direction": "outbound-api",
            "error_code": error,
            "error_message": null,
            "from": text.from,
            "messaging_service_sid": null,
            "num_media": "0",
            "num_segments": smpp::count(&text.text).parts.to_string(),
            "price": null,
            "price_unit": "USD",
            "status": status,
            "to": text.to,
            "uri": format!("/2010-04-01/Accounts/{account}/Messages/{sid}.json"),
        })
    }
}

fn date(at: jiff::Timestamp) -> String {
    jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
}

pub(super) async fn create_message(
    State(door): State<Arc<Door>>,
    Path(account): Path<String>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Form(new): Form<NewMessage>,
) -> Response {
    if !door.admits(&account, &headers) {
        return NOT_ALLOWED.into_response();
    }
    let (to, from, body, callback) = match parse(new) {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal.into_response(),
    };
    let world = &door.world;
    let fault = world.meet(Channel::HttpSms, &to);
    let refusal = match fault {
        Some(Fault::Throttle) => {
            Some(Refusal(StatusCode::TOO_MANY_REQUESTS, 20429, "Too many requests"))
        }
        Some(Fault::Temporary) => {
            Some(Refusal(StatusCode::SERVICE_UNAVAILABLE, 20503, "Service unavailable"))
        }
        Some(Fault::Permanent) => Some(INVALID_TO),
        Some(Fault::OptedOut) => {
            let words = "Attempt to send to unsubscribed recipient";
            Some(Refusal(StatusCode::BAD_REQUEST, 21610, words))
        }
        _ => None,
    };
    let mut text = Text {
        at: world.clock.now(),
        channel: Channel::HttpSms,
        from,
        to,
        text: body,
        parts: 1,
        ids: Vec::new(),
        outcome: Outcome::Taken,
        fault,
    };
    if let Some(refusal) = refusal {
        text.outcome = Outcome::Refused(refusal.1.to_string());
        world.recorder.part_refused();
        world.recorder.text(text);
        return refusal.into_response();
    }
    if fault == Some(Fault::DropBeforeAccept) {
        peer.cut();
        return StatusCode::NO_CONTENT.into_response();
    }
    let sid = format!("SM{:032x}", world.new_message());
    text.ids.push(sid.clone());
    let shown = door.show(&Record::default(), &text);
    door.take(text, sid, callback).await;
    door.answer(fault, &peer, shown).await
}

const INVALID_TO: Refusal =
    Refusal(StatusCode::BAD_REQUEST, 21211, "The 'To' number is not a valid phone number");

type Parsed = (String, String, String, Option<String>);

fn parse(new: NewMessage) -> Result<Parsed, Refusal> {
    let bad = |code, words| Refusal(StatusCode::BAD_REQUEST, code, words);
    let to = new.to.filter(|to| !to.is_empty()).ok_or(bad(21604, "A 'To' number is required"))?;
    let digits = to.strip_prefix('+').unwrap_or_default();
    if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(INVALID_TO);
    }
    let from = new.from.or(new.messaging_service_sid).filter(|from| !from.is_empty());
    let from = from.ok_or(bad(21603, "A 'From' number or a messaging service is required"))?;
    let body = new.body.filter(|body| !body.is_empty()).ok_or(bad(21602, "A body is required"))?;
    if body.chars().count() > LONGEST_TEXT {
        return Err(bad(21617, "The body is longer than 1600 characters"));
    }
    Ok((to, from, body, new.status_callback.filter(|url| !url.is_empty())))
}

impl Door {
    async fn take(&self, text: Text, sid: String, callback: Option<String>) {
        let world = &self.world;
        let fault = text.fault;
        world.recorder.part_taken(true);
        if !fault.is_some_and(Fault::keeps_from_the_phone) {
            world.heard(Channel::HttpSms, &text.from, &text.to, &text.text);
        }
        let sent = Sent {
            channel: Channel::HttpSms,
            message_id: sid,
            from: text.from.clone(),
            to: text.to.clone(),
            callback,
            delay: self.config.receipt_delay,
            tells_progress: true,
        };
        world.recorder.text(text);
        if sent.callback.is_none() {
            return;
        }
        if fault == Some(Fault::ReceiptBeforeAnswer) {
            let now = world.clock.now();
            let receipt = sent.receipt(DeliveryState::Delivered, None, now);
            self.courier.carry(world.prepare(now, receipt)).await;
        } else {
            world.plan_receipts(sent, fault);
        }
    }

    async fn answer(&self, fault: Option<Fault>, peer: &Peer, shown: Value) -> Response {
        let mut response = (StatusCode::CREATED, Json(shown)).into_response();
        match fault {
            Some(Fault::DropBeforeAnswer) => peer.cut(),
            Some(Fault::GarbageBytes) => peer.garble(),
            Some(Fault::DropAfterAnswer) => {
                let close = axum::http::HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Some(Fault::AcceptAndNeverAnswer | Fault::HalfOpen) => {
                self.cancel.cancelled().await;
                peer.cut();
            }
            _ => {}
        }
        response
    }
}

pub(super) async fn fetch_message(
    State(door): State<Arc<Door>>,
    Path((account, sid)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if !door.admits(&account, &headers) {
        return NOT_ALLOWED.into_response();
    }
    if !door.config.shows_messages {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let sid = sid.strip_suffix(".json").unwrap_or(&sid);
    let found = door.world.recorder.look(|record| {
        let text = record.known(Channel::HttpSms, sid)?;
        Some(door.show(record, text))
    });
    found.map_or_else(|| NO_SUCH.into_response(), |message| Json(message).into_response())
}

/// The newest fifty, as one page: enough for a client that settles an uncertain message.
pub(super) async fn list_messages(
    State(door): State<Arc<Door>>,
    Path(account): Path<String>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Response {
    if !door.admits(&account, &headers) {
        return NOT_ALLOWED.into_response();
    }
    let messages: Vec<Value> = door.world.recorder.look(|record| {
        let taken = record.texts.iter().rev().filter(|text| {
            text.channel == Channel::HttpSms
                && text.outcome == Outcome::Taken
                && filter.to.as_ref().is_none_or(|to| same_address(to, &text.to))
        });
        taken.take(50).map(|text| door.show(record, text)).collect()
    });
    let page = json!({
        "messages": messages, "page": 0, "page_size": 50, "next_page_uri": null,
    });
    Json(page).into_response()
}
