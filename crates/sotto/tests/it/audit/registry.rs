//! The registry is the schema.

use std::collections::BTreeSet;

use sotto::db::DbError;
use sotto::db::registry::{SCHEMA_VERSION, TABLES};
use sotto::sql;

use super::columns;
use crate::on_both_engines;

on_both_engines! {
    async fn every_table_and_column_of_the_live_schema_is_registered(db: TestDb) {
        db.read(|tx| {
            let live: BTreeSet<String> = tx
                .query(
                    sql! {
                        sqlite: "SELECT name FROM sqlite_schema WHERE type = 'table'
                         AND name NOT LIKE 'sqlite_%'",
                        postgres: "SELECT tablename::text FROM pg_tables
                         WHERE schemaname = current_schema()"
                    },
                    &[],
                    |row| row.get(0),
                )?
                .into_iter()
                .collect();
            let known: BTreeSet<String> = TABLES
                .iter()
                .map(|spec| spec.table.name().to_owned())
                .chain([SCHEMA_VERSION.name().to_owned()])
                .collect();
            assert_eq!(live, known, "add the table to db/registry.rs, with what vouches for it");
            for spec in TABLES {
                let live: Vec<_> = columns(tx, spec)?.into_iter().map(|(name, ..)| name).collect();
                assert_eq!(live, spec.columns, "{}", spec.table.name());
                let keys_first = spec.key.iter().all(|(key, _)| spec.columns.contains(key));
                assert!(keys_first, "{}", spec.table.name());
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }
}
