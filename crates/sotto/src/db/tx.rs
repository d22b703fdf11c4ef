//! A transaction, the first argument of everything that stores or reads.

use std::time::Duration;

use crate::db::{
    DbError,
    fault::Heard,
    ground::{Ground, Mark},
    line::{Line, Said},
    registry::Table,
    row::{Row, Source},
    sql::{Sql, Value},
};
use crate::{params, sql};

/// An open transaction on one of the two engines. It lives inside the closure given to
/// [`Db::write`](crate::db::Db::write) or [`Db::read`](crate::db::Db::read) and is committed when
/// that returns `Ok`.
///
/// A failed statement fails the whole transaction, on both engines alike: PostgreSQL knows it no
/// other way. Write `ON CONFLICT` instead of catching [`DbError::Duplicate`].
pub struct Tx<'c> {
    engine: Engine<'c>,
    writes: bool,
    failed: bool,
    ground: Option<&'c Ground>,
    moved_ground: bool,
    wrote: bool,
    broke: Option<DbError>,
    touched: Vec<(Table, String)>,
    after_commit: Vec<Hook>,
    /// `None` but in tests.
    heard: Option<Heard>,
    /// What is to be asked ahead, while that is being found out.
    foreseen: Option<Vec<Said>>,
}

/// How deep what is asked ahead may depend on answers.
const ROUNDS: usize = 4;

/// Something to do once a commit is durable.
pub(super) type Hook = Box<dyn FnOnce() + Send>;

pub(super) enum Engine<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut Line),
}

impl<'c> Tx<'c> {
    pub(super) fn new(engine: Engine<'c>, writes: bool) -> Self {
        Self {
            engine,
            writes,
            failed: false,
            ground: None,
            moved_ground: false,
            wrote: false,
            broke: None,
            touched: Vec::new(),
            after_commit: Vec::new(),
            heard: None,
            foreseen: None,
        }
    }

    /// From now on each statement is heard.
    pub(super) fn heard_by(&mut self, heard: Heard) {
        self.heard = Some(heard);
    }

    fn says(&self, sql: Sql) {
        if let Some(heard) = &self.heard {
            heard(sql.sqlite);
        }
    }

    /// The same, where what decisions rest on is watched.
    pub(super) fn watched(self, ground: &'c Ground) -> Self {
        Self { ground: Some(ground), ..self }
    }

    /// Whether nothing that decisions rest on has changed since the mark was taken. What a reader
    /// decided then may be stored now; otherwise it is decided again, here.
    #[must_use]
    pub fn unchanged_since(&self, mark: &Mark) -> bool {
        self.ground.is_some_and(|ground| ground.mark() == *mark)
    }

    /// Whether this transaction changed what decisions rest on.
    pub(super) const fn moved_ground(&self) -> bool {
        self.moved_ground
    }

    /// Whether a statement changed a row.
    pub(super) const fn wrote(&self) -> bool {
        self.wrote
    }

    /// Why the engine failed at a statement that writes, if it did.
    pub(super) const fn broke(&self) -> Option<&DbError> {
        self.broke.as_ref()
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// [`DbError`] as the engine says; the transaction can then only be rolled back.
    pub fn execute(&mut self, sql: Sql, params: &[Value<'_>]) -> Result<u64, DbError> {
        self.may_write()?;
        self.says(sql);
        let changed = self.guarded(|engine| match engine {
            Engine::Sqlite(connection) => {
                let mut statement = bound(connection, sql.sqlite, params)?;
                let rows = statement.raw_execute().map_err(|e| DbError::sqlite(e, sql.sqlite))?;
                Ok(u64::try_from(rows).unwrap_or(u64::MAX))
            }
            Engine::Postgres(line) => line.execute(sql.postgres, params),
        });
        match &changed {
            Ok(rows) => self.wrote |= *rows > 0,
            Err(error) => self.broke = Some(error.clone()),
        }
        changed
    }

    /// Runs a statement of which nobody asks how many rows it changed. On PostgreSQL it goes out with
    /// the next statement, or with the commit, and what is wrong with it is said there.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn put(&mut self, sql: Sql, params: &[Value<'_>]) -> Result<(), DbError> {
        if matches!(self.engine, Engine::Sqlite(_)) {
            return self.execute(sql, params).map(drop);
        }
        self.may_write()?;
        self.says(sql);
        self.wrote = true;
        self.before_the_next(sql, params)
    }

    const fn may_write(&self) -> Result<(), DbError> {
        // What is asked ahead is only looked for.
        if self.writes && self.foreseen.is_none() { Ok(()) } else { Err(DbError::ReadOnly) }
    }

    fn before_the_next(&mut self, sql: Sql, params: &[Value<'_>]) -> Result<(), DbError> {
        if self.foreseen.is_some() {
            return Err(DbError::ReadOnly);
        }
        self.guarded(|engine| {
            if let Engine::Postgres(line) = engine {
                line.put(sql.postgres, params);
            }
            Ok(())
        })
    }

    /// Says what [`put`](Self::put) and the locks left for the next statement.
    ///
    /// # Errors
    /// [`DbError`] as the engine says.
    pub(super) fn settle(&mut self) -> Result<(), DbError> {
        self.guarded(|engine| match engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(line) => line.settle(),
        })
    }

    /// Asks at once what `look` is going to ask one after the other, and keeps the answers until
    /// something is written or locked. Each answer of PostgreSQL costs a way there and back; on
    /// SQLite there is none, and nothing is done.
    ///
    /// `look` only reads. It is tried with no rows for what is not known yet, so that what depends on
    /// an answer is found in the next round; what it returns, its errors too, is thrown away.
    ///
    /// # Errors
    /// [`DbError`] as the engine says.
    pub fn ahead<T>(&mut self, mut look: impl FnMut(&mut Self) -> T) -> Result<(), DbError> {
        if matches!(self.engine, Engine::Sqlite(_)) || self.foreseen.is_some() {
            return Ok(());
        }
        for _ in 0..ROUNDS {
            self.foreseen = Some(Vec::new());
            drop(look(self));
            let asked = self.foreseen.take().unwrap_or_default();
            if asked.is_empty() {
                break;
            }
            self.guarded(|engine| match engine {
                Engine::Sqlite(_) => Ok(()),
                Engine::Postgres(line) => line.ahead(asked),
            })?;
        }
        Ok(())
    }

    /// [`ahead`](Self::ahead) together with the next statement that [`execute`](Self::execute) runs,
    /// behind it: what is then as it left it.
    pub fn behind<T>(&mut self, look: impl FnOnce(&mut Self) -> T) {
        if matches!(self.engine, Engine::Sqlite(_)) || self.foreseen.is_some() {
            return;
        }
        self.foreseen = Some(Vec::new());
        drop(look(self));
        let asked = self.foreseen.take().unwrap_or_default();
        if let Engine::Postgres(line) = &mut self.engine {
            line.behind(asked);
        }
    }

    /// Runs a query and reads each row with `read`.
    ///
    /// # Errors
    /// [`DbError`] as the engine or `read` says.
    pub fn query<T>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let mut all = Vec::new();
        self.each(sql, params, |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// Runs a query and shows each row to `see` as it arrives, keeping none in memory.
    ///
    /// # Errors
    /// [`DbError`] as the engine says, or the first error of `see`, which ends the query.
    pub fn each<E: From<DbError>>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        mut see: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(foreseen) = &mut self.foreseen {
            return foresee(&self.engine, foreseen, sql, params, see);
        }
        self.says(sql);
        let mut broke = None;
        let result = self.guarded(|engine| match engine {
            Engine::Sqlite(connection) => {
                let mut statement = bound(connection, sql.sqlite, params)?;
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next().map_err(|e| DbError::sqlite(e, sql.sqlite))? {
                    see(&Row(Source::Sqlite(row)))?;
                }
                Ok(())
            }
            Engine::Postgres(line) => {
                if let Some(known) = line.known(sql.postgres, params) {
                    return known.iter().try_for_each(|row| see(&Row(Source::Postgres(row))));
                }
                let mut rows = line
                    .query(sql.postgres, params)
                    .inspect_err(|error| broke = Some(error.clone()))?;
                while let Some(row) = line.next(&mut rows, sql.postgres)? {
                    see(&Row(Source::Postgres(&row)))?;
                }
                Ok(())
            }
        });
        if self.writes && broke.is_some() {
            // With a question goes what was to be written before it.
            self.broke = broke;
        }
        result
    }

    /// The one row of a query, or none.
    ///
    /// # Errors
    /// [`DbError::ManyRows`] when there is a second one.
    pub fn query_opt<T>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        let mut rows = self.query(sql, params, read)?;
        let last = rows.pop();
        if rows.is_empty() { Ok(last) } else { Err(DbError::ManyRows { sql: sql.sqlite }) }
    }

    /// The one row that must be there.
    ///
    /// # Errors
    /// [`DbError::NoRow`] or [`DbError::ManyRows`].
    pub fn query_one<T>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.query_opt(sql, params, read)?.ok_or(DbError::NoRow { sql: sql.sqlite })
    }

    /// A lock named `key` that this transaction holds to its end, from its next statement on: that
    /// one waits for it, and sees what whoever held it before has stored. SQLite has one writer, so
    /// there it is held already; PostgreSQL takes an advisory lock.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when waiting would deadlock.
    pub fn lock(&mut self, key: i64) -> Result<(), DbError> {
        let take = sql! {
            sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
            postgres: "SELECT 1 FROM pg_advisory_xact_lock($1)"
        };
        self.before_the_next(take, params![key])
    }

    /// As [`lock`](Self::lock), but only against whoever wants it alone: any number of transactions
    /// hold it together.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when waiting would deadlock.
    pub fn lock_shared(&mut self, key: i64) -> Result<(), DbError> {
        let take = sql! {
            sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
            postgres: "SELECT 1 FROM pg_advisory_xact_lock_shared($1)"
        };
        self.before_the_next(take, params![key])
    }

    /// As [`lock`](Self::lock), but answers `false` at once when another transaction holds it.
    ///
    /// # Errors
    /// [`DbError`] as the engine says.
    pub fn try_lock(&mut self, key: i64) -> Result<bool, DbError> {
        let take = sql! {
            sqlite: "SELECT $1 IS NOT NULL",
            postgres: "SELECT pg_try_advisory_xact_lock($1)"
        };
        self.query_one(take, params![key], |row| row.get(0))
    }

    /// Takes a lock named `key` that the connection holds, in place of the one it held, until it
    /// ends: whoever can [`try_lock`](Self::try_lock) it knows that the connection is gone. Not
    /// undone by a rollback. On SQLite there is nobody to know.
    ///
    /// # Errors
    /// [`DbError`] as the engine says.
    pub fn lock_while_connected(&mut self, key: i64) -> Result<(), DbError> {
        let take = sql! {
            sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
            postgres: "SELECT pg_advisory_unlock_all(), pg_try_advisory_lock($1)"
        };
        self.query(take, params![key], |_| Ok(()))?;
        Ok(())
    }

    /// Lets the server end this transaction, with its locks, once nothing happens in it for so long:
    /// this process may be paused or cut off. SQLite's locks end with the process alone.
    ///
    /// # Errors
    /// [`DbError`] as the engine says.
    pub fn ends_when_idle(&mut self, idle: Duration) -> Result<(), DbError> {
        let limit = sql! {
            sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
            postgres: "SELECT 1 WHERE
                set_config('idle_in_transaction_session_timeout', $1, true) IS NOT NULL"
        };
        self.query(limit, params![idle.as_millis().to_string()], |_| Ok(()))?;
        Ok(())
    }

    /// Notes that this transaction writes the row `key` of `table`. An audit entry must bind it
    /// before the end, or the transaction is rolled back with [`DbError::Unaudited`].
    pub fn touch(&mut self, table: Table, key: impl Into<String>) {
        self.moved_ground |= table.decisions_rest_on();
        self.touched.push((table, key.into()));
    }

    /// The rows noted and not yet bound.
    #[must_use]
    pub fn touched(&self) -> &[(Table, String)] {
        &self.touched
    }

    /// Hands the noted rows over to the audit entry that binds them; only `audit::append` calls it.
    pub fn take_touched(&mut self) -> Vec<(Table, String)> {
        std::mem::take(&mut self.touched)
    }

    /// Does `hook` once this transaction is durable, before its caller hears of it, or when nobody
    /// can tell whether it is; never when it is rolled back. For bells: a look too many costs little.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(hook));
    }

    pub(super) fn take_hooks(&mut self) -> Vec<Hook> {
        std::mem::take(&mut self.after_commit)
    }

    /// True inside `db.write`.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// May this transaction be committed?
    pub(super) fn verdict(&self) -> Result<(), DbError> {
        if self.failed {
            return Err(DbError::AfterFailure);
        }
        match self.touched.first() {
            Some((table, _)) => Err(DbError::Unaudited { rows: self.touched.len(), table: *table }),
            None => Ok(()),
        }
    }

    fn guarded<T, E: From<DbError>>(
        &mut self,
        work: impl FnOnce(&mut Engine<'c>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.failed {
            return Err(DbError::AfterFailure.into());
        }
        let result = work(&mut self.engine);
        self.failed = result.is_err();
        result
    }
}

/// Prepares and binds.
fn bound<'c>(
    connection: &'c rusqlite::Connection,
    sql: &'static str,
    params: &[Value<'_>],
) -> Result<rusqlite::CachedStatement<'c>, DbError> {
    let broken = |e| DbError::sqlite(e, sql);
    debug_assert!(!sql.contains('$'), "a text that no macro of ours made: {sql}");
    let mut statement = connection.prepare_cached(sql).map_err(broken)?;
    check_count(statement.parameter_count(), params, sql)?;
    for (index, value) in (1..).zip(params) {
        statement.raw_bind_parameter(index, value).map_err(broken)?;
    }
    Ok(statement)
}

/// What is to be asked ahead is noted; what is known already is shown.
fn foresee<E: From<DbError>>(
    engine: &Engine<'_>,
    foreseen: &mut Vec<Said>,
    sql: Sql,
    params: &[Value<'_>],
    mut see: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Engine::Postgres(line) = engine else { return Ok(()) };
    if let Some(known) = line.known(sql.postgres, params) {
        return known.iter().try_for_each(|row| see(&Row(Source::Postgres(row))));
    }
    let said = Said { sql: sql.postgres, params: params.iter().map(Value::owned).collect() };
    if !foreseen.contains(&said) {
        foreseen.push(said);
    }
    Ok(())
}

pub(super) fn check_count(
    count: usize,
    params: &[Value<'_>],
    sql: &'static str,
) -> Result<(), DbError> {
    if count == params.len() {
        Ok(())
    } else {
        Err(DbError::Placeholders { given: params.len(), sql })
    }
}
