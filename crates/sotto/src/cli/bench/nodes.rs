//! `sotto bench nodes`: several nodes on one PostgreSQL under load, killed, paused, cut off from it, and
//! lost with their machine, at random.
//!
//! Each node is `sotto serve` as it is, with a settings file like anybody's. The carrier twin and
//! the callers live in this process. A caller asks any node, and where it gets no answer another,
//! with the same `Idempotency-Key`, until it is accepted. At the end [`super::compare`] says what
//! the callers, the carrier and the database make of it.
//!
//! With the binary of an older version all nodes begin as that, beside this version's schema, and
//! are replaced one after the other while there is load; then come the kills. With a command that
//! restarts PostgreSQL, or lets its standby take over, that is run between them.

mod line;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use gate::PracticeId;
use jiff::SignedDuration;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use twin::{Channel, ReplyKind, SmppConfig, Twin, TwinConfig};

use super::compare::{self, Findings, Told};
use super::load;
use super::pipeline::{Folder, bar};
use super::practice::{self, Place, Resident};
use super::server::{Server, command};
use crate::audit::sequencer;
use crate::cli::open::Opened;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::node::{self, NodeRow};
use crate::db::{Db, DbError, Tx};
use crate::demo::population::Chance;
use crate::{params, sql};
use line::Line;

/// How many callers there are.
const CALLERS: usize = 16;

/// How long a node is paused or cut off: longer than the others wait for it.
const AWAY: Duration = Duration::from_secs(9);

/// How long an answer may take before the caller asks another node.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a caller asks before the run is broken off, and how long the others may take to follow
/// a node that was killed.
const MOST: Duration = Duration::from_secs(120);

/// How long all work side by side before the next node is upgraded.
const SIDE_BY_SIDE: SignedDuration = SignedDuration::from_secs(3);

/// Kill nodes that share one PostgreSQL, pause them, cut them off and lose them, under load, and
/// compare what everybody knows.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench nodes --nodes 3 --kills 20 --json \
    --database postgres://bench@127.0.0.1/bench\n\ndocs/operate/scale.md says what is compared.")]
pub(super) struct Args {
    /// The PostgreSQL database that the nodes share.
    #[arg(long, value_name = "URL")]
    database: String,
    /// How many nodes.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// How many binds the carrier allows them together.
    #[arg(long, default_value_t = 2)]
    binds: usize,
    /// How often a node is killed, paused, cut off from the database or lost with its machine; the
    /// last two only with a database on this machine.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// How many messages are asked for in a second, until the last kill is over.
    #[arg(long, default_value_t = 40)]
    rate: u32,
    /// How many patients the practice has, each written to once; the load ends when all were.
    #[arg(long, default_value_t = 4_000)]
    patients: usize,
    /// Same seed, same people and same kills.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary of an older version that may be started beside this one's schema: the nodes begin
    /// as that, and are upgraded one after the other under load.
    #[arg(long, value_name = "FILE")]
    upgrade_from: Option<PathBuf>,
    /// The command that restarts the PostgreSQL server of --database, or lets its standby take over;
    /// run once, half way through the kills.
    #[arg(long, value_name = "COMMAND")]
    restart: Option<String>,
    /// Where the keys are made; it must not be there yet, and is removed at the end.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.nodes >= 2 && args.binds >= 1, "--nodes must be at least 2, --binds at least 1");
    ensure!(args.rate >= 1, "--rate must be at least 1");
    ensure!(args.restart.is_none() || args.kills >= 1, "--restart needs --kills of at least 1");
    let clock = Clock::system();
    let folder = Folder::make(args.folder.as_deref(), &clock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let figures = runtime.block_on(measure(args, folder.path(), &clock))?;
    if args.json {
        println!("{}", figures.json());
    } else {
        print!("{}", figures.table());
    }
    let broken = figures.found.violations();
    for (name, count) in &broken {
        eprintln!("sotto: {name}: {count}, and must be 0");
    }
    for example in &figures.found.examples {
        eprintln!("sotto: {example}");
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of it.
struct Figures {
    found: Findings,
    harm: Harm,
    /// The longest time in which the audit log did not grow although entries waited.
    sequencer: Duration,
    /// The longest time in which the carrier got no text while there was load.
    silence: Duration,
}

impl Figures {
    fn json(&self) -> serde_json::Value {
        let mut line = json!(self.found);
        let ms = |time: Duration| json!(time.as_millis());
        let harm = &self.harm;
        if let Some(fields) = line.as_object_mut() {
            fields.insert("kills".into(), json!(harm.kills));
            fields.insert("pauses".into(), json!(harm.pauses));
            fields.insert("cuts".into(), json!(harm.cuts));
            fields.insert("machines_lost".into(), json!(harm.lost));
            fields.insert("restarts".into(), json!(harm.restarts));
            fields.insert("upgraded".into(), json!(harm.upgraded));
            fields.insert("takeovers".into(), json!(harm.takeovers));
            fields.insert("takeover_max_ms".into(), ms(harm.takeover));
            fields.insert("given_up_max_ms".into(), ms(harm.given_up));
            fields.insert("sequencer_takeover_max_ms".into(), ms(self.sequencer));
            fields.insert("carrier_silence_max_ms".into(), ms(self.silence));
        }
        line
    }

    fn table(&self) -> String {
        let Findings { accepted, texts, uncertain, sent_twice_uncertain, .. } = &self.found;
        let Harm { kills, pauses, cuts, lost, restarts, upgraded, takeovers, takeover, given_up } =
            &self.harm;
        format!(
            "killed      {kills:>7} nodes, {pauses} more paused and {cuts} cut off for {} s\n\
             lost        {lost:>7} nodes with their machine\n\
             restarted   {restarts:>7} times: the database\n\
             upgraded    {upgraded:>7} nodes\n\
             accepted    {accepted:>7} messages, {texts} texts taken by the carrier\n\
             uncertain   {uncertain:>7} at the end, {sent_twice_uncertain} texts left twice\n\
             taken over  {:>7} ms after a kill at most, of {takeovers} nodes left dead\n\
             given up    {:>7} ms at most after a pause, a cut or a loss\n\
             sequencer   {:>7} ms without growing at most\n\
             carrier     {:>7} ms without a text at most\n\
             broken      {:>7} promises\n",
            AWAY.as_secs(),
            takeover.as_millis(),
            given_up.as_millis(),
            self.sequencer.as_millis(),
            self.silence.as_millis(),
            self.found.violations().len(),
        )
    }
}

/// What the tasks of a run share.
struct Scene {
    clock: Clock,
    began: Instant,
    rate: u32,
    token: String,
    people: Vec<Resident>,
    doors: Arc<Doors>,
    /// Ids in 202s.
    accepted: Mutex<Vec<String>>,
    next: AtomicUsize,
    over: AtomicBool,
}

/// Where each node listens, while it does.
#[derive(Default)]
struct Doors(RwLock<Vec<Option<SocketAddr>>>);

impl Doors {
    fn opens(&self, number: usize, at: Option<SocketAddr>) {
        let mut doors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if doors.len() <= number {
            doors.resize(number + 1, None);
        }
        if let Some(door) = doors.get_mut(number) {
            *door = at;
        }
    }

    fn door(&self, turn: usize) -> Option<SocketAddr> {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        doors.get(turn % doors.len().max(1)).copied().flatten()
    }
}

async fn measure(args: &Args, folder: &Path, clock: &Clock) -> Result<Figures> {
    let (twin, texts) = carrier(clock).await?;
    let port = twin.smpp_address().context("the twin has no SMSC")?.port();
    let settings = Place { folder, database: Some(&args.database), smsc: port }.prepare(clock)?;
    let doors = Arc::<Doors>::default();
    let mut nodes = Nodes::place(args, &settings, (clock, &doors)).await?;
    let (opened, people, token) = furnish(args, &settings, clock).await?;
    nodes.start().await?;
    let (db, practice) = (opened.db.clone(), opened.office.practice());
    let scene = Arc::new(Scene {
        clock: clock.clone(),
        began: clock.instant(),
        rate: args.rate,
        token,
        people,
        doors,
        accepted: Mutex::default(),
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    let watching = tokio::spawn(watch(Arc::clone(&scene), db.clone(), practice));
    let twin = Arc::new(twin);
    let callers: Vec<_> =
        (0..CALLERS).map(|_| tokio::spawn(call(Arc::clone(&scene), Arc::clone(&twin)))).collect();
    let mut harm = Harm::default();
    if args.upgrade_from.is_some() {
        nodes.upgrade(args, &mut harm).await?;
    }
    nodes.harm(args, (&db, practice), &mut harm).await?;
    scene.over.store(true, Ordering::Relaxed);
    let silence = longest_gap(&lock(&texts));
    for caller in callers {
        caller.await??;
    }
    compare::at_rest(&opened, &twin).await?;
    let sequencer = watching.await??;
    tokio::task::spawn_blocking(move || nodes.stop()).await??;
    let record = twin.record();
    sequencer::catch_up(&db, &opened.office).await?;
    let found = tokio::task::spawn_blocking(move || {
        let told = Told { accepted: lock(&scene.accepted).clone(), ..Told::default() };
        compare::compare(&opened, &told, &record)
    });
    Ok(Figures { found: found.await??, harm, sequencer, silence })
}

/// The carrier twin, and when each text came.
async fn carrier(clock: &Clock) -> Result<(Twin, Arc<Mutex<Vec<Instant>>>)> {
    let texts: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let (clock, noted) = (clock.clone(), Arc::clone(&texts));
    let smpp = SmppConfig {
        receipt_delay: SignedDuration::from_millis(100),
        on_submit: Some(Arc::new(move |_| lock(&noted).push(clock.instant()))),
        ..SmppConfig::default()
    };
    let twin = Twin::start(TwinConfig { smpp: Some(smpp), ..TwinConfig::default() }).await?;
    Ok((twin, texts))
}

async fn furnish(
    args: &Args,
    settings: &Path,
    clock: &Clock,
) -> Result<(Opened, Vec<Resident>, String)> {
    let (settings, clock) = (settings.to_owned(), clock.clone());
    let who = (args.patients, args.seed);
    tokio::task::spawn_blocking(move || {
        let config = Config::load(&settings)?;
        let bar = bar(who.0 as u64, "patients move in");
        let furnished = practice::furnish(&config, &clock, who, |more| bar.inc(more as u64));
        bar.finish_and_clear();
        furnished
    })
    .await?
}

/// The nodes, each with its settings.
struct Nodes {
    clock: Clock,
    doors: Arc<Doors>,
    settings: Vec<PathBuf>,
    binaries: Vec<PathBuf>,
    running: Vec<Option<Server>>,
    lines: Vec<Option<Line>>,
}

/// What was done to them.
#[derive(Default)]
struct Harm {
    kills: usize,
    pauses: usize,
    cuts: usize,
    lost: usize,
    restarts: usize,
    upgraded: usize,
    takeovers: usize,
    /// The longest time from a kill to when the others had given the node up and used its bind.
    takeover: Duration,
    /// The longest time from a pause, a cut or a loss to when the others had given the node up.
    given_up: Duration,
}

impl Nodes {
    async fn place(
        args: &Args,
        settings: &Path,
        (clock, doors): (&Clock, &Arc<Doors>),
    ) -> Result<Self> {
        let common = std::fs::read_to_string(settings)?;
        let binary = match &args.upgrade_from {
            Some(older) => older.clone(),
            None => std::env::current_exe()?,
        };
        let mut nodes = Self {
            clock: clock.clone(),
            doors: Arc::clone(doors),
            settings: Vec::new(),
            binaries: vec![binary; args.nodes],
            running: (0..args.nodes).map(|_| None).collect(),
            lines: Vec::new(),
        };
        for number in 0..args.nodes {
            let (name, binds) = (name_of(number), args.binds);
            let node = format!("[node]\nname = \"{name}\"\n[sms_smpp]\nbinds = {binds}\n");
            let file = settings.with_file_name(format!("{name}.toml"));
            let line = Line::lay(&args.database).await?;
            let url = line.as_ref().map_or(&args.database, |line| &line.url);
            let own = common.replace("[sms_smpp]\n", &node);
            let own =
                own.replace(&format!("url = {:?}\n", args.database), &format!("url = {url:?}\n"));
            std::fs::write(&file, own)?;
            nodes.settings.push(file);
            nodes.lines.push(line);
        }
        Ok(nodes)
    }

    async fn start(&mut self) -> Result<()> {
        for number in 0..self.running.len() {
            self.begin(number).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, number: usize) -> Result<()> {
        let (Some(binary), Some(settings)) = (self.binaries.get(number), self.settings.get(number))
        else {
            return Ok(());
        };
        let (binary, settings) = (binary.clone(), settings.clone());
        let server =
            tokio::task::spawn_blocking(move || Server::start_other(&binary, &settings)).await??;
        self.doors.opens(number, Some(server.address));
        if let Some(place) = self.running.get_mut(number) {
            *place = Some(server);
        }
        Ok(())
    }

    /// Takes a node out of service and answers with it.
    fn take(&mut self, number: usize) -> Option<Server> {
        self.doors.opens(number, None);
        self.running.get_mut(number).and_then(Option::take)
    }

    /// Replaces one after the other by this program, as an operator does. After each, one of either
    /// version is killed and starts again.
    async fn upgrade(&mut self, args: &Args, harm: &mut Harm) -> Result<()> {
        let (mut chance, ours) = (Chance::new(args.seed), std::env::current_exe()?);
        let bar = bar(args.nodes as u64, "nodes upgraded");
        for number in 0..args.nodes {
            self.clock.sleep(SIDE_BY_SIDE).await;
            if let Some(older) = self.take(number) {
                tokio::task::spawn_blocking(|| older.stop()).await??;
            }
            if let Some(binary) = self.binaries.get_mut(number) {
                binary.clone_from(&ours);
            }
            self.begin(number).await?;
            harm.upgraded += 1;
            self.clock.sleep(SIDE_BY_SIDE).await;
            let other = chance.below(args.nodes);
            drop(self.take(other));
            self.begin(other).await?;
            harm.kills += 1;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Kills, pauses, cuts and losses, one after the other. Of those that are killed some start again
    /// at once, and some only when the others have taken over.
    async fn harm(
        &mut self,
        args: &Args,
        (db, practice): (&Db, PracticeId),
        harm: &mut Harm,
    ) -> Result<()> {
        let mut chance = Chance::new(args.seed);
        let bar = bar(args.kills as u64, "nodes killed");
        for turn in 0..args.kills {
            if let Some(restart) = args.restart.clone().filter(|_| turn == args.kills / 2) {
                tokio::task::spawn_blocking(move || command("sh", &["-c", &restart])).await??;
                harm.restarts += 1;
            }
            let mut up_to = |ms: usize| SignedDuration::from_millis(chance.below(ms) as i64);
            let (pause, rest) = (up_to(1500) + SignedDuration::from_millis(500), up_to(1000));
            self.clock.sleep(pause).await;
            let number = chance.below(args.nodes);
            let line = self.lines.get(number).cloned().flatten();
            match (chance.below(5), line) {
                (0, _) | (1, None) => {
                    let away = Away::Paused(self.process(number)?);
                    let given_up = self.send_away(number, &away, (db, practice)).await?;
                    harm.pauses += 1;
                    harm.given_up = harm.given_up.max(given_up);
                }
                (1, Some(line)) => {
                    let away = Away::CutOff(line);
                    let given_up = self.send_away(number, &away, (db, practice)).await?;
                    harm.cuts += 1;
                    harm.given_up = harm.given_up.max(given_up);
                }
                (2, Some(line)) => {
                    // The database's server goes on believing in the node's connections.
                    line.cut();
                    drop(self.take(number));
                    let given_up = self.taken_over(number, args.binds, (db, practice)).await?;
                    harm.lost += 1;
                    harm.given_up = harm.given_up.max(given_up);
                    line.mend();
                    self.begin(number).await?;
                }
                (3, _) => {
                    // Dropped, it is killed.
                    drop(self.take(number));
                    harm.kills += 1;
                    self.clock.sleep(rest).await;
                    self.begin(number).await?;
                }
                _ => {
                    drop(self.take(number));
                    let took = self.taken_over(number, args.binds, (db, practice)).await?;
                    harm.kills += 1;
                    harm.takeovers += 1;
                    harm.takeover = harm.takeover.max(took);
                    self.begin(number).await?;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Waits until the others have given up a node that was killed, and as many of them hold a bind
    /// as may; answers how long that took. Who leads is the first of those that live.
    async fn taken_over(
        &self,
        number: usize,
        binds: usize,
        (db, practice): (&Db, PracticeId),
    ) -> Result<Duration> {
        let (name, began) = (name_of(number), self.clock.instant());
        while began.elapsed() < MOST {
            let nodes = all_nodes(db, practice).await;
            let living: Vec<_> = nodes.iter().filter(|node| !node.is_given_up()).collect();
            let bound = living.iter().filter(|node| node.bind.is_some()).count();
            if !living.is_empty()
                && living.iter().all(|node| node.name != name)
                && bound >= binds.min(living.len())
            {
                return Ok(began.elapsed());
            }
            self.clock.sleep(SignedDuration::from_millis(20)).await;
        }
        bail!("nobody took over from {name} within {} s", MOST.as_secs())
    }

    fn process(&self, number: usize) -> Result<Pid> {
        let server = self.running.get(number).and_then(Option::as_ref).context("no such node")?;
        let process = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
        process.context("the node has no process")
    }

    /// Lets a node be away for a while; answers how long it took until the others had given it up.
    async fn send_away(
        &self,
        number: usize,
        away: &Away,
        (db, practice): (&Db, PracticeId),
    ) -> Result<Duration> {
        let name = name_of(number);
        let began = self.clock.instant();
        away.set(true)?;
        let mut given_up = Duration::ZERO;
        while began.elapsed() < AWAY {
            self.clock.sleep(SignedDuration::from_millis(50)).await;
            let nodes = all_nodes(db, practice).await;
            let living = nodes.iter().any(|node| node.name == name && !node.is_given_up());
            if !nodes.is_empty() && !living && given_up.is_zero() {
                given_up = began.elapsed();
            }
        }
        away.set(false)?;
        Ok(given_up)
    }

    fn stop(self) -> Result<()> {
        self.running.into_iter().flatten().try_for_each(Server::stop)
    }
}

/// How a node is away and comes back.
enum Away {
    /// Its process stands still.
    Paused(Pid),
    /// It works on, and reaches callers and the carrier, but not the database.
    CutOff(Line),
}

impl Away {
    /// Sends the node away, or lets it come back.
    fn set(&self, away: bool) -> Result<()> {
        match self {
            Self::Paused(process) => {
                let signal = if away { Signal::STOP } else { Signal::CONT };
                kill_process(*process, signal).context("the node cannot be paused or woken")?;
            }
            Self::CutOff(line) if away => line.cut(),
            Self::CutOff(line) => line.mend(),
        }
        Ok(())
    }
}

/// The nodes that the database knows of; none while it is away.
async fn all_nodes(db: &Db, practice: PracticeId) -> Vec<NodeRow> {
    db.read(move |tx| node::all(tx, practice)).await.unwrap_or_default()
}

fn name_of(number: usize) -> String {
    format!("node-{number}")
}

/// One caller: asks for one message after the other, each until it is accepted. Every tenth patient
/// thanks.
async fn call(scene: Arc<Scene>, twin: Arc<Twin>) -> Result<()> {
    while !scene.over.load(Ordering::Relaxed) {
        let number = scene.next.fetch_add(1, Ordering::Relaxed);
        let Some(who) = scene.people.get(number) else { return Ok(()) };
        let due = scene.began + Duration::from_secs_f64(number as f64 / f64::from(scene.rate));
        tokio::time::sleep_until(due.into()).await;
        let key = scene.clock.new_id().to_string();
        let request = load::request(&scene.token, &key, &who.patient, &who.given);
        let id = accepted(&scene, number, &request).await?;
        lock(&scene.accepted).push(id);
        if number.is_multiple_of(10) {
            twin.say(Channel::Sms, &who.number, "38838", "Thank you!", ReplyKind::Thanks);
        }
    }
    Ok(())
}

/// Asks one node after the other until one accepts, and answers with the message's id.
async fn accepted(scene: &Scene, number: usize, request: &str) -> Result<String> {
    let began = scene.clock.instant();
    let mut turn = number;
    while began.elapsed() < MOST {
        turn += 1;
        if let Some(door) = scene.doors.door(turn)
            && let Ok(Ok((status, body))) = tokio::time::timeout(PATIENCE, ask(door, request)).await
        {
            if status == 202 {
                let body: serde_json::Value = serde_json::from_slice(&body)?;
                let id = body.get("id").and_then(|id| id.as_str());
                return Ok(id.context("a 202 without an id")?.to_owned());
            }
            let again = matches!(status, 409 | 429 | 500..);
            ensure!(again, "a request was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        scene.clock.sleep(SignedDuration::from_millis(100)).await;
    }
    bail!("a message was not accepted within {} s", MOST.as_secs())
}

async fn ask(door: SocketAddr, request: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let mut connection = TcpStream::connect(door).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut input = Vec::new();
    let (status, body) = load::answer(&mut connection, &mut input).await?;
    Ok((status, body.to_vec()))
}

/// Watches the audit log while there is load: the longest time in which it did not grow although
/// something waited.
async fn watch(scene: Arc<Scene>, db: Db, practice: PracticeId) -> Result<Duration> {
    let (mut longest, mut last) = (Duration::ZERO, (0_i64, scene.clock.instant()));
    while !scene.over.load(Ordering::Relaxed) {
        scene.clock.sleep(SignedDuration::from_millis(50)).await;
        // The database itself may be away for a while.
        let Ok((size, waiting)) = db.read(move |tx| growth(tx, practice)).await else { continue };
        let now = scene.clock.instant();
        if size != last.0 || waiting == 0 {
            last = (size, now);
        }
        longest = longest.max(now.duration_since(last.1));
    }
    Ok(longest)
}

fn growth(tx: &mut Tx<'_>, practice: PracticeId) -> Result<(i64, i64), DbError> {
    tx.query_one(
        sql!(
            "SELECT (SELECT COALESCE(MAX(size), 0) FROM audit_checkpoint WHERE practice_id = $1),
                    (SELECT COUNT(*) FROM audit_entry
                      WHERE practice_id = $1 AND leaf_index IS NULL)"
        ),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

fn longest_gap(times: &[Instant]) -> Duration {
    times
        .windows(2)
        .map(|pair| match pair {
            [a, b] => b.duration_since(*a),
            _ => Duration::ZERO,
        })
        .max()
        .unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
