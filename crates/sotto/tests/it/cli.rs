//! The verbs about people, as a practice manager types them, with the program itself.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sotto::clock::Clock;

use crate::engines::{Engine, wanted};

/// A folder with a practice of its own, gone at the end.
pub(crate) struct House(PathBuf);

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("sotto-cli-{}", Clock::system().new_id()));
        std::fs::create_dir(&folder).unwrap();
        let here = folder.display();
        let settings = format!(
            "[database]\nurl = \"sqlite:{here}/sotto.db\"\n\
             [keys]\nroot_file = \"{here}/root.key\"\nstore = \"{here}/keys\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\npublic_base = \"https://sotto.example.com\"\n\
             [practice]\nid = \"0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01\"\n\
             name = \"Elm Street Family Medicine\"\ndisplay_name = \"Elm Street Office\"\n\
             phone = \"(617) 555-0100\"\ntimezone = \"America/New_York\"\n\
             portal_url = \"https://portal.example.com\"\n"
        );
        std::fs::write(folder.join("sotto.toml"), settings).unwrap();
        let key = folder.join("root.key");
        std::fs::write(&key, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n").unwrap();
        let mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key, mine).unwrap();
        Self(folder)
    }

    pub(crate) fn at(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Runs a verb on this practice: whether it went well, standard output, standard error.
    fn sotto(&self, words: &[&str]) -> (bool, String, String) {
        let done = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .args(words)
            .arg("--config")
            .arg(self.at("sotto.toml"))
            .env_remove("SOTTO_ROOT_KEY")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.success(), text(done.stdout).trim().to_owned(), text(done.stderr))
    }

    #[track_caller]
    pub(crate) fn good(&self, words: &[&str]) -> String {
        let (good, out, err) = self.sotto(words);
        assert!(good, "{words:?}: {out} {err}");
        out
    }

    /// Fails with one line that says this.
    #[track_caller]
    pub(crate) fn bad(&self, words: &[&str], says: &str) {
        let (good, out, err) = self.sotto(words);
        assert!(!good && out.is_empty(), "{words:?}: {out}");
        assert!(err.contains(says), "{words:?}: {err}");
    }

    fn lines(&self, words: &[&str]) -> Vec<Value> {
        let out = self.good(words);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn what_a_patient_asks_for_is_written_down_and_shown() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = House::new();
    let (csv, ehr) = (house.at("patients.csv"), "https://ehr.example.com/mrn");
    let rows = "mrn,given_name,family_name,mobile_phone\n10023,Ana,Demo,617-555-0123\n";
    std::fs::write(&csv, rows).unwrap();
    let csv = csv.to_str().unwrap();
    house.good(&["import", "csv", "--kind", "patients", "--mrn-system", ehr, csv]);
    let id = house.good(&["patient", "find", "--system", ehr, "--value", "10023"]);
    house.bad(&["patient", "find", "--system", ehr, "--value", "10024"], "nobody");
    let patient = ["--patient", id.as_str()];
    let spoken = ["--method", "spoken", "--witness", "front desk"];
    let run = |verb: &[&str], rest: &[&str]| {
        let words: Vec<&str> = verb.iter().chain(&patient).chain(rest).copied().collect();
        words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>()
    };
    let good = |verb: &[&str], rest: &[&str]| {
        let words = run(verb, rest);
        house.good(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let told = |rest: &[&'static str]| -> Vec<&'static str> {
        rest.iter().copied().chain(spoken).collect()
    };

    let wish =
        good(&["alternative", "record"], &told(&["--channel", "sms", "--address", "617-555-0177"]));
    good(&["restriction", "record"], &told(&["--what", "channel", "--value", "voicemail"]));
    good(&["optout", "record"], &told(&["--address", "617-555-0123"]));
    good(&["contact", "add"], &told(&["--address", "ana@example.com", "--verified", "in_person"]));
    let eva = good(&["caregiver", "add"], &told(&["--given", "Eva", "--relation", "sister"]));
    let permit = told(&["--scope", "appointments"]);
    let permit: Vec<&str> = ["--caregiver", eva.as_str()].into_iter().chain(permit).collect();
    good(&["caregiver", "permit"], &permit);
    good(&["preference", "set"], &told(&["--from", "09:00", "--until", "18:00"]));

    let card: Value = serde_json::from_str(&good(&["patient", "show"], &["--json"])).unwrap();
    assert_eq!(card["name"], "Ana Demo");
    assert_eq!(card["contacts"].as_array().unwrap().len(), 3);
    assert_eq!(card["alternatives"][0]["id"], wish.as_str());
    assert_eq!(card["restrictions"][0]["value"], "voicemail");
    assert_eq!(card["opt_outs"].as_array().unwrap().len(), 1);
    assert_eq!(card["caregivers"][0]["scope"][0], "appointments");
    assert_eq!(card["preferences"]["from"], "09:00");
    let words = run(&["patient", "history"], &["--json"]);
    let history = house.lines(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let events: Vec<_> = history.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["added", "added", "accepted", "opted_out", "added", "added", "permitted", "changed"]
    );
    assert!(history.iter().all(|line| line["captured_by"] == "operator:command line"));

    house.bad(
        &["optout", "record", "--patient", &id, "--address", "617-555-0177", "--method", "spoken"],
        "witness",
    );
    let nobody = "01890000-0000-7000-8000-000000000001";
    house.bad(&["patient", "show", "--patient", nobody], "no patient");
    house.bad(&["practice", "plan", "--set", "soon"], "2d");
    assert_eq!(
        house.good(&["practice", "plan", "--set", "2d"]),
        r#"[{"step":"2d","minutes_before":2880}]"#
    );
    house.good(&["audit", "verify"]);
    // Each verb opened the practice; what it found set up already, it did not record again.
    let url: sotto::db::DatabaseUrl =
        format!("sqlite:{}", house.at("sotto.db").display()).parse().unwrap();
    let threads = sotto::db::Threads { readers: 1, writers: 1 };
    let db = sotto::db::Db::open(&url, threads, Clock::system().now()).unwrap();
    let bodies: Vec<Vec<u8>> = db
        .read_blocking(|tx| {
            tx.query(sotto::sql!("SELECT body FROM audit_entry"), &[], |row| row.get(0))
        })
        .unwrap();
    let vendors = bodies
        .iter()
        .map(|body| serde_json::from_slice::<Value>(body).unwrap())
        .filter(|entry| entry["kind"] == "vendor.changed")
        .count();
    assert_eq!(vendors, 1);
}
