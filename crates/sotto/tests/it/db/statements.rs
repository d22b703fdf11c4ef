//! Every SQL literal of the program is prepared on both engines: this stands in for checking SQL
//! at compile time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use postgres::NoTls;

use crate::engines::{Engine, TestDb, wanted};

/// A `sql!` of the source: where it is, and its text for SQLite and for PostgreSQL.
pub(crate) struct Found {
    pub(crate) at: String,
    pub(crate) sqlite: String,
    pub(crate) postgres: String,
}

fn sources() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn find_all() -> Vec<Found> {
    let mut all = Vec::new();
    for file in sources() {
        let text = std::fs::read_to_string(&file).unwrap();
        all.extend(find_in(&file, &text));
    }
    all
}

/// Finds the invocations in code, leaving out comments. Panics at one whose text it cannot read:
/// that is how none is missed.
fn find_in(file: &Path, text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let code = line.find("//").map_or(line, |comment| &line[..comment]);
        for (place, _) in code.match_indices("sql!") {
            let number = text[..start].matches('\n').count() + 1;
            let at = format!("{}:{number}", file.display());
            let mut rest = text[start + place + 4..].trim_start();
            assert!(rest.starts_with(['(', '{', '[']), "{at}: sql! without a bracket");
            rest = rest[1..].trim_start();
            let named = rest.starts_with("sqlite:");
            let mut texts = Vec::new();
            loop {
                rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
                for name in ["sqlite:", "postgres:"] {
                    rest = rest.strip_prefix(name).unwrap_or(rest).trim_start();
                }
                if rest.starts_with([')', '}', ']']) {
                    break;
                }
                let (literal, after) =
                    string_literal(rest).unwrap_or_else(|| panic!("{at}: not a string literal"));
                texts.push(literal);
                rest = after;
            }
            assert_eq!(texts.len(), if named { 2 } else { 1 }, "{at}: how many texts?");
            let postgres = texts.pop().unwrap();
            let sqlite = texts.pop().unwrap_or_else(|| postgres.clone());
            found.push(Found { at, sqlite, postgres });
        }
    }
    found
}

/// Reads `"…"` or `r#"…"#` and what follows it.
fn string_literal(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = raw[hashes..].strip_prefix('"')?;
        let length = body.find(&end)?;
        return Some((body[..length].to_owned(), &body[length + end.len()..]));
    }
    let body = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = body.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((out, &body[index + 1..])),
            '\\' => match chars.next()?.1 {
                '\n' => {
                    let rest = chars.as_str().trim_start();
                    let (text, after) = string_literal_tail(rest)?;
                    out.push_str(&text);
                    return Some((out, after));
                }
                'n' => out.push('\n'),
                't' => out.push('\t'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

fn string_literal_tail(rest: &str) -> Option<(String, &str)> {
    let quoted = format!("\"{rest}");
    let (text, after) = string_literal(&quoted)?;
    Some((text, &rest[rest.len() - after.len()..]))
}

#[test]
fn the_scanner_reads_what_it_must() {
    let text = r##"
        let a = sql!("SELECT \"x\" -- y
            FROM t");
        // sql!("not this")
        let b = sql! { sqlite: "A \
              B", postgres: r#"C"D"#, };
    "##;
    let found = find_in(Path::new("x.rs"), text);
    let texts: Vec<_> = found.iter().map(|f| (f.sqlite.as_str(), f.postgres.as_str())).collect();
    let first = "SELECT \"x\" -- y\n            FROM t";
    assert_eq!(texts, [(first, first), ("A B", "C\"D")]);
    assert_eq!(found[1].at, "x.rs:5");
}

#[test]
fn every_statement_is_prepared_on_sqlite() {
    let db = TestDb::new(Engine::Sqlite);
    let path = db.url.strip_prefix("sqlite:").unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut wrong = Vec::new();
    let all = find_all();
    assert!(all.len() >= 2, "the scanner finds too little");
    for Found { at, sqlite, .. } in &all {
        if let Err(error) = connection.prepare(sqlite) {
            wrong.push(format!("{at}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// SQLite keeps no figures about a table, and rather than sort it goes through all of a practice in
/// the order of the key: what is asked of one patient must not be found that way.
#[test]
fn what_is_asked_of_one_patient_is_not_sought_in_the_whole_practice() {
    let db = TestDb::new(Engine::Sqlite);
    let path = db.url.strip_prefix("sqlite:").unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for Found { at, sqlite, .. } in find_all() {
        let of_one = ["patient_id = ?2", "patient_id = $2", "token IN"];
        if !of_one.iter().any(|part| sqlite.contains(part)) {
            continue;
        }
        count += 1;
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sqlite}")).unwrap();
        let mut steps = plan.raw_query();
        while let Some(step) = steps.next().unwrap() {
            let step: String = step.get(3).unwrap();
            // Of those who are nobody there are few.
            if step.ends_with("(practice_id=?)") && !step.contains("test_patient") {
                wrong.push(format!("{at}: {step}"));
            }
        }
    }
    assert!(count > 20, "the scanner finds too little: {count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Several practices may have their rows in one database: what is read or changed is one practice's,
/// in every statement (ASVS 8.4.1).
#[test]
fn every_statement_is_about_one_practice() {
    let db = TestDb::new(Engine::Sqlite);
    let path = db.url.strip_prefix("sqlite:").unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let asked = "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c
                  WHERE m.type = 'table' AND c.name = 'practice_id'";
    let mut statement = connection.prepare(asked).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let tables: BTreeSet<String> = rows.map(Result::unwrap).collect();
    assert!(tables.len() > 60, "{tables:?}");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for Found { at, sqlite, postgres } in find_all() {
        for text in [sqlite, postgres] {
            let words: Vec<&str> = text.split_whitespace().collect();
            let named = words.windows(2).filter_map(|two| {
                let before = matches!(two[0], "FROM" | "JOIN" | "UPDATE" | "INTO");
                before
                    .then(|| two[1].trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            });
            if !named.into_iter().any(|table| tables.contains(table)) {
                continue;
            }
            count += 1;
            let said = text.contains("practice_id = ")
                || (words[0] == "INSERT" && text.contains("practice_id"));
            // Which practice a database is of is asked before one is known.
            if !said && text != "SELECT practice_id FROM practice" {
                wrong.push(format!("{at}: {text}"));
            }
        }
    }
    assert!(count > 600, "the scanner finds too little: {count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Statements are literals (ASVS 1.2.4): only the macros make them, and no code but that of `db`
/// speaks to an engine.
#[test]
fn no_statement_is_put_together_from_values() {
    let mut found = BTreeSet::new();
    for file in sources() {
        let text = std::fs::read_to_string(&file).unwrap();
        let (_, place) = file.to_str().unwrap().rsplit_once("/src/").unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for word in code.flat_map(|line| {
            [
                "from_literals(",
                "statement!(",
                "use rusqlite",
                "use postgres",
                "rusqlite::",
                "postgres::",
            ]
            .into_iter()
            .filter(|word| line.contains(word))
            .collect::<Vec<_>>()
        }) {
            let engine = word.contains("rusqlite") || word.contains("postgres");
            if !engine || !place.starts_with("db/") {
                found.insert((place.to_owned(), word));
            }
        }
    }
    let found: Vec<(&str, &str)> =
        found.iter().map(|(place, word)| (place.as_str(), *word)).collect();
    assert_eq!(
        found,
        [
            ("db/registry.rs", "statement!("),
            ("db/sql.rs", "from_literals("),
            ("db/sql.rs", "statement!(")
        ]
    );
}

#[test]
fn every_statement_is_prepared_on_postgres() {
    if !wanted(Engine::Postgres) {
        return;
    }
    let db = TestDb::new(Engine::Postgres);
    let mut client = postgres::Client::connect(&db.url, NoTls).unwrap();
    let mut wrong = Vec::new();
    for Found { at, postgres, .. } in &find_all() {
        match client.prepare(postgres) {
            Err(error) => {
                wrong.push(format!("{at}: {}", error.as_db_error().map_or("?", |e| e.message())));
            }
            Ok(statement) => {
                for column in statement.columns() {
                    if column.type_() == &postgres::types::Type::NUMERIC {
                        wrong.push(format!("{at}: {} is NUMERIC: CAST it", column.name()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
