//! The audit log on our tables.

mod corruption;
mod packet;
mod registry;
mod sequencer;
mod verify;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use gate::{BindingKey, PracticeId};
use seal::{Keyring, RootKey};
use sotto::audit::verify::{Report, verify as check};
use sotto::audit::{Actor, Event, Kind, Log, append};
use sotto::clock::Clock;
use sotto::db::registry::{OUTBOX, PRACTICE, Spec, TABLES, Vouched};
use sotto::db::{Db, DbError, Sql, Tx, Value};
use sotto::sql;

use crate::engines::TestDb;

/// All that a log needs, for a practice that has nothing else yet.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    practice: PracticeId,
    keys: Keyring,
    binding: BindingKey,
    clock: Clock,
    folder: PathBuf,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl<'a> From<&'a Desk> for Log<'a> {
    fn from(desk: &'a Desk) -> Self {
        let inner = &*desk.0;
        Self {
            practice: inner.practice,
            keys: &inner.keys,
            binding: &inner.binding,
            clock: &inner.clock,
        }
    }
}

impl Desk {
    pub(crate) fn new(db: &TestDb) -> Self {
        let folder = std::env::temp_dir().join(format!("sotto-keys-{}", Clock::system().new_id()));
        let keys = Keyring::create(&folder, &RootKey::generate().unwrap()).unwrap();
        let binding = BindingKey::new(&keys.derive("clearance binding"));
        let practice = PracticeId(db.clock.new_id());
        Self(Arc::new(Inner { practice, keys, binding, clock: db.clock.clone(), folder }))
    }

    pub(crate) fn practice(&self) -> PracticeId {
        self.0.practice
    }

    pub(crate) async fn sequence(&self, db: &Db) -> Option<ledger::Checkpoint> {
        sotto::audit::sequencer::catch_up(db, self).await.unwrap()
    }

    pub(crate) async fn verify(&self, db: &Db) -> Report {
        let desk = self.clone();
        db.read(move |tx| check(tx, &desk, None, &mut |_| {})).await.unwrap()
    }

    /// Writes so many entries about nothing.
    pub(crate) async fn chatter(&self, db: &Db, count: usize) {
        let desk = self.clone();
        db.write(move |tx| {
            for _ in 0..count {
                append(tx, &desk, Event::new(Kind::PatientViewed, Actor::staff("s-1", "nurse")))?;
            }
            Ok::<_, sotto::audit::AuditError>(())
        })
        .await
        .unwrap();
    }

    /// Puts `rows` rows into every recorded table, and messages with their outbox rows.
    pub(crate) async fn fill(&self, db: &Db, rows: u64, dice: &mut Dice) {
        for spec in TABLES {
            let count = if spec.table == PRACTICE { 1 } else { rows };
            let (desk, mut own) = (self.clone(), dice.split());
            db.write(move |tx| {
                match spec.vouched {
                    Vouched::Recorded => {
                        for _ in 0..count {
                            let key = insert(tx, &desk, spec, &mut own, sense(spec))?;
                            tx.touch(spec.table, key);
                            let event = Event::new(Kind::PracticeChanged, Actor::operator());
                            append(tx, &desk, event)?;
                        }
                    }
                    Vouched::Working => queue(tx, &desk, count, &mut own)?,
                    Vouched::Nothing | Vouched::Rebuilt | Vouched::Proof => {}
                }
                Ok::<_, sotto::audit::AuditError>(())
            })
            .await
            .unwrap();
        }
    }
}

/// What a row must say for the schema to take it.
fn sense(spec: &Spec) -> &'static [(&'static str, Value<'static>)] {
    match spec.table.name() {
        "template_proposal" => {
            &[("state", Value::Text(Cow::Borrowed("waiting"))), ("version", Value::Null)]
        }
        _ => &[],
    }
}

/// Some messages that wait, each with its row in the outbox.
fn queue(
    tx: &mut Tx<'_>,
    desk: &Desk,
    count: u64,
    dice: &mut Dice,
) -> Result<(), sotto::audit::AuditError> {
    let message = sotto::db::registry::MESSAGE.spec().unwrap();
    for _ in 0..count {
        let id = insert(tx, desk, message, dice, &[("state", Value::Text("queued".into()))])?;
        tx.touch(message.table, id.clone());
        append(tx, desk, Event::new(Kind::MessageCleared, Actor::operator()))?;
        let (due, attempts) = (dice.below(1 << 40) as i64, dice.below(9) as u32);
        let mut bytes = Vec::new();
        let owner = "worker-1";
        for part in [
            desk.practice().0.as_bytes().as_slice(),
            id.parse::<uuid::Uuid>().unwrap().as_bytes(),
            b"sms_smpp",
            &due.to_be_bytes(),
            &attempts.to_be_bytes(),
            &i64::MIN.to_be_bytes(),
            owner.as_bytes(),
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        let mac = desk.0.keys.content_hash("outbox", &bytes);
        let values = [
            Value::Text(desk.practice().to_string().into()),
            Value::Text(id.into()),
            Value::Text("sms_smpp".into()),
            Value::Int(due),
            Value::Int(i64::from(attempts)),
            Value::Null,
            Value::Text(owner.into()),
            Value::Blob(mac.to_vec().into()),
        ];
        insert_values(tx, OUTBOX.spec().unwrap(), &values)?;
    }
    Ok(())
}

/// Inserts a row of random content, but for the columns that are given, and gives its key.
fn insert(
    tx: &mut Tx<'_>,
    desk: &Desk,
    spec: &Spec,
    dice: &mut Dice,
    given: &[(&str, Value<'static>)],
) -> Result<String, DbError> {
    let mut values = Vec::new();
    let mut key = Vec::new();
    for (name, kind, required) in columns(tx, spec)? {
        let is_key = spec.key.iter().any(|(column, _)| *column == name);
        let fixed = given.iter().find(|(column, _)| *column == name);
        let value = match (name.as_str(), kind.as_str()) {
            _ if fixed.is_some() => fixed.unwrap().1.clone(),
            ("practice_id", _) => Value::Text(desk.practice().to_string().into()),
            (_, _) if !required && !is_key && dice.below(3) == 0 => Value::Null,
            (_, "text") => Value::Text(desk.0.clock.new_id().to_string().into()),
            (_, "int") => Value::Int(dice.below(1 << 40) as i64),
            _ => Value::Blob((0..24).map(|_| dice.below(256) as u8).collect::<Vec<_>>().into()),
        };
        if is_key {
            key.push(match &value {
                Value::Text(text) => text.to_string(),
                Value::Int(int) => int.to_string(),
                Value::Blob(blob) => hex::encode(blob),
                Value::Null => unreachable!("keys are never null"),
            });
        }
        values.push(value);
    }
    insert_values(tx, spec, &values)?;
    Ok(if key.is_empty() { desk.practice().to_string() } else { key.join("/") })
}

fn insert_values(tx: &mut Tx<'_>, spec: &Spec, values: &[Value<'_>]) -> Result<(), DbError> {
    let places: Vec<_> = (1..=values.len()).map(|n| format!("${n}")).collect();
    let (table, columns) = (spec.table.name(), spec.columns.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({})", places.join(", "));
    tx.execute(literal(sql), values).map(drop)
}

/// Name, type (`text`, `int`, `blob`) and whether it must be there, of each column as the live
/// schema has it.
pub(crate) fn columns(
    tx: &mut Tx<'_>,
    spec: &Spec,
) -> Result<Vec<(String, String, bool)>, DbError> {
    let sql = sql! {
        sqlite: "SELECT name, type, \"notnull\" FROM pragma_table_info($1) ORDER BY cid",
        postgres: "SELECT column_name::text, data_type::text,
             (CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END)::bigint
         FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
    };
    tx.query(sql, &[Value::Text(spec.table.name().into())], |row| {
        let kind = match row.get::<String>(1)?.as_str() {
            "TEXT" | "text" => "text",
            "BIGINT" | "bigint" => "int",
            "BLOB" | "bytea" => "blob",
            other => panic!("{other} is no type of ours"),
        };
        Ok((row.get(0)?, kind.to_owned(), row.get::<i64>(2)? == 1))
    })
}

/// SQL made by a test. The program itself has literals only.
pub(crate) fn literal(sql: String) -> Sql {
    let sqlite = sql.replace('$', "?").leak();
    Sql::from_literals(sqlite, sql.leak())
}

/// Repeatable randomness (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8) % end.max(1)
    }

    pub(crate) fn split(&mut self) -> Self {
        Self::new(self.below(u64::MAX))
    }
}
