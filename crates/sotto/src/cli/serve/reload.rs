//! Settings read again while the server runs (SIGHUP): all of them are taken over, or none.
//!
//! Everything new is made before anything is put in force. What fails until then leaves the old
//! settings as they are. A crash in between leaves the file's settings for the next start.

use std::fmt::Debug;
use std::path::PathBuf;

use anyhow::{Result, bail};
use aws_lc_rs::digest::{SHA256, digest};

use super::super::open::{self, SetUpError};
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::channels::{Adapter as _, AdapterName, AnyAdapter, CarrierEvents, Secret};
use crate::compose::Templates;
use crate::config::Config;
use crate::db::Db;
use crate::inbound::pager::Pager;
use crate::live::Live;
use crate::nodes::Standing;
use crate::observe::log::{self, Log};
use crate::office::Office;

/// What of the running server its settings made.
pub(super) struct Running {
    pub(super) config: Config,
    pub(super) log: Log,
    pub(super) db: Db,
    pub(super) office: Office,
    pub(super) standing: Standing,
    pub(super) adapters: Vec<Live<AnyAdapter>>,
    pub(super) pager: Live<Pager>,
    pub(super) webhook_tokens: Option<Live<Vec<Secret>>>,
    pub(super) events: CarrierEvents,
    pub(super) marks: Marks,
}

/// What adapters were made from: their settings and the files these name. The same again is left
/// alone, so that no connection is dropped for nothing.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Marks(Vec<(AdapterName, [u8; 32])>);

impl Marks {
    /// Of these settings.
    pub(super) fn of(config: &Config) -> Self {
        let base: &dyn Debug = &config.http.public_base;
        let mut all = Vec::new();
        if let Some(sms) = &config.sms_smpp {
            let files = [Some(sms.password_file.clone()), pem(&sms.tls)];
            all.push((AdapterName::SmsSmpp, mark(&[sms], files)));
        } else if let Some(sms) = &config.sms_http {
            let files = [Some(sms.auth_token_file.clone()), pem(&sms.authorities)];
            all.push((AdapterName::SmsHttp, mark(&[sms, base], files)));
        }
        if let Some(email) = &config.email_smtp {
            let keys = email.dkim.iter().map(|key| Some(key.key_file.clone()));
            let files = [email.password_file.clone(), pem(&email.authorities)];
            let files = keys.chain(files);
            all.push((AdapterName::EmailSmtp, mark(&[email, base], files)));
        }
        Self(all)
    }

    fn get(&self, name: AdapterName) -> Option<&[u8; 32]> {
        self.0.iter().find(|(adapter, _)| *adapter == name).map(|(_, mark)| mark)
    }
}

/// `machine` and `none` are no files.
fn pem(word: &str) -> Option<PathBuf> {
    (!["machine", "none"].contains(&word)).then(|| PathBuf::from(word))
}

fn mark(settings: &[&dyn Debug], files: impl IntoIterator<Item = Option<PathBuf>>) -> [u8; 32] {
    // Debug of settings shows the names of secrets' files; a digest of it shows nothing.
    let mut all = format!("{settings:?}").into_bytes();
    for file in files.into_iter().flatten() {
        all.extend(digest(&SHA256, &std::fs::read(file).unwrap_or_default()).as_ref());
    }
    let mut mark = [0; 32];
    mark.copy_from_slice(digest(&SHA256, &all).as_ref());
    mark
}

/// Everything new, made and not yet in force.
struct Prepared {
    config: Config,
    templates: Templates,
    adapters: Vec<AnyAdapter>,
    pager: Pager,
    webhook_tokens: Option<Vec<Secret>>,
    marks: Marks,
}

impl Running {
    /// Reads the settings again and takes them over, or says why not.
    pub(super) async fn reload(&mut self) {
        // Before all else, so that the file that was moved away gets no further line.
        if let Err(error) = self.log.reopen() {
            tracing::error!(%error, "log.not_reopened");
        }
        let outcome = match self.prepare() {
            Ok(prepared) => self.put_in_force(prepared).await,
            Err(error) => Err(error),
        };
        let metrics = self.office.metrics();
        match outcome {
            Ok(()) => {
                metrics.reloads.add(["changed"]);
                tracing::info!("settings.reloaded");
                eprintln!("sotto: the settings were read again and are in force");
            }
            Err(error) => {
                metrics.reloads.add(["refused"]);
                // Names the key and the remedy, never the value.
                let because = format!("{error:#}");
                tracing::error!(because, "settings.refused");
                eprintln!("sotto: the old settings stay in force: {because}");
                self.record_refusal().await;
            }
        }
    }

    fn prepare(&self) -> Result<Prepared> {
        let config = Config::load(&self.config.file)?;
        self.changeable(&config)?;
        open::check_practice(&config)?;
        config.retention()?;
        log::check(config.log.filter.as_deref())
            .map_err(|error| config.wrong("log.filter", error))?;
        let marks = Marks::of(&config);
        let changed = |name: AdapterName| marks.get(name) != self.marks.get(name);
        let wires = (&self.events, self.standing.clone());
        let adapters = super::adapters(&config, &self.office, wires, changed)?;
        Ok(Prepared {
            templates: open::templates(&config)?,
            adapters,
            pager: super::pager_of(&config)?,
            webhook_tokens: super::webhook_tokens(&config)?,
            marks,
            config,
        })
    }

    /// What a running server is built on does not change under it.
    fn changeable(&self, new: &Config) -> Result<()> {
        let old = &self.config;
        let carriers =
            |c: &Config| (c.sms_smpp.is_some(), c.sms_http.is_some(), c.email_smtp.is_some());
        let bounces = |c: &Config| {
            c.email_smtp
                .as_ref()
                .map(|m| (m.bounce_listen, m.bounce_domain.clone(), m.helo.clone()))
        };
        for (key, same) in [
            ("database.url", old.database.url == new.database.url),
            ("keys.store", old.keys.store == new.keys.store),
            ("keys.root_file", old.keys.root_file == new.keys.root_file),
            ("http.listen", old.http.listen == new.http.listen),
            ("http.public_base", old.http.public_base == new.http.public_base),
            ("metrics.listen", old.metrics == new.metrics),
            ("traces.endpoint", old.traces == new.traces),
            ("log.file", old.log.file == new.log.file),
            ("node.name", old.node.name == new.node.name),
            ("practice.id", old.practice.id == new.practice.id),
            ("sealed.recovery_key", old.sealed == new.sealed),
            ("email_smtp.bounce_listen", bounces(old) == bounces(new)),
            ("sms_smpp.host", carriers(old) == carriers(new)),
        ] {
            if !same {
                bail!("{key} (and which carriers there are) changes with a restart only");
            }
        }
        Ok(())
    }

    async fn put_in_force(&mut self, prepared: Prepared) -> Result<()> {
        let Prepared { config, templates, adapters, pager, webhook_tokens, marks } = prepared;
        let kept = config.retention()?;
        let changed: Vec<AdapterName> =
            adapters.iter().map(crate::channels::Adapter::name).collect();
        let (office, settings) = (self.office.clone(), config.clone());
        let templates = self
            .db
            .write(move |tx| {
                let templates = open::settle(tx, &settings, (&office).into(), templates)?;
                let mut event = Event::new(Kind::SettingsReloaded, Actor::operator());
                for adapter in changed {
                    event = event.code(adapter.as_str());
                }
                audit::append(tx, &office, event)?;
                Ok::<_, SetUpError>(templates)
            })
            .await?;
        // From here on nothing fails but reading what was just written.
        let office = self.office.clone();
        office.use_templates(templates);
        office.keep_for(kept);
        self.db.read(move |tx| office.refresh(tx)).await?;
        // A key that another process destroyed is noticed now.
        self.office.keys().forget();
        self.log.change(config.log.filter.as_deref())?;
        for adapter in adapters {
            let name = adapter.name();
            if let Some(link) = adapter.link() {
                self.office.metrics().watch(name.as_str(), link);
            }
            if let Some(live) = self.adapters.iter().find(|live| live.name() == name) {
                live.replace(adapter);
            }
        }
        self.pager.replace(pager);
        if let (Some(live), Some(tokens)) = (&self.webhook_tokens, webhook_tokens) {
            live.replace(tokens);
        }
        (self.config, self.marks) = (config, marks);
        Ok(())
    }

    async fn record_refusal(&self) {
        let office = self.office.clone();
        let written = self
            .db
            .write(move |tx| {
                let event = Event::new(Kind::SettingsReloaded, Actor::operator());
                audit::append(tx, &office, event.outcome(Outcome::Refused))
            })
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "settings.refusal_not_recorded");
        }
    }
}
