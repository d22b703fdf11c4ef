//! The HTTP carrier, met by a client in raw octets.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{PATIENT, PRACTICE, REMINDER, later, still_world};
use crate::{
    Behaviour, Channel, Fault, HttpConfig, NotDelivered, Persona, Twin, TwinConfig,
    webhook_signature,
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// base64 of the account sid, a colon and `twin-auth-token`.
const BASIC: &str = "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0d2luLWF1dGgtdG9rZW4=";

async fn carrier(patients: Vec<Persona>) -> Twin {
    let http = Some(HttpConfig::default());
    still_world(TwinConfig { http, patients, ..TwinConfig::default() }).await
}

/// Status (0 if the connection ended without an answer, 1 if it was no HTTP) and body.
async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    auth: &str,
    form: &str,
) -> (u16, Value) {
    let mut io = TcpStream::connect(address).await.unwrap();
    let text = format!(
        "{method} /2010-04-01/Accounts/{ACCOUNT}{path} HTTP/1.1\r\nHost: twin\r\n\
         Authorization: Basic {auth}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    io.write_all(text.as_bytes()).await.unwrap();
    let mut octets = Vec::new();
    // A broken connection is part of the answer here.
    let _ = io.read_to_end(&mut octets).await;
    if octets.is_empty() {
        return (0, Value::Null);
    }
    let answer = String::from_utf8_lossy(&octets).into_owned();
    let Some(status) = answer.strip_prefix("HTTP/1.1 ") else { return (1, Value::Null) };
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    (status[..3].parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn post(twin: &Twin, form: &str) -> (u16, Value) {
    request(twin.http_address().unwrap(), "POST", "/Messages.json", BASIC, form).await
}

fn escaped(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

fn form(to: &str, body: &str, callback: Option<&str>) -> String {
    let callback = callback.map(|url| format!("&StatusCallback={}", escaped(url)));
    format!(
        "To={}&From={}&Body={}{}",
        escaped(to),
        escaped(PRACTICE),
        escaped(body),
        callback.unwrap_or_default()
    )
}

/// Takes one request on this listener and answers it; gives path, signature and form.
async fn hook(listener: &TcpListener, status: u16) -> (String, String, Vec<(String, String)>) {
    let (mut io, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    let (head, body) = loop {
        let mut octets = [0; 4096];
        let read = io.read(&mut octets).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(std::str::from_utf8(&octets[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.map(|n| n.trim().parse::<usize>().unwrap()) == Some(body.len()) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let answer = format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    io.write_all(answer.as_bytes()).await.unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let signature = head
        .lines()
        .find_map(|line| {
            line.to_lowercase().starts_with("x-twilio-signature: ").then(|| line[20..].to_owned())
        })
        .unwrap_or_default();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let form = pairs.map(|(name, value)| (unescaped(name), unescaped(value))).collect();
    (path, signature, form)
}

fn unescaped(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        octets.push(match first {
            b'+' => b' ',
            b'%' => {
                let hex = std::str::from_utf8(&rest[..2]).unwrap();
                rest = &rest[2..];
                u8::from_str_radix(hex, 16).unwrap()
            }
            other => *other,
        });
    }
    String::from_utf8(octets).unwrap()
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
}

#[tokio::test]
async fn a_message_is_taken_and_its_states_are_called_back_signed() {
    let twin = carrier(Vec::new()).await;
    let hooks = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/status?m=1", hooks.local_addr().unwrap());
    let (status, message) = post(&twin, &form(PATIENT, REMINDER, Some(&url))).await;
    assert_eq!((status, message["status"].as_str()), (201, Some("queued")));
    let sid = message["sid"].as_str().unwrap();
    assert_eq!((sid.len(), &sid[..2]), (34, "SM"));
    assert_eq!(message["num_segments"], "1");
    later(&twin);
    // Two errands at once: which arrives first is the network's affair.
    let mut words = Vec::new();
    for _ in 0..2 {
        let (path, signature, form) = hook(&hooks, 204).await;
        assert_eq!(path, "/status?m=1");
        assert_eq!(signature, webhook_signature("twin-auth-token", &url, &form));
        assert_eq!((field(&form, "MessageSid"), field(&form, "To")), (sid, PATIENT));
        words.push(field(&form, "MessageStatus").to_owned());
    }
    words.sort();
    assert_eq!(words, ["delivered", "sent"]);
    twin.until(|record| record.counts.receipts_acked == 2).await;
    let path = format!("/Messages/{sid}.json");
    let address = twin.http_address().unwrap();
    let (status, message) = request(address, "GET", &path, BASIC, "").await;
    assert_eq!((status, message["status"].as_str()), (200, Some("delivered")));
    assert_eq!(twin.record().texts[0].text, REMINDER);
    twin.shutdown().await;
}

#[tokio::test]
async fn bad_requests_have_the_carriers_codes() {
    let twin = carrier(Vec::new()).await;
    let address = twin.http_address().unwrap();
    let (status, body) = request(address, "POST", "/Messages.json", "d3Jvbmc6", "To=x").await;
    assert_eq!((status, body["code"].as_u64()), (401, Some(20003)));
    for (form, code) in [
        (form("", "x", None), 21604),
        (form("5550100", "x", None), 21211),
        (form("+1206555ABCD", "x", None), 21211),
        (format!("To={}&Body=x", escaped(PATIENT)), 21603),
        (form(PATIENT, "", None), 21602),
        (form(PATIENT, &"x".repeat(1601), None), 21617),
    ] {
        let (status, body) = post(&twin, &form).await;
        assert_eq!((status, body["code"].as_u64()), (400, Some(code)), "{code}");
    }
    assert_eq!(post(&twin, &"x".repeat(70_000)).await.0, 413);
    let (status, body) = request(address, "GET", "/Messages/SMnone.json", BASIC, "").await;
    assert_eq!((status, body["code"].as_u64()), (404, Some(20404)));
    assert_eq!(twin.record().texts, []);
    twin.shutdown().await;
}

#[tokio::test]
async fn scripted_faults_refuse_or_break_the_connection() {
    let twin = carrier(Vec::new()).await;
    for (fault, status, code, taken) in [
        (Fault::Throttle, 429, Some(20429), 0),
        (Fault::Temporary, 503, Some(20503), 0),
        (Fault::Permanent, 400, Some(21211), 0),
        (Fault::OptedOut, 400, Some(21610), 0),
        (Fault::DropBeforeAccept, 0, None, 0),
        (Fault::DropBeforeAnswer, 0, None, 1),
        (Fault::GarbageBytes, 1, None, 1),
        (Fault::DropAfterAnswer, 201, None, 1),
    ] {
        let before = twin.look(|record| record.counts.texts);
        twin.faults().next(Channel::HttpSms, fault);
        let (got, body) = post(&twin, &form(PATIENT, "hello", None)).await;
        assert_eq!((got, body["code"].as_u64()), (status, code), "{fault:?}");
        assert_eq!(twin.look(|record| record.counts.texts) - before, taken, "{fault:?}");
    }
    twin.block(PATIENT);
    let (_, body) = post(&twin, &form(PATIENT, "hello", None)).await;
    assert_eq!(body["code"].as_u64(), Some(21610));
    twin.shutdown().await;
}

#[tokio::test]
async fn an_uncertain_message_can_be_looked_up() {
    let twin = carrier(Vec::new()).await;
    twin.faults().next(Channel::HttpSms, Fault::DropBeforeAnswer);
    assert_eq!(post(&twin, &form(PATIENT, "hello", None)).await.0, 0);
    let path = format!("/Messages.json?To={}", escaped(PATIENT));
    let address = twin.http_address().unwrap();
    let (status, page) = request(address, "GET", &path, BASIC, "").await;
    assert_eq!(status, 200);
    let messages = page["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["body"], "hello");
    twin.shutdown().await;
}

#[tokio::test]
async fn a_failed_delivery_names_its_error_and_a_failed_callback_is_repeated() {
    let twin = carrier(Vec::new()).await;
    let hooks = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/status", hooks.local_addr().unwrap());
    let why = NotDelivered::Unreachable;
    twin.faults().next(Channel::HttpSms, Fault::FailedReceipt { why });
    post(&twin, &form(PATIENT, "hello", Some(&url))).await;
    later(&twin);
    let mut finals = Vec::new();
    for status in [500, 500, 204, 204] {
        let (_, _, form) = hook(&hooks, status).await;
        finals
            .push((field(&form, "MessageStatus").to_owned(), field(&form, "ErrorCode").to_owned()));
        if finals.len() == 2 {
            // Both were answered with 500, and wait for their second try.
            while twin.pending() < 2 {
                tokio::task::yield_now().await;
            }
            later(&twin);
        }
    }
    finals.sort();
    finals.dedup();
    let expected = [("sent".into(), String::new()), ("undelivered".into(), "30003".into())];
    assert_eq!(finals, expected);
    twin.until(|record| record.counts.receipts_acked == 2).await;
    twin.shutdown().await;
}

#[tokio::test]
async fn patients_texts_are_posted_to_the_webhook_signed() {
    let says = Behaviour::Says(vec!["sí, ahí estaré 👍".to_owned()]);
    let twin = carrier(vec![Persona::mobile(PATIENT, says)]).await;
    let hooks = TcpListener::bind("127.0.0.1:0").await.unwrap();
    twin.web_to(hooks.local_addr().unwrap());
    let url = "https://clinic.example.com/carriers/twilio/inbound";
    twin.inbound_webhook(url);
    post(&twin, &form(PATIENT, REMINDER, None)).await;
    later(&twin);
    let (path, signature, form) = hook(&hooks, 200).await;
    assert_eq!(path, "/carriers/twilio/inbound");
    assert_eq!(signature, webhook_signature("twin-auth-token", url, &form));
    assert_eq!((field(&form, "From"), field(&form, "To")), (PATIENT, PRACTICE));
    assert_eq!(field(&form, "Body"), "sí, ahí estaré 👍");
    twin.until(|record| record.counts.replies_acked == 1).await;
    twin.shutdown().await;
}
