//! Opening a practice from its settings: database, keys, templates, the practice's own rows.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use gate::{Channel, Level};

use crate::audit::{self, Actor, AuditError, Event, Kind, Log};
use crate::clock::Clock;
use crate::compose::Templates;
use crate::config::{Agreement, Config};
use crate::db::practice::{self, Practice};
use crate::db::registry::{PRACTICE, VENDOR};
use crate::db::vendor::{self, ChannelSetting, NewVendor};
use crate::db::{DatabaseUrl, Db, DbError, Threads, Tx};
use crate::office::{Office, OfficeError};
use crate::retention::Retention;

/// Which practice. Without either, `sotto.toml` in this folder, then the demo in `demo-data`.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
pub struct Which {
    /// The one with these settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The demo in this folder; made, with nobody in it, where the folder is new.
    #[arg(long, value_name = "FOLDER")]
    pub(super) demo: Option<PathBuf>,
}

/// Where a practice's settings are.
pub(super) enum Place {
    /// In this file.
    Config(PathBuf),
    /// In the demo's folder.
    Demo(PathBuf),
}

impl Which {
    /// Where it is, said or found.
    pub(super) fn place(&self) -> Place {
        let here = PathBuf::from("sotto.toml");
        match (&self.config, &self.demo) {
            (Some(file), _) => Place::Config(file.clone()),
            (None, Some(folder)) => Place::Demo(folder.clone()),
            (None, None) if here.exists() => Place::Config(here),
            (None, None) => Place::Demo(PathBuf::from("demo-data")),
        }
    }
}

/// Opens a practice for one command.
pub(super) fn open_which(which: &Which) -> Result<Opened> {
    match which.place() {
        Place::Config(file) => open(&Config::load(&file)?, &Clock::system()),
        Place::Demo(folder) => {
            if which.demo.is_none() {
                eprintln!(
                    "sotto: no --config and no sotto.toml here: the demo practice in demo-data"
                );
            }
            let (db, office) = crate::demo::open(&folder)?;
            Ok(Opened { db, office })
        }
    }
}

/// A practice, open.
pub(super) struct Opened {
    pub(super) db: Db,
    pub(super) office: Office,
}

/// Opens the practice of these settings, and records what they changed.
pub(super) fn open(config: &Config, clock: &Clock) -> Result<Opened> {
    let url: DatabaseUrl =
        config.database.url.parse().map_err(|e| config.wrong("database.url", e))?;
    check_practice(config)?;
    let kept = config.retention()?;
    let keys = super::keys::keyring(config)?;
    let now = clock.now();
    let db = Db::open(&url, Threads::default(), now).context("the database cannot be opened")?;
    let templates = templates(config)?;
    let (clock, config) = (clock.clone(), config.clone());
    let office =
        db.write_blocking(move |tx| set_up(tx, (&config, kept), &clock, keys, templates))?;
    Ok(Opened { db, office })
}

/// What the settings say of the practice can be used.
pub(super) fn check_practice(config: &Config) -> Result<()> {
    jiff::tz::TimeZone::get(&config.practice.timezone)
        .map_err(|_| config.wrong("practice.timezone", "must be the IANA name of a zone"))?;
    Ok(())
}

/// The templates these settings name.
pub(super) fn templates(config: &Config) -> Result<Templates> {
    Ok(match &config.templates.directory {
        Some(directory) => Templates::load(directory),
        None => Templates::builtin(),
    }?)
}

pub(super) fn root_key(config: &Config) -> Result<seal::RootKey> {
    if let Some(file) = &config.keys.root_file {
        if !file.exists() {
            let because = "there is no such file; make one with: head -c 32 /dev/urandom | base64";
            return Err(config.wrong("keys.root_file", because).into());
        }
        return seal::RootKey::from_file(file)
            .map_err(|e| config.wrong("keys.root_file", e).into());
    }
    let text = std::env::var("SOTTO_ROOT_KEY").map_err(|_| {
        config.wrong("keys.root_file", "name the root key's file, or set SOTTO_ROOT_KEY")
    })?;
    Ok(seal::RootKey::from_text(&text)?)
}

/// Why the practice cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetUpError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Office(#[from] OfficeError),
    #[error(transparent)]
    Compose(#[from] crate::compose::ComposeError),
    #[error("agreement.max_level must be 0 to 3")]
    Level,
}

fn set_up(
    tx: &mut Tx<'_>,
    (config, kept): (&Config, Retention),
    clock: &Clock,
    keys: seal::Keyring,
    templates: Templates,
) -> Result<Office, SetUpError> {
    let id = config.practice.id;
    // Several nodes may start at once.
    tx.lock(id.0.as_u64_pair().1.cast_signed() ^ 0x7365_745f_7570_5f5f)?;
    let binding = gate::BindingKey::new(&keys.derive("clearance binding"));
    let log = Log { practice: id, keys: &keys, binding: &binding, clock };
    let templates = settle(tx, config, log, templates)?;
    let office = Office::open(tx, id, clock.clone(), keys, templates)?;
    office.keep_for(kept);
    Ok(office)
}

/// Writes down what the settings say of the practice, its templates and its carriers, where it is
/// new or changed.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    config: &Config,
    log: Log<'_>,
    templates: Templates,
) -> Result<Templates, SetUpError> {
    let (id, now) = (config.practice.id, log.clock.now());
    let row = Practice {
        name: config.practice.name.clone(),
        display_name: config.practice.display_name.clone(),
        phone: config.practice.phone.clone(),
        timezone: config.practice.timezone.clone(),
        portal_url: config.practice.portal_url.clone(),
        sandbox: false,
    };
    if practice::put(tx, id, &row, now)? {
        let event = Event::new(Kind::PracticeChanged, Actor::operator()).about(PRACTICE, id);
        audit::append(tx, log, event)?;
    }
    let (templates, new) = templates.record(tx, id, now)?;
    if new > 0 {
        audit::append(tx, log, Event::new(Kind::TemplatesChanged, Actor::operator()))?;
    }
    carriers(tx, config, log, now)?;
    audit::schema::record_schema(tx, log)?;
    Ok(templates)
}

/// Writes down who carries what, under which agreement, where it is new or changed. One entry binds
/// all of it.
fn carriers(
    tx: &mut Tx<'_>,
    config: &Config,
    log: Log<'_>,
    now: jiff::Timestamp,
) -> Result<(), SetUpError> {
    let practice = log.practice;
    let mut changed = false;
    if let Some(sms) = &config.sms_smpp {
        changed |= agreed(tx, practice, ("sms_smpp", "text messages"), &sms.agreement, now)?;
        changed |= channel(tx, practice, Channel::Sms, ("sms_smpp", &sms.sender), now)?;
    } else if let Some(sms) = &config.sms_http {
        changed |= agreed(tx, practice, ("sms_http", "text messages"), &sms.agreement, now)?;
        changed |= channel(tx, practice, Channel::Sms, ("sms_http", &sms.sender), now)?;
    }
    if let Some(email) = &config.email_smtp {
        changed |= agreed(tx, practice, ("email_smtp", "email"), &email.agreement, now)?;
        changed |= channel(tx, practice, Channel::Email, ("email_smtp", &email.from), now)?;
    }
    // The portal is this program: nobody else carries it.
    let own = NewVendor {
        adapter: "portal",
        legal_name: &config.practice.name,
        service: "the portal, run by the practice itself",
        max_level: Level::Sensitive,
        agreement: "active",
        effective_at: Some(jiff::Timestamp::UNIX_EPOCH),
        expires_at: None,
        reason: None,
    };
    changed |= vendor::put(tx, practice, &own, now)?;
    changed |= channel(tx, practice, Channel::Portal, ("portal", "portal"), now)?;
    if changed {
        let event = Event::new(Kind::VendorChanged, Actor::operator()).about(VENDOR, "all");
        audit::append(tx, log, event)?;
    }
    Ok(())
}

fn agreed(
    tx: &mut Tx<'_>,
    practice: gate::PracticeId,
    (adapter, service): (&str, &str),
    agreement: &Agreement,
    now: jiff::Timestamp,
) -> Result<bool, SetUpError> {
    let max_level = Level::try_from(agreement.max_level).map_err(|_| SetUpError::Level)?;
    let new = NewVendor {
        adapter,
        legal_name: &agreement.vendor,
        service,
        max_level,
        agreement: &agreement.status,
        effective_at: agreement.effective,
        expires_at: agreement.expires,
        reason: agreement.reason.as_deref(),
    };
    Ok(vendor::put(tx, practice, &new, now)?)
}

fn channel(
    tx: &mut Tx<'_>,
    practice: gate::PracticeId,
    channel: Channel,
    (adapter, sender): (&str, &str),
    now: jiff::Timestamp,
) -> Result<bool, SetUpError> {
    let setting =
        ChannelSetting { adapter: adapter.to_owned(), enabled: true, sender: sender.to_owned() };
    Ok(vendor::put_channel(tx, practice, channel, &setting, now)?)
}
