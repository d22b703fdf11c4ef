//! Where the program speaks to others, and what it never writes: found in its own source, so that a
//! new door does not come in unseen.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The code of every source under `src`, but for the benches, by its place there; comments and
/// tests left out.
fn code() -> Vec<(String, String)> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut folders = vec![root.clone()];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let place = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if place != "cli/bench" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                all.push((place, lines.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    assert!(all.len() > 300, "{}", all.len());
    all
}

/// How often each file says one of these words.
fn said(words: &[&str]) -> BTreeMap<String, usize> {
    let counted = code().into_iter().map(|(place, text)| {
        (place, words.iter().map(|word| text.matches(word).count()).sum::<usize>())
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

/// Every connection that the program begins. Each goes to an address of the settings file, which
/// only the operator writes: none to one that came in with a request or a message (ASVS 1.3.6).
#[test]
fn what_goes_out_goes_where_the_settings_say() {
    let doors = [
        "TcpStream::connect",
        "UnixStream::connect",
        "UdpSocket::",
        "Client::builder(",
        "Client::new(",
        "reqwest::get(",
        "SmtpTransport",
        "MessageAuthenticator::new",
    ];
    let found: Vec<(String, usize)> = said(&doors).into_iter().collect();
    let known = [
        // The scanner: `attachments.scanner`, by TCP or a socket of this machine.
        ("attachments/scan.rs", 2),
        // A carrier by HTTP: `sms_http.base`; ids of the carrier's become part of a path only where
        // they are letters and digits.
        ("channels/sms_http.rs", 1),
        // SMPP and mail: `host` and `port` of their sections.
        ("channels/transport.rs", 1),
        // `sotto ready` asks `http.listen`.
        ("cli/ready.rs", 1),
        // `sotto doctor` asks the machine's own resolver.
        ("doctor/outside.rs", 1),
        // The pager: `pager.url`.
        ("inbound/pager.rs", 1),
        // The collector of traces: `traces.endpoint`.
        ("observe/trace.rs", 1),
    ];
    assert_eq!(found, known.map(|(place, count)| (place.to_owned(), count)));
    // Whoever speaks HTTP is led nowhere else by an answer.
    let clients = said(&["Client::builder("]);
    assert_eq!(clients.len(), 3);
    assert_eq!(
        said(&[".redirect(Policy::none())", ".redirect(reqwest::redirect::Policy::none())"]),
        clients
    );
}

/// No cell that a spreadsheet would compute: no table for spreadsheets is written at all (ASVS
/// 1.2.10). Whoever adds one escapes its cells, and takes its place out of this test.
#[test]
fn no_table_for_a_spreadsheet_is_written() {
    let writers = [
        "csv::Writer",
        "WriterBuilder",
        "text/csv",
        "text/tab-separated",
        "spreadsheetml",
        ".xlsx",
    ];
    assert_eq!(said(&writers), BTreeMap::new());
}

/// There is no WebSocket to ask for its origin (ASVS 4.4.2): what is live is read by GET, one way.
#[test]
fn there_is_no_web_socket() {
    assert_eq!(said(&["WebSocket", "sec-websocket"]), BTreeMap::new());
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"axum\"") && !lock.contains("tungstenite"));
    let scripts = std::fs::read_dir(root.join("web/scripts")).unwrap();
    let scripts: Vec<String> =
        scripts.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(scripts.len() >= 5 && scripts.iter().all(|text| !text.contains("WebSocket")));
}

/// TLS is rustls, which has no version before 1.2 to speak (ASVS 12.1.1); there is no other one in
/// the program, and no door narrows or widens what rustls holds to be safe.
#[test]
fn the_only_tls_is_one_that_knows_no_old_version() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let locked = |name: &str| lock.contains(&format!("name = \"{name}\"\n"));
    assert!(locked("rustls"));
    for other in ["openssl", "openssl-sys", "native-tls", "boring", "gnutls"] {
        assert!(!locked(other), "{other}");
    }
    let made =
        said(&["builder_with_provider(", "ClientConfig::builder()", "ServerConfig::builder()"]);
    assert!(!made.is_empty());
    assert_eq!(said(&[".with_safe_default_protocol_versions()"]), made);
    assert_eq!(said(&["with_protocol_versions(", "dangerous()"]), BTreeMap::new());
}

/// The key that pages, messages and people are sealed under is in no source and no settings file of
/// this repository (ASVS 13.3.1).
#[test]
fn secrets_are_files_of_their_own() {
    let example = include_str!("../../../../docs/operate/sotto.example.toml");
    let keys =
        example.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='));
    let secret: Vec<&str> = keys
        .map(|(key, _)| key.trim())
        .filter(|key| {
            ["password", "secret", "token", "passphrase", "_key"]
                .iter()
                .any(|word| key.contains(word))
        })
        .collect();
    assert!(secret.len() >= 6, "{secret:?}");
    for key in secret {
        // What is written into the file itself is public: the recovery key's public half, the name
        // of a DKIM key's selector.
        assert!(key.ends_with("_file") || key == "recovery_key", "{key}");
    }
}
