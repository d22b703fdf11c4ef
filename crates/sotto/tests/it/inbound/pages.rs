//! Pages about emergencies, over a real socket.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::SignedDuration;
use sotto::inbound::pager::{Paged, Pager, Webhook, tick};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::clinic::{Clinic, staff};
use crate::on_both_engines;

const KEY: &[u8] = b"twenty-four bytes at least";

/// Takes one request, answers with a status, gives the request back.
pub(crate) async fn one_request(listener: &TcpListener, status: &str) -> String {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut got = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n = socket.read(&mut chunk).await.unwrap();
        got.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&got).into_owned();
        let length = header(&text, "content-length").and_then(|l| l.parse::<usize>().ok());
        if let (Some((_, body)), Some(length)) = (text.split_once("\r\n\r\n"), length)
            && body.len() >= length
        {
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
            return text;
        }
    }
}

fn header(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

on_both_engines! {
    async fn an_emergency_is_paged_until_a_person_closes_it(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550170";
        clinic.patient("Ana", "en", phone).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/page", listener.local_addr().unwrap());
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(KEY));
        assert!(Webhook::new(&url, &["secret"]).is_err());
        assert!(Webhook::new("http://pager.example.com/", &[&secret]).is_err());
        let pager = Pager::Webhook(Box::new(Webhook::new(&url, &[&secret]).unwrap()));
        let mut paged = Paged::default();
        let (db, office) = (&clinic.db.db, &clinic.office);
        assert_eq!(tick(db, office, &pager, &mut paged).await.unwrap(), 0);
        clinic.text(phone, "my chest hurts and my arm is numb").await;
        // Refused by the webhook: tried again at the next look.
        let (went, _) = tokio::join!(
            tick(db, office, &pager, &mut paged), one_request(&listener, "500 No"),
        );
        assert_eq!(went.unwrap(), 0);
        let (went, request) = tokio::join!(
            tick(db, office, &pager, &mut paged), one_request(&listener, "204 Yes"),
        );
        assert_eq!(went.unwrap(), 1);
        let body = request.split_once("\r\n\r\n").unwrap().1;
        let id = header(&request, "webhook-id").unwrap();
        let at = header(&request, "webhook-timestamp").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
        let tag = BASE64_STANDARD.encode(hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes()));
        assert_eq!(header(&request, "webhook-signature").unwrap(), format!("v1,{tag}"));
        assert!(!body.contains("Ana") && !body.contains("chest") && !body.contains("555"), "{body}");
        // The same rung is not paged twice; the next one is, and a closed task never.
        assert_eq!(tick(db, office, &pager, &mut paged).await.unwrap(), 0);
        clinic.office.clock().advance(SignedDuration::from_mins(5));
        let (went, request) = tokio::join!(
            tick(db, office, &pager, &mut paged), one_request(&listener, "200 OK"),
        );
        assert_eq!(went.unwrap(), 1);
        assert!(request.contains("\"rung\":1"), "{request}");
        let task = clinic.tasks().await.remove(0);
        clinic.write(move |tx, office| {
            use sotto::conversations::tasks::{TaskOutcome, complete};
            complete(tx, office, task.id, TaskOutcome::Spoke, &staff()).unwrap();
        }).await;
        clinic.office.clock().advance(SignedDuration::from_mins(5));
        assert_eq!(tick(db, office, &pager, &mut paged).await.unwrap(), 0);
        clinic.is_proved().await;
    }
}
