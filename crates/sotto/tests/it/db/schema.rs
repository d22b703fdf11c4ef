//! The two schemas are one: the same tables, columns, types, nullability, keys and indexes.

use std::collections::BTreeSet;

use postgres::NoTls;
use sotto::db::{DatabaseUrl, Db, DbError, Threads};

use crate::engines::{Engine, TestDb, wanted};

fn sqlite_schema(db: &TestDb) -> BTreeSet<String> {
    let path = db.url.strip_prefix("sqlite:").unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut all = BTreeSet::new();
    // In SQLite a primary key column may be NULL unless it says NOT NULL; ours are never written
    // so, and PostgreSQL forbids it.
    all.extend(texts(
        "SELECT 'column ' || t.name || '.' || c.name || ' ' ||
                CASE c.type WHEN 'BLOB' THEN 'BYTEA' ELSE c.type END ||
                CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' NOT NULL' ELSE '' END
           FROM sqlite_schema t, pragma_table_info(t.name) c
          WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    ));
    all.extend(texts(
        "SELECT 'primary key ' || name || ' (' || group_concat(column, ', ') || ')'
           FROM (SELECT t.name AS name, c.name AS column
                   FROM sqlite_schema t, pragma_table_info(t.name) c
                  WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.pk > 0
                  ORDER BY t.name, c.pk)
          GROUP BY name",
    ));
    all.extend(texts(
        "SELECT CASE i.\"unique\" WHEN 1 THEN 'unique ' ELSE '' END || 'index ' ||
                CASE i.origin WHEN 'c' THEN i.name ELSE '' END || ' on ' || t.name || ' (' ||
                (SELECT group_concat(name, ', ') FROM (
                    SELECT coalesce(name, 'expression') AS name FROM pragma_index_info(i.name)
                     ORDER BY seqno)) ||
                ')' || CASE i.partial WHEN 1 THEN ' partial' ELSE '' END
           FROM sqlite_schema t, pragma_index_list(t.name) i
          WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND i.origin <> 'pk'",
    ));
    all.extend(texts(
        "SELECT 'foreign key ' || t.name || '.' || f.\"from\" || ' -> ' || f.\"table\"
           FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
    ));
    all
}

fn postgres_schema(db: &TestDb) -> BTreeSet<String> {
    let mut client = postgres::Client::connect(&db.url, NoTls).unwrap();
    let mut texts = |sql: &str| -> Vec<String> {
        client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    };
    let mut all = BTreeSet::new();
    all.extend(texts(
        "SELECT 'column ' || table_name || '.' || column_name || ' ' || upper(data_type) ||
                CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
           FROM information_schema.columns WHERE table_schema = 'public'",
    ));
    all.extend(texts(
        "SELECT 'primary key ' || c.conrelid::regclass || ' (' ||
                string_agg(a.attname, ', ' ORDER BY k.place) || ')'
           FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY AS k(number, place), pg_attribute a
          WHERE c.contype = 'p' AND a.attrelid = c.conrelid AND a.attnum = k.number
            AND c.connamespace = 'public'::regnamespace
          GROUP BY c.conrelid",
    ));
    all.extend(texts(
        "SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || 'index ' ||
                CASE WHEN EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
                     THEN '' ELSE i.indexrelid::regclass::text END ||
                ' on ' || i.indrelid::regclass || ' (' ||
                (SELECT string_agg(coalesce(a.attname, 'expression'), ', ' ORDER BY k.place)
                   FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place)
                   LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number) ||
                ')' || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END
           FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
          WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary",
    ));
    all.extend(texts(
        "SELECT 'foreign key ' || c.conrelid::regclass || '.' || a.attname || ' -> ' ||
                c.confrelid::regclass
           FROM pg_constraint c, unnest(c.conkey) AS k(number), pg_attribute a
          WHERE c.contype = 'f' AND a.attrelid = c.conrelid AND a.attnum = k.number",
    ));
    all
}

#[test]
fn the_two_schemas_are_one() {
    if !wanted(Engine::Postgres) {
        return;
    }
    let sqlite = sqlite_schema(&TestDb::new(Engine::Sqlite));
    let postgres = postgres_schema(&TestDb::new(Engine::Postgres));
    assert!(sqlite.iter().any(|line| line.starts_with("column schema_version.version BIGINT")));
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only on SQLite: {only_sqlite:#?}\nonly on PostgreSQL: {only_postgres:#?}"
    );
}

#[test]
fn columns_are_text_bigint_or_bytes() {
    for line in sqlite_schema(&TestDb::new(Engine::Sqlite)) {
        if let Some(column) = line.strip_prefix("column ") {
            let kind = column.split(' ').nth(1).unwrap();
            assert!(matches!(kind, "TEXT" | "BIGINT" | "BYTEA"), "{line}");
        }
    }
}

/// A program that knows one migration less than the database holds.
#[test]
fn an_older_program_goes_on_beside_a_newer_schema_that_allows_it_and_beside_no_other() {
    let later = sotto::db::known_version() + 1;
    let cases = [
        // The newer version says from which version on programs may run beside it.
        (Some(sotto::db::known_version()), true),
        (Some(1), true),
        (Some(later), false),
        (None, false),
    ];
    for engine in [Engine::Sqlite, Engine::Postgres].into_iter().filter(|e| wanted(*e)) {
        for (oldest, may) in cases {
            let db = TestDb::new(engine);
            let oldest = oldest.map_or("NULL".to_owned(), |oldest: i64| oldest.to_string());
            let newer = format!(
                "ALTER TABLE node ADD COLUMN added_later TEXT;
                 INSERT INTO schema_version (version, name, applied_at, oldest)
                 VALUES ({later}, '{later:04}_later', 0, {oldest})"
            );
            match engine {
                Engine::Sqlite => {
                    let path = db.url.strip_prefix("sqlite:").unwrap();
                    rusqlite::Connection::open(path).unwrap().execute_batch(&newer).unwrap();
                }
                Engine::Postgres => {
                    let mut client = postgres::Client::connect(&db.url, NoTls).unwrap();
                    client.batch_execute(&newer).unwrap();
                }
            }
            let url: DatabaseUrl = db.url.parse().unwrap();
            let opened = Db::open(&url, Threads { readers: 1, writers: 1 }, db.clock.now());
            assert_eq!(opened.is_ok(), may, "{engine:?}, oldest {oldest}");
            if let Err(error) = opened {
                assert!(matches!(error, DbError::Newer { found, .. } if found == later), "{error}");
            }
        }
    }
}
