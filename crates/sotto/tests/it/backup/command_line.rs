//! The verbs, as an operator types them, with the program itself.

use std::process::Command;

use serde_json::Value;

use crate::engines::{Engine, wanted};
use crate::house::House;

fn house() -> House {
    let house = House::new();
    let here = house.at("").display().to_string();
    let here = here.trim_end_matches('/');
    let settings = house.at("sotto.toml");
    let more = format!(
        "[backup]\nfolder = \"{here}/backups\"\nkeys_folder = \"{here}/safe\"\n\
         key_file = \"{here}/backup.key\"\npassphrase_file = \"{here}/words\"\n"
    );
    let text = std::fs::read_to_string(&settings).unwrap() + &more;
    std::fs::write(&settings, text).unwrap();
    std::fs::write(house.at("words"), "six random words make a passphrase\n").unwrap();
    house
}

#[test]
fn a_practice_is_backed_up_lost_and_put_back_with_five_commands() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = house();
    let (csv, ehr) = (house.at("patients.csv"), "https://ehr.example.com/mrn");
    let rows = "mrn,given_name,family_name,mobile_phone\n10023,Ana,Demo,617-555-0123\n";
    std::fs::write(&csv, rows).unwrap();
    let csv = csv.to_str().unwrap().to_owned();
    house.good(&["import", "csv", "--kind", "patients", "--mrn-system", ehr, &csv]);

    house.bad(&["backup"], "head -c 32 /dev/urandom");
    let key = seal::RootKey::generate().unwrap();
    key.write_new(&house.at("backup.key")).unwrap();
    let made: Value = serde_json::from_str(&house.good(&["backup", "--json"])).unwrap();
    assert_eq!(made["counts"]["tables"]["patient"], 1);
    let file = made["file"].as_str().unwrap();
    let sum = Command::new("sha256sum").arg(file).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(made["sha256"].as_str().unwrap()));
    let keys: Value = serde_json::from_str(&house.good(&["backup", "keys", "--json"])).unwrap();
    let list = |folder: &str| {
        let folder = house.at(folder);
        let done = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .args(["backup", "list", folder.to_str().unwrap()])
            .output()
            .unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(list("backups").contains("data of") && list("safe").contains("keys of"));

    let drilled = house.good(&["drill", "restore", "--rto", "4h", "--rpo", "24h"]);
    assert!(drilled.contains("**passed**"), "{drilled}");
    house.good(&["restore", file, "--check-only"]);
    house.bad(&["restore", file], "--replace");

    for gone in ["keys", "sotto.db", "root.key", "backup.key"] {
        let path = house.at(gone);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    house.bad(&["restore", file], "keys.root_file");
    house.good(&["restore", keys["file"].as_str().unwrap()]);
    let restored: Value = serde_json::from_str(&house.good(&["restore", file, "--json"])).unwrap();
    assert_eq!(restored["lost"], 0);
    house.good(&["patient", "find", "--system", ehr, "--value", "10023"]);
    let checked = house.good(&["audit", "verify"]);
    assert!(checked.contains("Everything is as it was written"), "{checked}");

    let again = house.good(&["restore", file, "--replace", "--accept-loss", "a test", "--json"]);
    let again: Value = serde_json::from_str(&again).unwrap_or_default();
    assert!(again["before"].as_str().is_some_and(|old| old.contains(".before_")), "{again}");
}

#[test]
fn a_loss_is_accepted_only_with_a_reason() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = house();
    house.bad(&["restore", "x", "--accept-loss", " "], "wants the reason");
}

/// The doctor's findings by the name of the check: verdict, and what it says.
fn doctor(house: &House) -> (Option<i32>, std::collections::BTreeMap<String, (String, String)>) {
    let done = Command::new(env!("CARGO_BIN_EXE_sotto"))
        .args(["doctor", "--no-network", "--json", "--config"])
        .arg(house.at("sotto.toml"))
        .env_remove("SOTTO_ROOT_KEY")
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let findings = text.lines().map(|line| {
        let finding: Value = serde_json::from_str(line).unwrap();
        let word = |field: &str| finding[field].as_str().unwrap().to_owned();
        assert!(word("verdict") == "ok" || !word("remedy").is_empty());
        (word("check"), (word("verdict"), word("says")))
    });
    (done.status.code(), findings.collect())
}

#[test]
fn the_doctor_names_what_is_wrong_and_ends_with_it() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let house = house();
    let verdict = |check: &str| doctor(&house).1[check].0.clone();
    // Nothing was started yet.
    let (code, findings) = doctor(&house);
    assert_eq!(code, Some(2), "{findings:#?}");
    assert_eq!(findings["root key"].0, "fail");
    assert_eq!(findings["database"].0, "warn");
    assert!(!house.at("sotto.db").exists() && !house.at("keys").exists(), "nothing is made");

    house.good(&["token", "create", "--name", "ehr", "--scope", "messages:write"]);
    let key = seal::RootKey::generate().unwrap();
    key.write_new(&house.at("backup.key")).unwrap();
    let (_, findings) = doctor(&house);
    for good in [
        "settings",
        "root key",
        "root key's file",
        "database",
        "key store",
        "outbox",
        "database's file",
        "disk sync",
        "clock and log",
    ] {
        assert_eq!(findings[good].0, "ok", "{good}: {findings:#?}");
    }
    assert_eq!(findings["backup of the data"], ("warn".to_owned(), "never".to_owned()));
    house.good(&["backup"]);
    assert_eq!(verdict("backup of the data"), "ok");

    let mode = |file: &str, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(house.at(file), mode).unwrap();
    };
    mode("root.key", 0o644);
    assert_eq!(verdict("root key's file"), "fail");
    mode("root.key", 0o600);
    mode("keys", 0o755);
    assert_eq!(verdict("key store"), "fail");
    mode("keys", 0o700);
    std::fs::write(house.at("keys.witness"), "not a checkpoint").unwrap();
    assert_eq!(verdict("audit log"), "fail");
    let (code, findings) = {
        let settings = house.at("sotto.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(&settings, text.replace("[http]", "[http")).unwrap();
        doctor(&house)
    };
    assert_eq!((code, findings["settings"].0.as_str()), (Some(2), "fail"));
}
