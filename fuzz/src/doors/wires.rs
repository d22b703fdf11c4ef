//! What carriers and mail servers send.

use std::time::Duration;

use bytes::Bytes;
use smpp::{
    Bind, BindKind, Concat, Delivered, Esme, EsmeEvent, Limits, MessageIdForm, Optional,
    Reassembler, Receipt, ReplyPart, Settings, Smsc, SmscEvent,
};
use sotto::channels::inbound_smtp::{self, InboundSmtpSettings};
use sotto::channels::twilio_webhook::{Form, WebhookError};
use sotto::channels::{CarrierEvent, OpaqueIds, ReceiptStatus, Secret, bounce};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Door, bytes, shows_nothing, shows_nothing_but, tells_nothing};

/// The doors of this family.
pub const DOORS: &[Door] = &[
    Door { name: "smpp_pdu", open: smpp_pdu, seeds: pdus },
    Door { name: "smpp_receipt", open: smpp_receipt, seeds: receipts },
    Door { name: "smpp_parts", open: smpp_parts, seeds: parts },
    Door { name: "bounce_mail", open: bounce_mail, seeds: || vec![mail().into_bytes()] },
    Door { name: "inbound_smtp", open: inbound_smtp, seeds: smtp_sessions },
    Door { name: "twilio_webhook", open: twilio_webhook, seeds: posts },
];

/// Any octets, in any pieces, into both ends of an SMPP session: taken if anything but the end
/// of the session came of them.
pub fn smpp_pdu(octets: &[u8]) -> bool {
    let now = Duration::ZERO;
    let bind = Bind {
        kind: BindKind::Transceiver,
        system_id: "s".into(),
        password: "p".into(),
        system_type: String::new(),
    };
    let Ok(mut esme) = Esme::connect(&bind, Settings::default(), now) else { return false };
    // The answer to the bind, so that deliveries are taken.
    esme.receive(&[0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0], now);
    while esme.next_event().is_some() {}
    let mut smsc = Smsc::new(Settings::default(), now);
    let mut parts = Reassembler::new(Limits::default());
    let (cut, octets) = octets.split_first().map_or((1, octets), |(c, o)| (usize::from(*c) + 1, o));
    let mut taken = false;
    for piece in octets.chunks(cut) {
        esme.receive(piece, now);
        smsc.receive(piece, now);
        while let Some(event) = esme.next_event() {
            let id = match &event {
                EsmeEvent::Bound { system_id } => system_id,
                EsmeEvent::Accepted { message_id, .. } => message_id,
                _ => "",
            };
            shows_nothing_but(id, &event);
            if let EsmeEvent::Delivery { message, .. } = event {
                taken = true;
                if let Delivered::Reply(part) = message.delivered() {
                    shows_nothing(&part);
                    parts.add(&part, now);
                }
            }
        }
        while let Some(event) = smsc.next_event() {
            let id = match &event {
                SmscEvent::BindRequested { bind, .. } => bind.system_id.as_str(),
                _ => "",
            };
            shows_nothing_but(id, &event);
            if let SmscEvent::BindRequested { sequence, bind } = event {
                taken = true;
                let _ = smsc.accept_bind(sequence, bind.kind, "s");
            }
        }
    }
    assert!(parts.held() <= Limits::default().octets);
    taken
}

/// A `deliver_sm` from a patient's phone.
fn deliver(esm_class: u8, data_coding: u8, text: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(b"\0\x01\x0116175550147\0\0\x0172404\0");
    body.extend_from_slice(&[esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0]);
    body.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    body.extend_from_slice(text);
    let length = u32::try_from(body.len() + 16).unwrap_or(u32::MAX);
    // The first octet is the size of the pieces.
    let mut pdu = vec![7];
    pdu.extend_from_slice(&length.to_be_bytes());
    pdu.extend_from_slice(&[0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2]);
    pdu.extend_from_slice(&body);
    pdu
}

fn pdus() -> Vec<Vec<u8>> {
    let mut bind = vec![200, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1];
    bind.extend_from_slice(b"practice\0Quillf\0\0\x34\0\0\0");
    bind[4] = u8::try_from(bind.len() - 1).unwrap_or(u8::MAX);
    let receipt = b"id:0A sub:001 dlvrd:001 submit date:2703010900 done date:2703010901 stat:DELIVRD err:000 text:Quillfeather";
    vec![
        bind,
        deliver(0, 0, b"C Quillfeather"),
        deliver(0x40, 8, b"\x05\0\x03\x07\x02\x01\0C"),
        deliver(4, 0, receipt),
    ]
}

/// Any text as a delivery receipt, and as a message id.
pub fn smpp_receipt(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let read = Receipt::parse(&text, &Optional::default());
    if let Some(receipt) = &read {
        shows_nothing_but(&receipt.id, receipt);
        assert!(receipt.id.len() <= 64);
        // What was read once reads the same again.
        let again = Receipt::parse(&receipt.to_text(), &Optional::default());
        assert_eq!(again.map(|r| (r.id, r.state)), Some((receipt.id.clone(), receipt.state)));
    }
    use MessageIdForm::{DecimalThenHex, HexThenDecimal, Same};
    assert_eq!(Same.of_submit(&text), Same.of_receipt(&text));
    let _ = (HexThenDecimal.of_receipt(&text), DecimalThenHex.of_receipt(&text));
    let number =
        octets.iter().take(16).fold(0_u128, |number, octet| number << 8 | u128::from(*octet));
    let (decimal, hex) = (number.to_string(), format!("{number:X}"));
    assert_eq!(HexThenDecimal.of_submit(&hex), HexThenDecimal.of_receipt(&decimal));
    assert_eq!(DecimalThenHex.of_submit(&decimal), DecimalThenHex.of_receipt(&hex));
    read.is_some()
}

fn receipts() -> Vec<Vec<u8>> {
    bytes(&[
        "id:0A1b sub:001 dlvrd:001 submit date:2703010900 done date:2703010901 stat:DELIVRD err:000 text:Quillfeather",
        "id:7 stat:UNDELIV err:051",
        "ID:99 STAT:REJECTD",
    ])
}

/// Parts of long texts, as (phone, reference, total, number, coding, length, octets): memory
/// stays within its bounds, whatever comes. Taken if a text became whole.
pub fn smpp_parts(octets: &[u8]) -> bool {
    let limits = Limits { age: Duration::from_secs(60), messages: 8, octets: 1_000 };
    let mut reassembler = Reassembler::new(limits);
    let mut rest = octets;
    let mut whole = false;
    let mut now = Duration::ZERO;
    while let Some(([phone, reference, total, number, coding, length], after)) =
        rest.split_first_chunk::<6>()
    {
        let (text, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        let from = smpp::Address::parse(&format!("+1617555{:04}", u16::from(*phone)));
        let (Ok(from), Ok(to)) = (from, smpp::Address::parse("72404")) else { return false };
        let concat = (*total > 1 && (1..=*total).contains(number)).then_some(Concat {
            reference: u16::from(*reference),
            total: *total,
            number: *number,
        });
        let octets = Bytes::copy_from_slice(text);
        let part = ReplyPart { from, to, concat, reference: None, data_coding: *coding, octets };
        let added = reassembler.add(&part, now);
        shows_nothing(&added);
        whole |= concat.is_some() && matches!(added, smpp::Added::Whole(_));
        assert!(reassembler.held() <= limits.octets);
        now += Duration::from_secs(u64::from(*reference));
    }
    reassembler.expire(now + limits.age);
    assert_eq!(reassembler.held(), 0);
    whole
}

fn parts() -> Vec<Vec<u8>> {
    vec![
        b"\x01\x07\x02\x02\x00\x02lo\x01\x07\x02\x01\x00\x03hel".to_vec(),
        b"\x01\x00\x02\x01\x08\x03\xd8\x3d\xde\x01\x00\x02\x02\x08\x01\x00".to_vec(),
    ]
}

/// Any octets as a returned mail. Taken if it is a report.
pub fn bounce_mail(octets: &[u8]) -> bool {
    let id = "00112233445566778899aabbccddeeff";
    let Some(receipt) = bounce::read(id, octets) else { return false };
    shows_nothing(&receipt);
    assert_eq!((receipt.carrier_id.as_str(), &receipt.to), (id, &None));
    let failed = matches!(
        receipt.status,
        ReceiptStatus::Undelivered | ReceiptStatus::Expired | ReceiptStatus::Complaint
    );
    assert_eq!(receipt.failure.is_some(), failed);
    true
}

fn mail() -> String {
    "From: MAILER-DAEMON@mx.example\r\nTo: b-00@bounce.example\r\nSubject: Returned\r\n\
     MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; \
     boundary=\"x\"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nSorry, Quillfeather.\r\n--x\r\n\
     Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
     Final-Recipient: rfc822; Quillfeather@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
     --x\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Hello\r\n\r\n--x--\r\n"
        .to_owned()
}

/// Any octets as a whole SMTP session: three digits before every line said, nothing of the
/// stranger's in it, and an event only for an id that can be ours. Taken if a mail was.
pub fn inbound_smtp(octets: &[u8]) -> bool {
    thread_local! {
        static RUNTIME: Option<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
    }
    RUNTIME.with(|runtime| runtime.as_ref().is_some_and(|r| r.block_on(smtp_session(octets))))
}

async fn smtp_session(octets: &[u8]) -> bool {
    let settings = InboundSmtpSettings {
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        name: "sotto.example".into(),
        bounce_domain: "bounce.example".into(),
        longest_mail: 4_096,
        tls: None,
    };
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let (events, mut arrived) = tokio::sync::mpsc::channel(1);
    let ours = async move {
        // An end without QUIT is an error here, and nothing else.
        let _ = inbound_smtp::converse(Box::new(near), &settings, &events).await;
    };
    let stranger = async {
        // The session may end before all was said.
        let _ = far.write_all(octets).await;
        let _ = far.shutdown().await;
        let mut said = Vec::new();
        let _ = far.read_to_end(&mut said).await;
        said
    };
    let keeper = async {
        let mut kept = 0;
        while let Some(carried) = arrived.recv().await {
            shows_nothing(&carried.event);
            let CarrierEvent::Receipt(receipt) = carried.event else {
                panic!("a mail became no receipt")
            };
            assert!(OpaqueIds::looks_like_one(&receipt.carrier_id));
            carried.done.stored();
            kept += 1;
        }
        kept
    };
    let ((), said, kept) = tokio::join!(ours, stranger, keeper);
    let said = String::from_utf8_lossy(&said);
    shows_nothing(&said);
    for line in said.split_inclusive("\r\n") {
        let code = line.get(..3).unwrap_or_default();
        assert!(line.ends_with("\r\n") && code.bytes().all(|b| b.is_ascii_digit()), "{line:?}");
    }
    assert_eq!(said.matches("\r\n250 2.0.0 stored").count(), kept);
    kept > 0
}

fn smtp_sessions() -> Vec<Vec<u8>> {
    let begin = "EHLO mx.example\r\nMAIL FROM:<> SIZE=900\r\n\
                 RCPT TO:<b-00112233445566778899aabbccddeeff@bounce.example>\r\nDATA\r\n";
    vec![
        format!("{begin}{}.\r\nQUIT\r\n", mail()).into_bytes(),
        format!("NOOP\r\nRSET\r\n{begin}{}.\r\n{begin}..\r\n.\r\n", mail()).into_bytes(),
    ]
}

/// Any octets as a post of a Twilio-compatible carrier: signed, it verifies, and nothing else does.
pub fn twilio_webhook(octets: &[u8]) -> bool {
    let form = match Form::parse(octets) {
        Ok(form) => form,
        Err(error) => {
            tells_nothing(&error);
            return false;
        }
    };
    let (url, token) = ("https://sotto.example/carriers/sms", Secret::new("t0ken".into()));
    let signature = form.sign(url, &token);
    assert_eq!(form.verify(url, &token, &signature), Ok(()));
    let other = Secret::new("t0kem".into());
    assert_eq!(form.verify(url, &other, &signature), Err(WebhookError::Signature));
    let text = String::from_utf8_lossy(octets);
    if text != signature {
        assert_eq!(form.verify(url, &token, &text), Err(WebhookError::Signature));
    }
    let (receipt, reply) = (form.receipt(), form.reply());
    for error in [receipt.as_ref().err(), reply.as_ref().err()].into_iter().flatten() {
        tells_nothing(error);
    }
    if let Ok(receipt) = &receipt {
        assert!(receipt.carrier_id.len() <= 64);
    }
    if let Ok(reply) = &reply {
        shows_nothing(reply);
    }
    receipt.is_ok() || reply.is_ok()
}

fn posts() -> Vec<Vec<u8>> {
    bytes(&[
        "MessageSid=SM2&From=%2B16175550147&To=72404&Body=Quillfeather+here%2C+is+3+ok%3F+%F0%9F%98%80",
        "SmsSid=SM1&SmsStatus=undelivered&ErrorCode=30006&To=%2B16175550147",
    ])
}
