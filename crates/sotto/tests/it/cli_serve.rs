//! How the server starts, says how it is, and ends, with the program itself.

use rustix::process::Signal;
use serde_json::{Value, json};
use sotto::clock::Clock;
use sotto::db::{DatabaseUrl, Db, Threads};
use twin::{SmppConfig, Twin, TwinConfig};

use crate::engines::{Engine, wanted};
use crate::house::{House, MRN, Serving};

fn texting(port: u16) -> impl FnOnce(&House) -> String {
    move |house| {
        let password = house.write("smpp.password", "secret\n");
        format!(
            "[sms_smpp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             system_id = \"practice\"\npassword_file = {password:?}\nsender = \"38838\"\n\
             [sms_smpp.agreement]\nvendor = \"Twin\"\nstatus = \"active\"\n\
             effective = \"2020-01-01T00:00:00Z\"\nmax_level = 1\n"
        )
    }
}

async fn carrier() -> Twin {
    let smpp = SmppConfig { receipt_delay: jiff::SignedDuration::ZERO, ..SmppConfig::default() };
    Twin::start(TwinConfig { smpp: Some(smpp), ..TwinConfig::default() }).await.unwrap()
}

const SCOPES: [&str; 5] =
    ["messages:write", "messages:read", "patients:read", "consents:write", "check"];

fn code(patient: &str) -> String {
    json!({
        "patient": patient, "purpose": "treatment", "channel": "sms", "template": "id_code",
        "values": { "code": "482913", "minutes": "10" },
    })
    .to_string()
}

/// Patients who agreed to texts, by number.
fn people(house: &House, server: &Serving, token: &str, count: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for last in 0..count {
        let who = json!({ "system": MRN, "value": format!("P{last}") }).to_string();
        let (status, found) = server.api(token, "POST", "/api/v1/patients/find", &who);
        assert_eq!(status, 200, "{found}");
        let (id, number) = (found["id"].as_str().unwrap().to_owned(), number(last));
        let consent = json!({
            "class": "pec", "channel": "sms", "address": number, "language": "en",
            "method": "form", "evidence": "form 17", "text_version": "2026-01",
            "risk_warned": true, "frequency": "a few a month", "withdrawal": "STOP, or call",
        });
        let path = format!("/api/v1/patients/{id}/consents");
        let (status, said) = server.api(token, "POST", &path, &consent.to_string());
        assert_eq!(status, 201, "{said}");
        all.push((id, number));
    }
    assert!(house.at("patients.csv").exists());
    all
}

fn number(last: usize) -> String {
    format!("+120255501{last:02}")
}

fn import(house: &House, count: usize) {
    let mut csv = "mrn,given_name,family_name,mobile_phone\n".to_owned();
    for last in 0..count {
        csv.push_str(&format!("P{last},Pat,Example,{}\n", number(last)));
    }
    let csv = house.write("patients.csv", &csv);
    house.good(&["import", "csv", "--kind", "patients", "--mrn-system", MRN, &csv]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_loses_nothing_and_ends_well() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    const PEOPLE: usize = 12;
    let twin = carrier().await;
    let house = House::with(texting(twin.smpp_address().unwrap().port()));
    import(&house, PEOPLE);
    let token = house.token(&SCOPES);
    let server = house.serve("sotto=info");
    let people = people(&house, &server, &token, PEOPLE);
    let mut accepted = Vec::new();
    for (patient, number) in &people {
        let (status, said) = server.api(&token, "POST", "/api/v1/messages", &code(patient));
        assert_eq!(status, 202, "{said}");
        accepted.push((said["id"].as_str().unwrap().to_owned(), number.clone()));
    }
    // The last of them have hardly been taken from the outbox.
    server.signal(Signal::TERM);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");

    let server = house.serve("sotto=info");
    twin.until(|record| {
        record.counts.texts >= PEOPLE as u64 && record.counts.receipts_acked >= PEOPLE as u64
    })
    .await;
    for (message, number) in &accepted {
        let texts = twin
            .look(|record| record.texts.iter().filter(|text| number.ends_with(&text.to)).count());
        assert_eq!(texts, 1, "{number}");
        let (_, said) = server.api(&token, "GET", &format!("/api/v1/messages/{message}"), "");
        assert!(["sent", "delivered"].contains(&said["state"].as_str().unwrap()), "{said}");
    }
    twin.shutdown().await;
}

#[test]
fn while_it_stops_it_says_so_and_asked_again_it_ends_at_once() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = House::with(|_| String::new());
    house.settings(|text| text.replace("[http]\n", "[http]\nlinger_seconds = 600\n"));
    let token = house.token(&["messages:write"]);
    let server = house.serve("sotto=info");
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(server.get("/readyz"), (200, "ready\n".to_owned()));
    server.signal(Signal::TERM);
    server.until("stopping");
    let (status, said) = server.get("/readyz");
    assert!(status == 503 && said.contains("\"detail\":\"draining\""), "{status} {said}");
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    let (status, said) = server.api(&token, "POST", "/api/v1/messages", "{}");
    assert_eq!((status, said["type"].as_str()), (503, Some("urn:sotto:problem:draining")));
    server.signal(Signal::TERM);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("asked twice"), "{log}");
}

#[test]
fn the_settings_can_be_checked_beside_a_running_server() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = House::new();
    let server = house.serve("sotto=info");
    let port = server.address.port();
    house.settings(|text| text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")));
    assert_eq!(house.good(&["serve", "--check-only"]), "the settings are right");
    house.settings(|text| text + "[log]\nfilter = \"sotto=loud\"\n");
    house.bad(&["serve", "--check-only"], "log.filter");
}

/// What the audit log of a practice says about its settings, by kind.
fn reloads(house: &House) -> Vec<Value> {
    let url: DatabaseUrl = format!("sqlite:{}", house.at("sotto.db").display()).parse().unwrap();
    let db = Db::open(&url, Threads { readers: 1, writers: 1 }, Clock::system().now()).unwrap();
    let bodies: Vec<Vec<u8>> = db
        .read_blocking(|tx| {
            tx.query(sotto::sql!("SELECT body FROM audit_entry ORDER BY id"), &[], |row| row.get(0))
        })
        .unwrap();
    let entries = bodies.iter().map(|body| serde_json::from_slice::<Value>(body).unwrap());
    entries.filter(|entry| entry["kind"] == "settings.reloaded").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_again_without_a_restart_and_wrong_ones_are_not_taken() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let smpp = SmppConfig {
        accounts: vec![("practice".to_owned(), "second".to_owned())],
        receipt_delay: jiff::SignedDuration::ZERO,
        ..SmppConfig::default()
    };
    let twin = Twin::start(TwinConfig { smpp: Some(smpp), ..TwinConfig::default() }).await.unwrap();
    let house = House::with(texting(twin.smpp_address().unwrap().port()));
    house.settings(|text| format!("{text}[log]\nfile = {:?}\n", house.at("sotto.log")));
    import(&house, 1);
    let token = house.token(&SCOPES);
    let server = house.serve("");
    let people = people(&house, &server, &token, 1);
    let hang_up = |says: &str| {
        server.signal(Signal::HUP);
        server.until(says)
    };

    // Not TOML; a value that cannot be; something a running server is built on.
    let right = std::fs::read_to_string(house.at("sotto.toml")).unwrap();
    for (from, to, says) in [
        ("[database]", "[database", "is not TOML"),
        ("timezone = \"America/New_York\"", "timezone = \"Mars/Olympus\"", "practice.timezone"),
        ("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:1\"", "http.listen"),
        ("sender = \"38838\"", "sender = \"\"", "sms_smpp.sender"),
    ] {
        house.write("sotto.toml", &right.replacen(from, to, 1));
        let said = hang_up("the old settings stay in force");
        assert!(said.contains(says), "{said}");
        assert_eq!(server.get("/readyz").0, 200);
    }

    // A password the carrier knows, a louder log, another name, and the log's file moved away.
    house.write("smpp.password", "second\n");
    house.write("sotto.toml", &(right.clone() + "filter = \"sotto=debug\"\n"));
    house.settings(|text| text.replace("Elm Street Office", "Elm Street Clinic"));
    std::fs::rename(house.at("sotto.log"), house.at("sotto.log.1")).unwrap();
    hang_up("are in force");
    let (status, said) = server.api(&token, "POST", "/api/v1/messages", &code(&people[0].0));
    assert_eq!(status, 202, "{said}");
    twin.until(|record| record.counts.receipts_acked == 1).await;
    let text = twin.look(|record| record.texts[0].text.clone());
    assert!(text.contains("Elm Street Clinic"), "{text}");
    let (old, new) = ["sotto.log.1", "sotto.log"]
        .map(|file| std::fs::read_to_string(house.at(file)).unwrap())
        .into();
    assert!(old.contains("settings.refused") && old.contains("smpp.bind.failed"), "{old}");
    assert!(new.contains("settings.reloaded") && !new.contains("settings.refused"), "{new}");
    // Nothing changed: the carrier's line stays as it is.
    hang_up("are in force");
    server.signal(Signal::TERM);
    assert_eq!(server.ended().0.code(), Some(0));

    let entries = reloads(&house);
    let outcomes: Vec<_> = entries.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "refused", "refused", "refused", "done", "done"]);
    let changed = |entry: &Value| entry.to_string().contains("\"sms_smpp\"");
    assert!(changed(&entries[4]) && !changed(&entries[5]), "{entries:?}");
    house.good(&["audit", "verify"]);
    twin.shutdown().await;
}

#[test]
fn metrics_have_an_address_of_their_own_where_the_api_is_for_others() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = House::with(|_| "[metrics]\nlisten = \"127.0.0.1:0\"\n".to_owned());
    let mut server = house.serve("sotto=info");
    assert_eq!(server.get("/metrics").0, 404);
    assert_eq!(server.get("/readyz").0, 200);
    let ready = ["ready", "--address", &server.address.to_string()];
    assert_eq!(House::alone(&ready), (true, "ready".to_owned()));
    let line = server.log();
    let line = line.lines().find_map(|line| line.split_once("metrics at http://")).unwrap().1;
    server.address = line.trim_end_matches("/metrics").parse().unwrap();
    let (status, page) = server.get("/metrics");
    assert!(status == 200 && page.contains("sotto_ready 1"), "{status} {page}");
    assert_eq!(server.get("/api/v1/openapi.json").0, 404);
    assert!(!House::alone(&["ready", "--address", "127.0.0.1:9"]).0);
}

#[test]
fn the_root_key_changes_while_a_server_runs_and_a_change_broken_off_leaves_one_that_opens() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = House::new();
    let patient = house.patient("R1", ["Ana", "Example", "", "2025550101", ""]);
    let token = house.token(&["patients:read"]);
    let server = house.serve("sotto=info");
    let key = |file: &str| std::fs::read_to_string(house.at(file)).unwrap();
    let first = key("root.key");
    let shown =
        || house.good(&["patient", "show", "--patient", &patient, "--json"]).contains("Ana");

    assert!(house.good(&["keys", "rotate"]).contains("holds the new root key"));
    let second = key("root.key");
    assert!(first != second && shown() && !house.at("root.key.next").exists());
    // The running server never noticed.
    let (status, said) = server.api(&token, "GET", &format!("/api/v1/patients/{patient}"), "");
    assert_eq!(status, 200, "{said}");
    drop(server);
    // The old key is worth nothing.
    house.write("root.key", &first);
    house.bad(&["patient", "show", "--patient", &patient], "key store cannot be opened");

    // Broken off after the key store took the new key: the next to open it takes the last step.
    house.write("root.key.next", &second);
    assert!(shown());
    assert!(key("root.key") == second && !house.at("root.key.next").exists());
    // Broken off before that: the old one is in force, and the next change starts anew.
    house.write("root.key.next", &first);
    assert!(shown() && key("root.key") == second);
    house.good(&["keys", "rotate"]);
    assert!(key("root.key") != second && shown() && !house.at("root.key.next").exists());
    house.good(&["audit", "verify"]);
}
