//! Names, numbers, birth dates, texts and secrets come in through every door of the running
//! program, and then nothing that it says of itself holds any of them: not the log at its most
//! talkative, not the metrics, not the traces, not a refusal, not its environment; and a crash would write nothing.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use sotto::observe::discretion;
use tokio::net::TcpListener;
use tokio::sync::watch;
use twin::{Channel, MailConfig, ReplyKind, SmppConfig, Twin, TwinConfig};

use crate::engines::{Engine, wanted};
use crate::house::{House, Serving};

const GIVEN: &str = "Zebulon";
const FAMILY: &str = "Quackenbush";
const BORN: &str = "1931-04-17";
const PHONE: &str = "2025550143";
const MAIL: &str = "zebq77";
const RECORD: &str = "RN77123Q";
const TEXT: &str = "aubergine";
const REPLY: &str = "bergamot";
const CODE: &str = "482913";
const SMPP_PASSWORD: &str = "s3smpp";
const MAIL_PASSWORD: &str = "s3mail";
const PAGER_SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROOT_KEY: &str = "QUFBQUFBQUFBQUFB";
const STOLEN_TOKEN: &str = "stolen-token-0123456789abcdef";

/// None of it may be seen, whole or in this piece.
const PLANTED: [&str; 14] = [
    GIVEN,
    FAMILY,
    BORN,
    PHONE,
    MAIL,
    RECORD,
    TEXT,
    REPLY,
    CODE,
    SMPP_PASSWORD,
    MAIL_PASSWORD,
    PAGER_SECRET,
    ROOT_KEY,
    STOLEN_TOKEN,
];

#[track_caller]
fn clean(what: &str, text: &str) {
    for planted in PLANTED {
        let at = text.to_lowercase().find(&planted.to_lowercase());
        let near = at.map(|at| text.get(at.saturating_sub(200)..).unwrap_or(text));
        let near = near.map(|near| near.chars().take(400).collect::<String>());
        assert!(near.is_none(), "{what} shows {planted}: …{}…", near.unwrap_or_default());
    }
}

/// A collector of traces: what was posted to it so far.
async fn collector() -> (SocketAddr, watch::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (all, seen) = watch::channel(Vec::new());
    let all = Arc::new(all);
    let take = axum::routing::post(move |body: axum::body::Bytes| async move {
        all.send_modify(|all| all.extend(body));
        ""
    });
    let router = axum::Router::new().route("/v1/traces", take);
    tokio::spawn(axum::serve(listener, router).into_future());
    (address, seen)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn world() -> Twin {
    let smpp = SmppConfig {
        accounts: vec![("practice".to_owned(), SMPP_PASSWORD.to_owned())],
        receipt_delay: jiff::SignedDuration::ZERO,
        ..SmppConfig::default()
    };
    let mail = MailConfig {
        users: vec![("practice".to_owned(), MAIL_PASSWORD.to_owned())],
        ..MailConfig::default()
    };
    let config = TwinConfig { smpp: Some(smpp), mail: Some(mail), ..TwinConfig::default() };
    Twin::start(config).await.unwrap()
}

fn house(twin: &Twin, collector: SocketAddr) -> House {
    let (smsc, mail) = (twin.smpp_address().unwrap().port(), twin.mail_address().unwrap().port());
    let agreed = "vendor = \"Twin\"\nstatus = \"active\"\n\
                  effective = \"2020-01-01T00:00:00Z\"\nmax_level = 1\n";
    House::with(|house| {
        let smpp_password = house.write("smpp.password", SMPP_PASSWORD);
        let mail_password = house.write("mail.password", MAIL_PASSWORD);
        let authority = house.write("authority.pem", &twin.authority().pem());
        let pager = house.write("pager.secret", &format!("whsec_{PAGER_SECRET}\n"));
        format!(
            "[sms_smpp]\nhost = \"127.0.0.1\"\nport = {smsc}\ntls = \"none\"\n\
             system_id = \"practice\"\npassword_file = {smpp_password:?}\nsender = \"38838\"\n\
             [sms_smpp.agreement]\n{agreed}\
             [email_smtp]\nhost = \"localhost\"\nport = {mail}\nsecurity = \"starttls\"\n\
             authorities = {authority:?}\nuser = \"practice\"\npassword_file = {mail_password:?}\nhelo = \"sotto.example.com\"\n\
             from = \"office@example.com\"\nfrom_name = \"Elm Street Office\"\n\
             bounce_domain = \"bounces.example.com\"\nbounce_listen = \"127.0.0.1:0\"\n\
             [email_smtp.agreement]\n{agreed}\
             [traces]\nendpoint = \"http://{collector}/v1/traces\"\n\
             [pager]\nurl = \"http://127.0.0.1:9/{TEXT}\"\nsecret_file = {pager:?}\n"
        )
    })
}

/// Requests that are refused, each with something planted in it.
fn refused(server: &Serving, token: &str, patient: &str) -> Vec<String> {
    let stray = json!({ "patient": FAMILY, "purpose": TEXT, "channel": PHONE, "body": TEXT });
    let known = json!({ "system": RECORD, "value": FAMILY });
    let told = [
        server.api(token, "POST", "/api/v1/messages", &stray.to_string()),
        server.api(token, "POST", "/api/v1/messages", &format!("{{\"patient\": \"{FAMILY}")),
        server.api(token, "POST", "/api/v1/messages", &format!("{{\"{FAMILY}\": \"{TEXT}\"}}")),
        server.api(token, "POST", "/api/v1/patients/find", &known.to_string()),
        server.api(token, "GET", &format!("/api/v1/patients/{FAMILY}?{TEXT}={PHONE}"), ""),
        server.api(token, "PUT", &format!("/api/v1/appointments/{RECORD}"), &stray.to_string()),
        server.api(token, "POST", &format!("/{FAMILY}/{TEXT}"), &stray.to_string()),
        server.api(STOLEN_TOKEN, "POST", "/api/v1/messages", &stray.to_string()),
        server.api(token, "POST", &format!("/u/{STOLEN_TOKEN}"), TEXT),
        server.api(token, "POST", "/carriers/twilio/inbound", &format!("Body={TEXT}&From={PHONE}")),
        server.api(
            token,
            "POST",
            &format!("/api/v1/patients/{patient}/contacts"),
            &stray.to_string(),
        ),
        server.api(token, "POST", "/api/v1/messages", &format!("\"{}\"", TEXT.repeat(20_000))),
    ];
    for (status, body) in &told {
        assert!((400..500).contains(status), "{status} {body}");
    }
    let mut bodies: Vec<String> = told.into_iter().map(|(_, body)| body.to_string()).collect();
    // No HTTP at all, and half a request.
    bodies.push(server.ask(&format!("{FAMILY} {TEXT}\r\n{PHONE}\r\n\r\n")).1);
    bodies.push(server.ask(&format!("GET /{TEXT} HTTP/1.1\r\nx-{TEXT} {PHONE}\r\n\r\n")).1);
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_the_program_says_of_itself_holds_what_came_in() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let twin = world().await;
    let (collector, mut spans) = collector().await;
    let house = house(&twin, collector);
    let mail = format!("{MAIL}@example.com");
    let patient = house.patient(RECORD, [GIVEN, FAMILY, BORN, PHONE, &mail]);
    let token = house.token(&[
        "messages:write",
        "messages:read",
        "patients:write",
        "patients:read",
        "consents:write",
        "appointments:write",
        "check",
    ]);
    // An import that is refused, at the terminal.
    let broken = format!("mrn,given_name,family_name,{TEXT}\n\"{RECORD},{GIVEN},{FAMILY}\n");
    let broken = house.write("broken.csv", &broken);
    let (_, out, err) = house.sotto(&["import", "csv", "--kind", "patients", &broken]);
    clean("the import", &format!("{out}{err}"));

    let server = house.serve("trace");
    let mut sent = Vec::new();
    for (channel, address) in [("sms", format!("+1{PHONE}")), ("email", mail.clone())] {
        let consent = json!({
            "class": "pec", "channel": channel, "address": address, "language": "en",
            "method": "form", "evidence": TEXT, "text_version": "2026-01", "risk_warned": true,
            "frequency": "a few a month", "withdrawal": "STOP, or call",
        });
        let path = format!("/api/v1/patients/{patient}/consents");
        let (status, body) = server.api(&token, "POST", &path, &consent.to_string());
        assert_eq!(status, 201, "{body}");
        let code = json!({
            "patient": patient, "purpose": "treatment", "channel": channel, "template": "id_code",
            "values": { "code": CODE, "minutes": "10" },
        });
        let (status, body) = server.api(&token, "POST", "/api/v1/messages", &code.to_string());
        assert_eq!(status, 202, "{body}");
        sent.push(body["id"].as_str().unwrap().to_owned());
    }
    // The gate says no, and the refusal is kept.
    let open = json!({
        "patient": patient, "purpose": "marketing", "channel": "sms",
        "body": format!("{GIVEN}, come and see our new {TEXT} cream."),
    });
    let (status, body) = server.api(&token, "POST", "/api/v1/messages", &open.to_string());
    assert_eq!(status, 422, "{body}");
    clean("a refusal", &body.to_string());
    for body in refused(&server, &token, &patient) {
        clean("a refusal", &body);
    }
    twin.until(|record| {
        record.counts.texts == 1 && record.counts.mails == 1 && record.counts.receipts_acked == 1
    })
    .await;
    // A reply that pages staff (the pager cannot be reached), and one from nobody we know.
    let emergency = format!("my chest hurts and I cannot breathe, {REPLY}");
    twin.say(Channel::Sms, &format!("1{PHONE}"), "38838", &emergency, ReplyKind::Emergency);
    twin.say(Channel::Sms, "12025550199", "38838", REPLY, ReplyKind::Question);
    twin.until(|record| record.counts.replies_acked >= 2).await;
    server.until("pager.page_failed");

    let (status, metrics) = server.get("/metrics");
    assert_eq!(status, 200);
    clean("the metrics", &metrics);
    for count in [
        "sotto_attempts_total{adapter=\"sms_smpp\",outcome=\"accepted\"} ",
        "sotto_attempts_total{adapter=\"email_smtp\",outcome=\"accepted\"} ",
        "sotto_replies_total{intent=\"emergency\"} ",
        "sotto_receipts_total{adapter=\"sms_smpp\",status=\"delivered\"} ",
        "sotto_refusals_total{code=\"E_MARKETING\",at=\"request\"} ",
        "sotto_carrier_connected{adapter=\"sms_smpp\"} ",
        "sotto_ready ",
    ] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(count));
        assert!(value.is_some_and(|value| value != "0"), "{count}{value:?}:\n{metrics}");
    }
    clean("the environment", &server.proc("environ"));
    clean("the command line", &server.proc("cmdline"));
    let limits = server.proc("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().filter(|word| *word == "0").count() == 2, "{core}");

    // A caller's trace is taken up; what is none is not passed on.
    let caller = "4bf92f3577b34da6a3ce929d0e0e4736";
    for trace in [format!("00-{caller}-00f067aa0ba902b7-01"), format!("00-{TEXT}-{PHONE}-01")] {
        let request = format!(
            "GET /healthz HTTP/1.1\r\nhost: sotto\r\ntraceparent: {trace}\r\n\
             tracestate: {TEXT}={PHONE}\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(server.ask(&request).0, 200);
    }

    server.signal(rustix::process::Signal::TERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}");
    // The last spans go out before it ends.
    let spans = spans.borrow_and_update().clone();
    clean("the traces", &String::from_utf8_lossy(&spans));
    for step in ["request", "decide", "store", "message", "claim", "hand_over", "receipt"] {
        assert!(holds(&spans, step.as_bytes()), "no span {step}");
    }
    let id = |hexadecimal: &str| u128::from_str_radix(hexadecimal, 16).unwrap().to_be_bytes();
    assert!(holds(&spans, &id(caller)), "the caller's trace is not there");
    assert!(holds(&spans, &id(&sent[0].replace('-', ""))), "the message's trace is not there");
    clean("the log", &log);
    // It said what it says, failures included; what other crates would say is cut off.
    assert!(log.contains("http.answered") && log.contains("\"level\":\"ERROR\""), "{log}");
    assert!(!log.contains("\"level\":\"TRACE\""), "{log}");
    twin.shutdown().await;
}

#[test]
fn this_process_and_what_it_starts_leave_no_core() {
    discretion::keep_memory_private().unwrap();
    let told = Command::new("sh").args(["-c", "ulimit -c; ulimit -H -c"]).output().unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), "0\n0\n");
    let dumpable = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
}

/// Run by the next test in a process of its own.
#[test]
#[ignore = "it panics, for the test after it"]
fn a_panic_that_quotes_a_text() {
    discretion::keep_panics_brief();
    let text = format!("{FAMILY} é {TEXT}");
    let middle = text.find('é').unwrap() + 1;
    assert!(text[..middle].is_empty());
}

#[test]
fn a_panic_says_where_and_not_what() {
    let told = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "observe::leaks::a_panic_that_quotes_a_text", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(!told.status.success());
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains("\"message\":\"panicked\"") && said.contains("leaks.rs:"), "{said}");
    clean("a panic", &said);
}
