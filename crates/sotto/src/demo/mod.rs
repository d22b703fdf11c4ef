//! A made-up practice in a simulated world: real code, real sockets, nothing leaves the machine.
//!
//! [`population`] makes the people, [`house`] puts them into the database once, [`start`] joins the
//! product and the carrier twin. Stopped and started again, it goes on where it was: the database,
//! the keys, the twin's own record and the simulated time are in one folder.

pub mod desk;
pub mod house;
pub mod population;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gate::{EmailAddress, PracticeId};
use jiff::Timestamp;
use seal::{Keyring, RootKey};
use smpp::{Bind, BindKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use twin::{MailConfig, SmppConfig, Twin, TwinConfig, WorldClock};

use crate::channels::email_smtp::{EmailSettings, Security};
use crate::channels::inbound_smtp::{self, InboundSmtpSettings};
use crate::channels::sms_smpp::SmppSettings;
use crate::channels::transport::{Endpoint, Roots};
use crate::channels::{
    AnyAdapter, EmailSmtp, HeaderText, Jitter, Loopback, Now, OpaqueIds, SmsSmpp,
};
use crate::clock::Clock;
use crate::db::{Db, Threads};
use crate::downtime::Downtime;
use crate::http::Pages;
use crate::inbound::pager::Pager;
use crate::live::Live;
use crate::nodes::{Node, Place, Standing};
use crate::office::Office;
use crate::reconcile::nightly::Nightly;
use crate::sealed::PublicKey;
use crate::sealed::recovery::RecoveryKey;
use crate::service::{Parts, Service};

/// The demo practice's id, the same in every demo.
pub const PRACTICE: PracticeId =
    PracticeId(uuid::Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0001));

/// The short code that the demo's texts come from.
const SENDER: &str = "38838";

/// The mailbox that the demo's mails come from.
const MAILBOX: &str = "office@riverbend.example";

/// Where bounces of the demo's mails go.
const BOUNCES: &str = "bounces.riverbend.example";

/// What to show.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is kept.
    pub folder: PathBuf,
    /// How many patients.
    pub patients: usize,
    /// Same seed, same people, same answers.
    pub seed: u64,
    /// How many times faster than life.
    pub speed: f64,
    /// Another database than the file in the folder.
    pub database: Option<String>,
}

/// A demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder.
    #[error("the demo's folder {folder} cannot be used: {source}; choose another with --folder")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder was made for other settings.
    #[error(
        "{folder} holds a demo with {there}; choose another --folder, or --fresh to begin anew"
    )]
    Other {
        /// Which.
        folder: PathBuf,
        /// What it holds.
        there: String,
    },
    /// Anything below.
    #[error(transparent)]
    Below(#[from] Box<dyn std::error::Error + Send + Sync>),
}

macro_rules! below {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for DemoError {
            fn from(error: $error) -> Self {
                Self::Below(Box::new(error))
            }
        }
    )*};
}
below!(
    crate::db::DbError,
    seal::SealError,
    crate::office::OfficeError,
    crate::compose::ComposeError,
    house::HouseError,
    crate::sealed::recovery::RecoveryError,
    crate::access::AccessError,
    url::ParseError,
    crate::outbox::OutboxError,
    crate::channels::email_smtp::EmailSetupError,
    crate::channels::sms_smpp::SmppSetupError,
    twin::TwinError,
    smpp::address::AddressError,
    std::io::Error,
    crate::channels::header_text::HeaderTextError,
    gate::InvalidAddress,
);

/// A running demo.
pub struct Demo {
    /// The database.
    pub db: Db,
    /// The office.
    pub office: Office,
    /// The simulated world.
    pub twin: Twin,
    service: Service,
    bounces: JoinHandle<()>,
    time_keeper: JoinHandle<()>,
    clock_file: PathBuf,
}

/// Starts the practice and its world.
///
/// # Errors
/// [`DemoError`].
pub async fn start(settings: &Settings) -> Result<Demo, DemoError> {
    let folder = |source| DemoError::Folder { folder: settings.folder.clone(), source };
    std::fs::create_dir_all(&settings.folder).map_err(folder)?;
    same_as_before(settings)?;
    let clock_file = settings.folder.join("clock");
    let clock = Clock::scaled(time_to_begin(&clock_file), settings.speed);
    let keys = keys(&settings.folder)?;
    let url = settings
        .database
        .clone()
        .unwrap_or_else(|| format!("sqlite:{}", settings.folder.join("sotto.db").display()));
    let db = Db::open(&url.parse()?, Threads::default(), clock.now())?;
    let people = population::people(settings.seed, settings.patients);
    let twin = world(settings, &clock, &people).await?;
    let office = house::open(&db, &clock, keys, &people, settings.seed).await?;
    let (events, arrivals) = mpsc::channel(1024);
    let ids = OpaqueIds::new(&office.keys().derive("mail ids"));
    let (email, bounces) = mail(&twin, &office, ids, events.clone()).await?;
    let loopback = Loopback::new(events.clone(), clock.clone());
    let node = Node::new("demo".to_owned(), 1);
    let place = Place::take(&db, &office, node).await?;
    let sms = texts(&twin, &office, (events, place.standing()))?;
    office.prepare_for(Downtime::at(&settings.folder.join("downtime"))?);
    let service = Service::start(Parts {
        db: db.clone(),
        office: office.clone(),
        adapters: [
            AnyAdapter::SmsSmpp(sms),
            AnyAdapter::EmailSmtp(email),
            AnyAdapter::Loopback(loopback),
        ]
        .map(Live::new)
        .into(),
        events: arrivals,
        pager: Live::new(Pager::Log),
        place,
        nightly: Nightly::default(),
        self_test: crate::self_test::Settings::default(),
    })
    .await?;
    let time_keeper = tokio::spawn(keep_time(clock, clock_file.clone()));
    Ok(Demo { db, office, twin, service, bounces, time_keeper, clock_file })
}

/// Opens the demo practice of a folder for the command line, without its world; makes it, with
/// nobody in it, where the folder is new. Its time stands where the demo stopped.
///
/// # Errors
/// [`DemoError`].
pub fn open(folder: &Path) -> Result<(Db, Office), DemoError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| DemoError::Folder { folder: folder.to_owned(), source })?;
    let clock = Clock::scaled(time_to_begin(&folder.join("clock")), 1.0);
    let keys = keys(folder)?;
    let url = format!("sqlite:{}", folder.join("sotto.db").display());
    let threads = Threads { readers: 1, writers: 1 };
    let db = Db::open(&url.parse()?, threads, clock.now())?;
    let office = db.write_blocking(move |tx| house::open_doors(tx, &clock, keys))?;
    Ok((db, office))
}

impl Demo {
    /// Tells the world where this program's own pages are (one-click links).
    pub fn serve_at(&self, address: SocketAddr) {
        self.twin.web_to(address);
    }

    /// The pages at this address, with a link in for each role. Browsers reach it as `localhost`,
    /// since a passkey belongs to a name.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn pages(&self, address: SocketAddr) -> Result<Pages, DemoError> {
        let origin = format!("http://localhost:{}", address.port()).parse()?;
        let pages = desk::pages(&self.db, &self.office, origin).await?;
        Ok(Pages { recovery: Some(recovery(&self.clock_file)?), ..pages })
    }

    /// Stops everything, and remembers what time it is.
    pub async fn stop(self) {
        self.time_keeper.abort();
        // It holds the way in for arrivals open, and the service waits until that is closed.
        self.bounces.abort();
        self.service.stop().await;
        write_time(&self.clock_file, self.office.clock().now());
        self.twin.shutdown().await;
    }
}

/// How many patients the demo in a folder has, and its seed. None where there is no demo.
#[must_use]
pub fn population_in(folder: &Path) -> Option<(usize, u64)> {
    let there = std::fs::read_to_string(folder.join(POPULATION)).ok()?;
    let (patients, seed) = there.trim().split_once(" patients, seed ")?;
    Some((patients.parse().ok()?, seed.parse().ok()?))
}

/// The file that says so.
pub(crate) const POPULATION: &str = "population";

/// A folder belongs to one population: another seed or count would mix two worlds.
fn same_as_before(settings: &Settings) -> Result<(), DemoError> {
    let file = settings.folder.join(POPULATION);
    let wanted = format!("{} patients, seed {}", settings.patients, settings.seed);
    match std::fs::read_to_string(&file) {
        Ok(there) if there.trim() == wanted => Ok(()),
        Ok(there) => Err(DemoError::Other {
            folder: settings.folder.clone(),
            there: there.trim().to_owned(),
        }),
        Err(_) => Ok(std::fs::write(&file, wanted)?),
    }
}

/// Where the last run stopped, or eight o'clock on a Monday morning in Denver.
fn time_to_begin(file: &Path) -> Timestamp {
    let kept = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    kept.unwrap_or_else(|| {
        jiff::civil::date(2027, 3, 1)
            .at(8, 0, 0, 0)
            .in_tz(house::ZONE)
            .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
    })
}

/// The demo's recovery key, made where there is none. It lies beside the database, where a practice
/// would never keep its own.
fn recovery(beside: &Path) -> Result<PublicKey, DemoError> {
    let file = beside.with_file_name("sealed-recovery.key");
    if !file.exists() {
        RecoveryKey::generate()?.write_new(&file)?;
    }
    Ok(RecoveryKey::from_file(&file)?.public().clone())
}

/// Keeps the simulated time on disk, so that a kill loses at most a second of life.
async fn keep_time(clock: Clock, file: PathBuf) {
    loop {
        write_time(&file, clock.now());
        clock.sleep(clock.span(Duration::from_secs(1))).await;
    }
}

fn write_time(file: &Path, now: Timestamp) {
    let fresh = file.with_extension("new");
    let written = std::fs::write(&fresh, now.to_string());
    if let Err(error) = written.and_then(|()| std::fs::rename(&fresh, file)) {
        tracing::warn!(%error, "demo.clock_not_kept");
    }
}

/// The keys of the demo practice of a folder; made where there are none.
///
/// # Errors
/// [`DemoError`].
pub fn keys(folder: &Path) -> Result<Keyring, DemoError> {
    let file = folder.join("root.key");
    let root = if file.exists() {
        RootKey::from_file(&file)?
    } else {
        let fresh = RootKey::generate()?;
        fresh.write_new(&file)?;
        fresh
    };
    Ok(Keyring::open_or_create(&folder.join("keys"), &root)?)
}

async fn world(
    settings: &Settings,
    clock: &Clock,
    people: &[population::Somebody],
) -> Result<Twin, DemoError> {
    let time = clock.clone();
    let twin = Twin::start(TwinConfig {
        seed: settings.seed,
        clock: WorldClock::following(move || time.now(), settings.speed),
        smpp: Some(SmppConfig {
            accounts: vec![("sotto".to_owned(), "demo".to_owned())],
            ..SmppConfig::default()
        }),
        mail: Some(MailConfig { requires_tls: true, ..MailConfig::default() }),
        patients: population::personas(settings.seed, people),
        record_file: Some(settings.folder.join("twin.jsonl")),
        ..TwinConfig::default()
    })
    .await?;
    Ok(twin)
}

fn jitter(office: &Office) -> Jitter {
    let clock = office.clock().clone();
    Arc::new(move || {
        let [.., a, b] = clock.new_id().into_bytes();
        f64::from(u16::from_be_bytes([a, b])) / f64::from(u16::MAX)
    })
}

fn texts(
    twin: &Twin,
    office: &Office,
    (events, standing): (crate::channels::CarrierEvents, Standing),
) -> Result<SmsSmpp, DemoError> {
    let address = address_of(twin.smpp_address())?;
    let endpoint = Endpoint { host: address.ip().to_string(), port: address.port() };
    let bind = Bind {
        kind: BindKind::Transceiver,
        system_id: "sotto".to_owned(),
        password: "demo".to_owned(),
        system_type: String::new(),
    };
    let settings = SmppSettings::new(endpoint, bind, smpp::Address::parse(SENDER)?);
    let (adapter, _task) = SmsSmpp::start(settings, events, jitter(office), standing)?;
    Ok(adapter)
}

async fn mail(
    twin: &Twin,
    office: &Office,
    ids: OpaqueIds,
    events: crate::channels::CarrierEvents,
) -> Result<(EmailSmtp, JoinHandle<()>), DemoError> {
    let inbound = InboundSmtpSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        name: "riverbend.example".to_owned(),
        bounce_domain: BOUNCES.to_owned(),
        longest_mail: 1 << 20,
        tls: None,
    };
    let (bounces_at, task) = inbound_smtp::start(inbound, events).await?;
    twin.bounces_to(bounces_at);
    let server = address_of(twin.mail_address())?;
    let clock = office.clock().clone();
    let now: Now = Arc::new(move || clock.now());
    let settings = EmailSettings {
        security: Security::StartTls,
        roots: Roots::Given(vec![twin.authority().der().to_vec()]),
        from_name: HeaderText::parse(&office.profile().display_name)?,
        unsubscribe_base: Some("https://riverbend.example/u/".to_owned()),
        endpoint: Endpoint { host: "localhost".to_owned(), port: server.port() },
        credentials: None,
        helo: "riverbend.example".to_owned(),
        from: EmailAddress::parse(MAILBOX)?,
        bounce_domain: BOUNCES.to_owned(),
        dkim: Vec::new(),
        sessions: 4,
        answer_within: Duration::from_secs(30),
        ask_success: true,
    };
    Ok((EmailSmtp::new(settings, ids, now)?, task))
}

fn address_of(address: Option<SocketAddr>) -> Result<SocketAddr, DemoError> {
    address.ok_or_else(|| std::io::Error::other("the simulated carrier has no such door").into())
}
