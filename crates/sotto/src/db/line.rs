//! A connection to PostgreSQL on which nothing waits that need not wait.
//!
//! Each answer of the server costs a way there and back, whatever was asked. So what is said is sent
//! together, in order, and waited for once: BEGIN goes out with the first question, a lock and a
//! write whose count nobody asks for ([`Tx::put`](super::Tx::put)) with the next one, the last write
//! with COMMIT, and reads that are known to come ([`Tx::ahead`](super::Tx::ahead)) all at once. To
//! the server these are the same statements, one after the other, each of them with its own snapshot
//! and behind the locks that were asked for before it.
//!
//! - A write never goes out with BEGIN: where BEGIN failed it would be stored by itself.
//! - What cannot be sent stops all that comes behind it, so that no COMMIT leaves without the write
//!   before it; and of a transaction in which one statement failed the server makes a ROLLBACK.
//! - An answer that was asked for ahead is forgotten at the next write or lock.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls, Row, RowStream, Statement};

use crate::channels::transport::client_config;
use crate::db::plans::Plans;
use crate::db::postgres::{Server, cannot_connect, settings};
use crate::db::sql::Value;
use crate::db::tls::Tls;
use crate::db::tx::check_count;
use crate::db::vitals::now;
use crate::db::{DbError, Vitals};

macro_rules! begin {
    ($begin:literal) => {
        Begin { plain: $begin, planning_anew: concat!($begin, "; DISCARD PLANS") }
    };
}

/// How many statements are under way at once. The server answers the first before it reads the last.
const AT_ONCE: usize = 64;

/// What a transaction begins with. READ COMMITTED for writes: rows that must not change under us are
/// read `FOR UPDATE`. A snapshot for reads.
const WRITE: Begin = begin!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
const READ: Begin = begin!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

/// What the server makes of a transaction that is given up.
const ROLLBACK: &str = "ROLLBACK";

/// A connection, with the transaction that is open on it.
pub(super) struct Line {
    server: Server,
    writes: bool,
    runtime: Runtime,
    client: Client,
    connection: JoinHandle<Result<(), Error>>,
    /// Prepared statements, by their text.
    statements: HashMap<&'static str, Statement>,
    plans: Plans,
    vitals: Arc<Vitals>,
    broken: bool,
    turn: Turn,
}

/// How a transaction begins.
struct Begin {
    plain: &'static str,
    /// The same, and all plans are forgotten.
    planning_anew: &'static str,
}

/// One transaction.
#[derive(Default)]
struct Turn {
    /// Not said yet.
    begin: Option<&'static str>,
    /// The connection has been idle, and may have broken meanwhile.
    was_idle: bool,
    /// To be said before the next question.
    waiting: Vec<Said>,
    /// To be asked with the next statement, behind it.
    behind: Vec<Said>,
    /// Answers to what was asked ahead.
    known: Vec<Known>,
}

/// A statement with its values.
#[derive(PartialEq, Eq)]
pub(super) struct Said {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Value<'static>>,
}

struct Known {
    said: Said,
    rows: Vec<Row>,
}

/// The rows of a question as they arrive.
pub(super) struct Rows(Pin<Box<RowStream>>);

/// One thing to say.
#[derive(Clone, Copy)]
enum Saying<'a> {
    /// BEGIN and the like.
    Word(&'static str),
    Ask {
        sql: &'static str,
        params: &'a [Value<'a>],
        /// Its rows are left to be read.
        streamed: bool,
    },
}

impl<'a> Saying<'a> {
    fn ask(said: &'a Said) -> Self {
        Saying::Ask { sql: said.sql, params: &said.params, streamed: false }
    }

    const fn text(self) -> &'static str {
        match self {
            Saying::Word(sql) | Saying::Ask { sql, .. } => sql,
        }
    }
}

/// What came back.
enum Reply {
    Done,
    Rows { rows: Vec<Row>, changed: u64 },
    Stream(Rows),
}

type Replies = Vec<Result<Reply, Error>>;

impl Line {
    /// Connects, with a clear word when it cannot.
    pub(super) fn open(server: Server, writes: bool, vitals: Arc<Vitals>) -> Result<Self, DbError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| DbError::Open { why: e.to_string() })?;
        let tls = match server.roots() {
            None => None,
            Some(roots) => {
                let config = client_config(roots);
                Some(Tls(Arc::new(config.map_err(|e| DbError::Open { why: e.to_string() })?)))
            }
        };
        let (client, connection) = runtime
            .block_on(async {
                Ok::<_, Error>(match tls {
                    None => {
                        let (client, connection) = server.config().connect(NoTls).await?;
                        (client, tokio::spawn(connection))
                    }
                    Some(tls) => {
                        let (client, connection) = server.config().connect(tls).await?;
                        (client, tokio::spawn(connection))
                    }
                })
            })
            .map_err(|e| cannot_connect(&e))?;
        let line = Self {
            server,
            writes,
            runtime,
            client,
            connection,
            statements: HashMap::new(),
            plans: Plans::new(now()),
            vitals,
            broken: false,
            turn: Turn::default(),
        };
        line.wait(line.client.batch_execute(&settings(writes)))
            .map_err(|e| DbError::postgres(&e, "SET"))?;
        Ok(line)
    }

    /// Takes leave of the server.
    pub(super) fn close(self) {
        let Self { runtime, client, connection, .. } = self;
        drop(client);
        let _ = runtime.block_on(connection);
    }

    /// True once nothing more can be asked here.
    pub(super) fn is_broken(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    /// The client itself, for what is no transaction of a closure's.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for something that [`client`](Self::client) does.
    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// A transaction begins with the next question.
    pub(super) fn begin(&mut self, was_idle: bool) {
        let begin = if self.writes { WRITE } else { READ };
        let begin = if self.plans.are_old(now()) { begin.planning_anew } else { begin.plain };
        self.turn = Turn { begin: Some(begin), was_idle, ..Turn::default() };
    }

    /// Says this before the next question, or with COMMIT.
    pub(super) fn put(&mut self, sql: &'static str, params: &[Value<'_>]) {
        self.turn.known.clear();
        self.turn.waiting.push(Said { sql, params: owned(params) });
    }

    /// Asks all of it at once and keeps the answers for whoever asks the same.
    pub(super) fn ahead(&mut self, mut asked: Vec<Said>) -> Result<(), DbError> {
        while !asked.is_empty() {
            let later = asked.split_off(asked.len().min(AT_ONCE));
            let sayings: Vec<_> = asked.iter().map(Saying::ask).collect();
            let replies = self.exchange(&sayings)?;
            self.keep(asked, replies);
            asked = later;
        }
        Ok(())
    }

    /// Asks this with the next statement that [`execute`](Self::execute) runs, behind it.
    pub(super) fn behind(&mut self, asked: Vec<Said>) {
        self.turn.behind = asked;
    }

    fn keep(&mut self, asked: Vec<Said>, replies: impl IntoIterator<Item = Reply>) {
        for (said, reply) in asked.into_iter().zip(replies) {
            if locks(said.sql) {
                // What was read before the lock may be old.
                self.turn.known.clear();
            }
            if let Reply::Rows { rows, .. } = reply {
                self.turn.known.push(Known { said, rows });
            }
        }
    }

    /// The answer to this question, if it was asked ahead.
    pub(super) fn known(&self, sql: &str, params: &[Value<'_>]) -> Option<&[Row]> {
        let same = |known: &&Known| known.said.sql == sql && known.said.params.as_slice() == params;
        self.turn.known.iter().find(same).map(|known| known.rows.as_slice())
    }

    /// Asks a question whose rows [`next`](Self::next) reads.
    pub(super) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Rows, DbError> {
        if locks(sql) || !reads(sql) {
            self.turn.known.clear();
        }
        match self.exchange(&[Saying::Ask { sql, params, streamed: true }])?.pop() {
            Some(Reply::Stream(rows)) => Ok(rows),
            _ => Err(DbError::Lost),
        }
    }

    /// The next row.
    pub(super) fn next(
        &mut self,
        rows: &mut Rows,
        sql: &'static str,
    ) -> Result<Option<Row>, DbError> {
        // Mostly it has arrived with the one before.
        let next = match rows.0.next().now_or_never() {
            Some(next) => next,
            None => self.runtime.block_on(rows.0.next()),
        };
        next.transpose().map_err(|error| self.failed(&error, sql))
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, DbError> {
        self.turn.known.clear();
        let behind = std::mem::take(&mut self.turn.behind);
        let mut sayings = vec![Saying::Ask { sql, params, streamed: false }];
        sayings.extend(behind.iter().map(Saying::ask));
        let mut replies = self.exchange(&sayings)?.into_iter();
        let Some(Reply::Rows { changed, .. }) = replies.next() else { return Err(DbError::Lost) };
        self.keep(behind, replies);
        Ok(changed)
    }

    /// Says what waits.
    pub(super) fn settle(&mut self) -> Result<(), DbError> {
        if self.turn.waiting.is_empty() { Ok(()) } else { self.exchange(&[]).map(drop) }
    }

    /// Ends the transaction; what it did stays.
    pub(super) fn commit(&mut self) -> Result<(), DbError> {
        if self.turn.waiting.is_empty() && self.turn.begin.is_some() {
            // Nothing was asked at all.
            return Ok(());
        }
        self.begin_now()?;
        let Turn { waiting, .. } = std::mem::take(&mut self.turn);
        let mut sayings: Vec<_> = waiting.iter().map(Saying::ask).collect();
        sayings.push(Saying::Word("COMMIT"));
        let replies = match self.talk(&sayings) {
            Ok(replies) => replies,
            Err(error) => {
                self.give_up();
                return Err(error);
            }
        };
        let said_commit = replies.len() == sayings.len();
        for (reply, saying) in replies.into_iter().zip(sayings) {
            let Err(error) = reply else { continue };
            let error = self.failed(&error, saying.text());
            if !said_commit {
                self.give_up();
            }
            return Err(match error {
                DbError::Lost if said_commit => DbError::CommitUnknown,
                error => error,
            });
        }
        Ok(())
    }

    /// Ends the transaction; nothing of it stays.
    pub(super) fn give_up(&mut self) {
        let turn = std::mem::take(&mut self.turn);
        if turn.begin.is_none() && !self.is_broken() {
            // If this fails the connection is gone, and the server rolls back by itself.
            let replies = self.talk(&[Saying::Word(ROLLBACK)]);
            self.broken |= !matches!(replies.as_deref(), Ok([Ok(_)]));
        }
    }

    /// What waits, and this behind it, in one go. The replies to this.
    fn exchange(&mut self, sayings: &[Saying<'_>]) -> Result<Vec<Reply>, DbError> {
        let mut waiting = std::mem::take(&mut self.turn.waiting);
        if waiting.iter().any(|said| !reads(said.sql))
            || sayings.iter().any(|saying| !reads(saying.text()))
        {
            self.begin_now()?;
        }
        while waiting.len() > AT_ONCE {
            let later = waiting.split_off(AT_ONCE);
            self.begin_now()?;
            let first: Vec<_> = waiting.iter().map(Saying::ask).collect();
            self.said(&first)?;
            waiting = later;
        }
        let before = waiting.len() + usize::from(self.turn.begin.is_some());
        let all: Vec<_> = waiting.iter().map(Saying::ask).chain(sayings.iter().copied()).collect();
        Ok(self.said(&all)?.split_off(before))
    }

    /// BEGIN by itself, where it has not been said.
    fn begin_now(&mut self) -> Result<(), DbError> {
        if self.turn.begin.is_some() { self.said(&[]).map(drop) } else { Ok(()) }
    }

    /// Says BEGIN, if that is still to be said, and these. A connection that broke while it was idle,
    /// as after a restart of the server, is replaced once: nobody has seen an answer of it yet, and
    /// nothing was written with BEGIN.
    fn said(&mut self, sayings: &[Saying<'_>]) -> Result<Vec<Reply>, DbError> {
        let begin = self.turn.begin.take();
        let all: Vec<_> =
            begin.map(Saying::Word).into_iter().chain(sayings.iter().copied()).collect();
        let mut replies = self.say(&all);
        if begin.is_some() && self.turn.was_idle && matches!(replies, Err(DbError::Lost)) {
            self.connect_again()?;
            replies = self.say(&all);
        }
        self.turn.was_idle = false;
        replies
    }

    fn connect_again(&mut self) -> Result<(), DbError> {
        let line = Self::open(self.server.clone(), self.writes, Arc::clone(&self.vitals))?;
        let turn = std::mem::take(&mut self.turn);
        *self = Self { turn, ..line };
        Ok(())
    }

    /// Says all of it; the first error is the one that counts.
    fn say(&mut self, sayings: &[Saying<'_>]) -> Result<Vec<Reply>, DbError> {
        let replies = self.talk(sayings)?;
        let mut all = Vec::with_capacity(replies.len());
        for (reply, saying) in replies.into_iter().zip(sayings) {
            all.push(reply.map_err(|error| self.failed(&error, saying.text()))?);
        }
        Ok(all)
    }

    fn failed(&mut self, error: &Error, sql: &'static str) -> DbError {
        let error = DbError::postgres(error, sql);
        self.broken |= error == DbError::Lost;
        error
    }

    /// Sends all of it in order and waits once. Fewer replies than sayings came back where one could
    /// not be sent; it is the last, and what is behind it was not sent either.
    fn talk(&mut self, sayings: &[Saying<'_>]) -> Result<Replies, DbError> {
        let mut ready = Vec::with_capacity(sayings.len());
        for saying in sayings {
            ready.push(match *saying {
                Saying::Word(_) => None,
                Saying::Ask { sql, params, .. } => {
                    let statement = self.prepared(sql)?;
                    check_count(statement.params().len(), params, sql)?;
                    Some(statement)
                }
            });
        }
        if !matches!(sayings, [Saying::Word(ROLLBACK)]) {
            self.vitals.waited();
        }
        let client = &self.client;
        let under_way = sayings.iter().zip(ready);
        let under_way = under_way.map(|(saying, ready)| Box::pin(reply(client, *saying, ready)));
        Ok(self.runtime.block_on(in_order(under_way.collect())))
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        self.vitals.waited();
        let prepared = self.runtime.block_on(self.client.prepare(sql));
        let statement = prepared.map_err(|error| self.failed(&error, sql))?;
        self.plans.new_work();
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

async fn reply(
    client: &Client,
    saying: Saying<'_>,
    statement: Option<Statement>,
) -> Result<Reply, Error> {
    let (Saying::Ask { params, streamed, .. }, Some(statement)) = (saying, statement) else {
        return client.batch_execute(saying.text()).await.map(|()| Reply::Done);
    };
    let mut rows = Box::pin(client.query_raw(&statement, params).await?);
    if streamed {
        return Ok(Reply::Stream(Rows(rows)));
    }
    let all = rows.as_mut().try_collect().await?;
    Ok(Reply::Rows { rows: all, changed: rows.rows_affected().unwrap_or(0) })
}

/// All of them, each begun behind the one before, which is when it is sent. One that fails before it
/// has waited was not sent, and then nothing behind it is.
async fn in_order<F: Future<Output = Result<Reply, Error>>>(futures: Vec<Pin<Box<F>>>) -> Replies {
    let mut all: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    let mut begun = false;
    poll_fn(|cx| {
        let (mut waits, mut unsent) = (false, None);
        for (number, (future, reply)) in all.iter_mut().enumerate() {
            if reply.is_some() {
                continue;
            }
            match future.as_mut().poll(cx) {
                Poll::Pending => waits = true,
                Poll::Ready(done) => {
                    let failed = done.is_err();
                    *reply = Some(done);
                    if failed && !begun {
                        unsent = Some(number + 1);
                        break;
                    }
                }
            }
        }
        begun = true;
        if let Some(unsent) = unsent {
            all.truncate(unsent);
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    all.into_iter().filter_map(|(_, reply)| reply).collect()
}

/// Whether a statement only reads, or takes a lock.
fn reads(sql: &str) -> bool {
    sql.starts_with("SELECT")
}

/// Whether a question locks the rows it reads.
fn locks(sql: &str) -> bool {
    sql.contains("FOR UPDATE") || sql.contains("FOR SHARE")
}

fn owned(params: &[Value<'_>]) -> Vec<Value<'static>> {
    params.iter().map(Value::owned).collect()
}
