//! The cookies: the session, the browser that is known again; and, for patients, their stay at the
//! window, the proof on its way there, and the language. None is readable by scripts.
//! Behind HTTPS they are bound to this very host (`__Host-`, ASVS 3.3.1, 3.3.3); over plain HTTP,
//! which only this machine itself is served by, a browser would not keep such a one.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::access::sessions::Begun;
use crate::access::tokens::{Secret, digest_of};
use crate::http::Doors;
use crate::ids::WindowSessionId;

/// A session's cookie outlives no session.
const SESSION_SECONDS: u32 = 12 * 3600;
/// A stay at the window is over by then.
const STAY_SECONDS: u32 = 3600;
/// A code is over by then.
const PROOF_SECONDS: u32 = 600;
/// The answer of a passkey is too late by then.
const PHONE_SECONDS: u32 = 300;
/// The longest that browsers keep one.
const DEVICE_SECONDS: u32 = 400 * 24 * 3600;

/// Which cookie.
pub(in crate::http) enum Name {
    /// Somebody who works here.
    Session,
    /// Their browser.
    Device,
    /// A patient's stay at the window.
    Stay,
    /// A browser that asked for a code.
    Proof,
    /// A browser that was asked for a passkey at the window.
    Phone,
    /// In which stay it was offered to remember this browser.
    Offered,
    /// The language in which the window speaks: `en` or `es`.
    Language,
}

fn name(doors: &Doors, which: &Name) -> &'static str {
    match (which, doors.over_https()) {
        (Name::Session, true) => "__Host-sotto",
        (Name::Session, false) => "sotto",
        (Name::Device, true) => "__Host-sotto-device",
        (Name::Device, false) => "sotto-device",
        (Name::Stay, true) => "__Host-sotto-window",
        (Name::Stay, false) => "sotto-window",
        (Name::Proof, true) => "__Host-sotto-proof",
        (Name::Proof, false) => "sotto-proof",
        (Name::Phone, true) => "__Host-sotto-phone",
        (Name::Phone, false) => "sotto-phone",
        (Name::Offered, true) => "__Host-sotto-offered",
        (Name::Offered, false) => "sotto-offered",
        (Name::Language, true) => "__Host-sotto-language",
        (Name::Language, false) => "sotto-language",
    }
}

/// The digests of the session's and the device's token, as far as they came along.
pub(super) fn digests(doors: &Doors, headers: &HeaderMap) -> (Option<[u8; 32]>, Option<[u8; 32]>) {
    let of = |which| sent(headers, name(doors, &which)).map(digest_of);
    (of(Name::Session), of(Name::Device))
}

/// The digest of a token that came along.
pub(in crate::http) fn digest(
    doors: &Doors,
    headers: &HeaderMap,
    which: &Name,
) -> Option<[u8; 32]> {
    sent(headers, name(doors, which)).map(digest_of)
}

/// The language that this browser chose before.
pub(in crate::http) fn language<'a>(doors: &Doors, headers: &'a HeaderMap) -> Option<&'a str> {
    only(headers, name(doors, &Name::Language))
}

/// In which stay it was offered to remember this browser.
pub(in crate::http) fn offered<'a>(doors: &Doors, headers: &'a HeaderMap) -> Option<&'a str> {
    only(headers, name(doors, &Name::Offered))
}

/// A token, which has its length.
fn sent<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    only(headers, name).filter(|value| (40..=64).contains(&value.len()))
}

/// Several of one name are nobody's: a neighbour may have planted one.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn set(doors: &Doors, to: &mut HeaderMap, which: &Name, (value, seconds): (&str, u32)) {
    let secure = if doors.over_https() { "; Secure" } else { "" };
    let name = name(doors, which);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    // Base64 and digits always make a header.
    if let Ok(value) = HeaderValue::from_str(&text) {
        to.append(header::SET_COOKIE, value);
    }
}

/// Hands over a patient's token, for as long as it can be good.
pub(in crate::http) fn hand_over(doors: &Doors, to: &mut HeaderMap, which: &Name, token: &Secret) {
    let seconds = match which {
        Name::Proof => PROOF_SECONDS,
        Name::Phone => PHONE_SECONDS,
        _ => STAY_SECONDS,
    };
    set(doors, to, which, (token.reveal(), seconds));
}

/// Remembers the language, a word of ours.
pub(in crate::http) fn remember(doors: &Doors, to: &mut HeaderMap, language: &'static str) {
    set(doors, to, &Name::Language, (language, DEVICE_SECONDS));
}

/// Remembers that it was offered in this stay.
pub(in crate::http) fn offer(doors: &Doors, to: &mut HeaderMap, stay: WindowSessionId) {
    set(doors, to, &Name::Offered, (&stay.to_string(), DEVICE_SECONDS));
}

/// Takes a cookie back.
pub(in crate::http) fn take_back(doors: &Doors, to: &mut HeaderMap, which: &Name) {
    set(doors, to, which, ("", 0));
}

/// Hands over what belongs to a session that has begun.
pub(super) fn begun(doors: &Doors, to: &mut HeaderMap, begun: &Begun) {
    set(doors, to, &Name::Session, (begun.token.reveal(), SESSION_SECONDS));
    if let Some(device) = begun.device.as_ref().map(Secret::reveal) {
        set(doors, to, &Name::Device, (device, DEVICE_SECONDS));
    }
}

/// Takes the session's cookie back.
pub(super) fn ended(doors: &Doors, to: &mut HeaderMap) {
    set(doors, to, &Name::Session, ("", 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_once_and_only_where_it_can_be_one() {
        let token = "A".repeat(43);
        for (lines, found) in [
            (vec![format!("a=b; sotto={token}")], true),
            (vec!["a=b".to_owned(), format!("sotto={token}")], true),
            (vec![format!("sotto={token}; sotto={token}")], false),
            (vec!["sotto=short".to_owned()], false),
            (vec![format!("sotto-device={token}")], false),
            (vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            assert_eq!(sent(&headers, "sotto").is_some(), found, "{lines:?}");
        }
    }
}
