//! A thousand corruptions of a copy of the database, each found and named.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::Value as Held;
use sotto::audit::schema::record_schema;
use sotto::db::registry::{AUDIT_ENTRY, TABLES, Vouched};

use super::{Desk, Dice};
use crate::engines::{Engine, TestDb, run};

const CORRUPTIONS: usize = 1000;

/// A table as the test sees it: its columns, and which of them name a row.
struct Target {
    table: &'static str,
    columns: Vec<String>,
    keys: Vec<usize>,
}

/// What was done, how to undo it, and under which names the row may be reported.
struct Deed {
    what: String,
    undo: Vec<(String, Vec<Held>)>,
    names: BTreeSet<String>,
}

#[test]
fn a_thousand_corruptions_are_found_and_named() {
    run(Engine::Sqlite, |db| async move {
        let (desk, mut dice) = (Desk::new(&db), Dice::new(20_261_121));
        let raw = prepare(&db, &desk).await;
        let targets = targets();
        let mut kinds = BTreeSet::new();
        let mut hit = BTreeSet::new();
        let mut done = 0;
        while done < CORRUPTIONS {
            let target = &targets[dice.below(targets.len() as u64) as usize];
            let Some((kind, deed)) = corrupt(&raw, target, &mut dice) else { continue };
            let report = desk.verify(&db).await;
            let named = report
                .defects
                .iter()
                .any(|found| found.table == target.table && deed.names.contains(&found.row));
            assert!(named, "{done}: {} was not named: {:?}", deed.what, report.defects);
            for (sql, values) in deed.undo {
                raw.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
            }
            kinds.insert(kind);
            hit.insert(target.table);
            done += 1;
        }
        let report = desk.verify(&db).await;
        assert_eq!(report.defects, [], "everything was undone");
        assert_eq!(kinds.len(), 5, "{kinds:?}");
        assert_eq!(hit.len(), targets.len(), "{hit:?}");
    });
}

/// Rows in every table, entries beyond one tile, four checkpoints, and nothing waiting.
async fn prepare(db: &TestDb, desk: &Desk) -> Connection {
    let own = desk.clone();
    db.write(move |tx| record_schema(tx, &own)).await.unwrap();
    let mut dice = Dice::new(7);
    desk.fill(db, 2, &mut dice).await;
    desk.sequence(db).await;
    desk.chatter(db, 200).await;
    desk.sequence(db).await;
    for _ in 0..2 {
        desk.chatter(db, 5).await;
        desk.sequence(db).await;
    }
    let report = desk.verify(db).await;
    assert_eq!(report.defects, [], "sound before");
    assert!(report.size > 256 && report.checkpoints == 4 && report.waiting == 0);
    let raw = Connection::open(db.url.strip_prefix("sqlite:").unwrap()).unwrap();
    // Whoever corrupts a file is held by no check of the schema.
    raw.execute_batch("PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    raw
}

fn targets() -> Vec<Target> {
    let mut targets: Vec<_> = TABLES
        .iter()
        .filter(|spec| !matches!(spec.vouched, Vouched::Nothing | Vouched::Rebuilt))
        .map(|spec| {
            let names: Vec<_> = spec.key.iter().map(|(name, _)| *name).collect();
            let names = if names.is_empty() { vec!["practice_id"] } else { names };
            let place = |name| spec.columns.iter().position(|column| *column == name).unwrap();
            Target {
                table: spec.table.name(),
                // What gave an entry its place says nothing once it has one.
                columns: spec
                    .columns
                    .iter()
                    .filter(|&&column| column != "arrival")
                    .map(|&column| column.to_owned())
                    .collect(),
                keys: names.into_iter().map(place).collect(),
            }
        })
        .collect();
    targets.push(Target {
        table: "schema_version",
        columns: ["version", "name", "applied_at"].map(str::to_owned).to_vec(),
        keys: vec![0],
    });
    targets
}

/// Does one thing to one row, or nothing where the schema itself forbids it.
fn corrupt(raw: &Connection, target: &Target, dice: &mut Dice) -> Option<(&'static str, Deed)> {
    let rows = rows(raw, target);
    let (rowid, before) = &rows[dice.below(rows.len() as u64) as usize];
    let column = dice.below(target.columns.len() as u64) as usize;
    let name = &target.columns[column];
    let set = format!("UPDATE {} SET {name} = ?1 WHERE rowid = ?2", target.table);
    let back = |value: &Held| (set.clone(), vec![value.clone(), Held::Integer(*rowid)]);
    match dice.below(5) {
        0 => {
            let after = flipped(&before[column], dice);
            update(raw, &set, &after, *rowid)?;
            let mut changed = before.clone();
            changed[column] = after;
            let deed = deed(target, "flip", name, &[before, &changed], vec![back(&before[column])]);
            Some(("flip", deed))
        }
        1 => {
            let after = match &before[column] {
                Held::Text(text) if !text.is_empty() => {
                    let keep = dice.below(text.chars().count() as u64) as usize;
                    Held::Text(text.chars().take(keep).collect())
                }
                Held::Blob(blob) if !blob.is_empty() => {
                    Held::Blob(blob[..dice.below(blob.len() as u64) as usize].to_vec())
                }
                _ => return None,
            };
            update(raw, &set, &after, *rowid)?;
            let mut changed = before.clone();
            changed[column] = after;
            let undo = vec![back(&before[column])];
            Some(("truncate", deed(target, "truncate", name, &[before, &changed], undo)))
        }
        2 => {
            raw.execute(&format!("DELETE FROM {} WHERE rowid = ?1", target.table), [rowid])
                .unwrap();
            let undo = vec![insertion(target, *rowid, before)];
            Some(("remove", deed(target, "remove", "the row", &[before], undo)))
        }
        3 => {
            let (other_id, other) = &rows[dice.below(rows.len() as u64) as usize];
            if other_id == rowid || other[column] == before[column] {
                return None;
            }
            // By way of a third value, for columns that must differ.
            let between = flipped(&Held::Text("between".into()), dice);
            update(raw, &set, &between, *rowid)?;
            if update(raw, &set, &before[column], *other_id).is_none()
                || update(raw, &set, &other[column], *rowid).is_none()
            {
                update(raw, &set, &between, *rowid)?;
                update(raw, &set, &other[column], *other_id)?;
                update(raw, &set, &before[column], *rowid)?;
                return None;
            }
            let (mut one, mut two) = (before.clone(), other.clone());
            std::mem::swap(&mut one[column], &mut two[column]);
            let undo = vec![
                (set.clone(), vec![between, Held::Integer(*rowid)]),
                (set.clone(), vec![other[column].clone(), Held::Integer(*other_id)]),
                back(&before[column]),
            ];
            Some(("reorder", deed(target, "reorder", name, &[before, other, &one, &two], undo)))
        }
        _ => {
            let mut copy = before.clone();
            let key = *target.keys.last().unwrap();
            copy[key] = flipped(&copy[key], dice);
            if target.table == AUDIT_ENTRY.name() {
                // A place that nobody has.
                copy[4] = Held::Integer(100_000 + dice.below(1000) as i64);
            }
            let (sql, values) = insertion(target, 1_000_000, &copy);
            raw.execute(&sql, rusqlite::params_from_iter(values)).ok()?;
            let undo = (format!("DELETE FROM {} WHERE rowid = 1000000", target.table), vec![]);
            Some(("add", deed(target, "add", "a row", &[&copy], vec![undo])))
        }
    }
}

fn update(raw: &Connection, set: &str, value: &Held, rowid: i64) -> Option<()> {
    raw.execute(set, (value, rowid)).ok().map(drop)
}

fn insertion(target: &Target, rowid: i64, values: &[Held]) -> (String, Vec<Held>) {
    let places: Vec<_> = (2..values.len() + 2).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "INSERT INTO {} (rowid, {}) VALUES (?1, {})",
        target.table,
        target.columns.join(", "),
        places.join(", ")
    );
    (sql, [Held::Integer(rowid)].into_iter().chain(values.iter().cloned()).collect())
}

fn rows(raw: &Connection, target: &Target) -> Vec<(i64, Vec<Held>)> {
    let sql =
        format!("SELECT rowid, {} FROM {} ORDER BY rowid", target.columns.join(", "), target.table);
    let mut statement = raw.prepare_cached(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        let values = (1..=target.columns.len()).map(|n| row.get(n)).collect::<Result<_, _>>()?;
        Ok((row.get(0)?, values))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The value with one bit, or one letter, changed; something where there was nothing.
fn flipped(value: &Held, dice: &mut Dice) -> Held {
    match value {
        Held::Null => Held::Integer(1),
        Held::Integer(int) => Held::Integer(int ^ (1 << dice.below(40))),
        Held::Real(real) => Held::Real(real + 1.0),
        Held::Text(text) if text.is_empty() => Held::Text("x".into()),
        Held::Text(text) => {
            let at = dice.below(text.chars().count() as u64) as usize;
            let turn = |(place, c)| match (place == at, c) {
                (true, 'x') => 'y',
                (true, _) => 'x',
                (false, c) => c,
            };
            Held::Text(text.chars().enumerate().map(turn).collect())
        }
        Held::Blob(blob) if blob.is_empty() => Held::Blob(vec![1]),
        Held::Blob(blob) => {
            let mut blob = blob.clone();
            let at = dice.below(blob.len() as u64) as usize;
            blob[at] ^= 1 << dice.below(8);
            Held::Blob(blob)
        }
    }
}

/// A row may be named by any key it has or had; an entry by its place as well, and a row of an
/// unknown practice by that.
fn deed(
    target: &Target,
    kind: &str,
    column: &str,
    versions: &[&Vec<Held>],
    undo: Vec<(String, Vec<Held>)>,
) -> Deed {
    let text = |value: &Held| match value {
        Held::Text(text) => text.clone(),
        Held::Integer(int) => int.to_string(),
        Held::Blob(blob) => hex::encode(blob),
        _ => "?".into(),
    };
    let mut names = BTreeSet::new();
    for row in versions {
        let key: Vec<_> = target.keys.iter().map(|place| text(&row[*place])).collect();
        names.insert(key.join("/"));
        names.insert("?".into());
        names.insert(format!("of unknown practice {}", text(&row[0])));
        if target.table == AUDIT_ENTRY.name() {
            names.insert(format!("leaf {}", text(&row[4])));
        }
    }
    let what = format!("{kind} of {column} in {} {names:?}", target.table);
    Deed { what, undo, names }
}
