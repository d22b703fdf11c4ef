//! `sotto serve`: the server of one practice.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::open;
use crate::audit::{self, Actor, Event, Kind};
use crate::channels::email_message::DkimKeyFile;
use crate::channels::email_smtp::{EmailSettings, Security};
use crate::channels::inbound_smtp::{self, InboundSmtpSettings};
use crate::channels::sms_http::SmsHttpSettings;
use crate::channels::sms_smpp::SmppSettings;
use crate::channels::transport::{Endpoint, Roots};
use crate::channels::{
    AnyAdapter, CarrierEvents, EmailSmtp, HeaderText, Loopback, OpaqueIds, Secret, SmsHttp, SmsSmpp,
};
use crate::clock::Clock;
use crate::config::{self, Config, MailSecurity, MessageIds};
use crate::db::{Db, idempotency_key};
use crate::http::carriers::twilio::Webhook;
use crate::http::{Doors, router};
use crate::inbound::pager::{self, Pager};
use crate::office::Office;
use crate::reconcile::{self, nightly::Nightly};
use crate::self_test;
use crate::service::{Parts, Service};

/// How many things carriers told us may wait to be stored; beyond it the carriers wait.
const WAITING_EVENTS: usize = 1024;

/// How long answers on their way may take when the server stops.
const DRAIN: Duration = Duration::from_secs(20);

/// How long the answer to an idempotency key is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(48);

/// Run the server for one practice.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto serve --config /etc/sotto/sotto.toml\n\n\
    docs/operate/sotto.example.toml lists every setting.")]
pub struct Args {
    /// The settings.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check the settings, open everything, and end.
    #[arg(long)]
    check_only: bool,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    log_to_stderr();
    // Both take a tenth of a second, and the first message needs them.
    std::thread::spawn(seal::draw_first_random_number);
    std::thread::spawn(guard::Guard::standard);
    let config = Config::load(&args.config)?;
    let clock = Clock::system();
    let opened = open::open(&config, &clock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    runtime.block_on(serve(config, opened.db, opened.office, args.check_only))?;
    Ok(ExitCode::SUCCESS)
}

/// One line of JSON for each event; `RUST_LOG` narrows or widens it.
pub(super) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("sotto=info,warn"));
    // Only a second call fails, and then there is a log already.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

async fn serve(config: Config, db: Db, office: Office, check_only: bool) -> Result<()> {
    let (events_in, events) = mpsc::channel(WAITING_EVENTS);
    let adapters = adapters(&config, &office, &events_in)?;
    let listener = TcpListener::bind(config.http.listen).await.map_err(|error| {
        let because =
            format!("this address cannot be listened on ({}); is it taken?", error.kind());
        config.wrong("http.listen", because)
    })?;
    let listen = listener.local_addr()?;
    if check_only {
        println!("the settings are right");
        return Ok(());
    }
    let bounces = bounces(&config, &events_in).await?;
    let twilio = webhook(&config, &events_in)?;
    drop(events_in);
    let owner = format!("serve {}", office.practice());
    let pager = pager_of(&config)?;
    let nightly = nightly_of(&config)?;
    let self_test = self_test_of(&config, &office)?;
    let parts = Parts {
        db: db.clone(),
        office: office.clone(),
        adapters,
        events,
        pager,
        owner,
        nightly,
        self_test,
    };
    let service = Service::start(parts).await?;
    let doors = Doors::new(db.clone(), office.clone(), twilio);
    let forgetting = tokio::spawn(forget_old_answers(db, office));

    eprintln!("sotto: listening on http://{listen}");
    let closing = doors.clone();
    let served = axum::serve(listener, router::router(doors)).with_graceful_shutdown(async move {
        asked_to_stop().await;
        closing.close();
        eprintln!("sotto: stopping; what is on its way is finished first");
    });
    let served = tokio::spawn(served.into_future());
    let mut served = served;
    tokio::select! {
        ended = &mut served => ended??,
        () = async { asked_to_stop().await; tokio::time::timeout(DRAIN, std::future::pending::<()>()).await.ok(); } => {
            served.abort();
        }
    }
    forgetting.abort();
    if let Some(task) = bounces {
        task.abort();
    }
    service.stop().await;
    Ok(())
}

/// SIGTERM or Ctrl-C.
pub(super) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupted.await;
        }
    }
}

async fn forget_old_answers(db: Db, office: Office) {
    loop {
        office.clock().sleep(SignedDuration::from_hours(1)).await;
        let before = office.clock().now().saturating_sub(REMEMBERED);
        let office = office.clone();
        let forgotten = db
            .write(move |tx| {
                let count = idempotency_key::forget_before(
                    tx,
                    office.practice(),
                    before.unwrap_or_default(),
                )?;
                if count > 0 {
                    let actor = Actor::service("http");
                    let event = Event::new(Kind::RequestAnswered, actor).code("forgotten");
                    audit::append(tx, &office, event)?;
                }
                Ok::<_, audit::AuditError>(())
            })
            .await;
        if let Err(error) = forgotten {
            tracing::error!(%error, "idempotency.not_forgotten");
        }
    }
}

fn pager_of(config: &Config) -> Result<Pager> {
    let Some(settings) = &config.pager else { return Ok(Pager::Log) };
    let secret = config.secret("pager.secret_file", &settings.secret_file)?;
    let webhook = pager::Webhook::new(&settings.url, &secret)
        .map_err(|error| config.wrong("pager.url", error))?;
    Ok(Pager::Webhook(Box::new(webhook)))
}

/// When the comparisons are made.
pub(super) fn nightly_of(config: &Config) -> Result<Nightly> {
    let set = &config.reconcile;
    let at = time_of_day(config, "reconcile.at", &set.at)?;
    if !(1..=24 * 14).contains(&set.receipt_within_hours) {
        return Err(config.wrong("reconcile.receipt_within_hours", "must be 1 to 336").into());
    }
    let receipt_within = SignedDuration::from_hours(set.receipt_within_hours.into());
    Ok(Nightly { at, settings: reconcile::Settings { receipt_within } })
}

/// When the way in and the way out are tested, and with which phone.
fn self_test_of(config: &Config, office: &Office) -> Result<self_test::Settings> {
    let set = &config.self_test;
    let at = time_of_day(config, "self_test.at", &set.at)?;
    let number = set.number.as_deref().map(gate::PhoneNumber::from_e164).transpose();
    let number =
        number.map_err(|_| config.wrong("self_test.number", "write it as +16175550100"))?;
    Ok(self_test::Settings { at, number, first: office.clock().now() })
}

fn time_of_day(
    config: &Config,
    key: &'static str,
    text: &str,
) -> Result<Option<jiff::civil::Time>> {
    if text == "never" {
        return Ok(None);
    }
    let because = "must be a time of the day such as 03:00, or never";
    Ok(Some(text.parse().map_err(|_| config.wrong(key, because))?))
}

fn roots(word: &str) -> Roots {
    if word == "machine" { Roots::Machine } else { Roots::File(PathBuf::from(word)) }
}

fn adapters(config: &Config, office: &Office, events: &CarrierEvents) -> Result<Vec<AnyAdapter>> {
    let loopback = Loopback::new(events.clone(), office.clock().clone());
    let mut adapters = vec![AnyAdapter::Loopback(loopback)];
    if let Some(sms) = &config.sms_smpp {
        let settings = smpp_settings(config, sms)?;
        let run = office.clock().new_id();
        let (adapter, _) = SmsSmpp::start(settings, events.clone(), jitter(office), run)?;
        adapters.push(AnyAdapter::SmsSmpp(adapter));
    } else if let Some(sms) = &config.sms_http {
        let callback =
            config.http.public_base.as_deref().map(|base| format!("{base}/carriers/twilio/status"));
        adapters.push(AnyAdapter::SmsHttp(SmsHttp::new(SmsHttpSettings {
            base: sms.base.clone(),
            account_sid: sms.account_sid.clone(),
            auth_token: Secret::new(
                config.secret("sms_http.auth_token_file", &sms.auth_token_file)?,
            ),
            from: sms.sender.clone(),
            status_callback: callback,
            roots: roots(&sms.authorities),
            answer_within: Duration::from_secs(30),
        })?));
    }
    if let Some(email) = &config.email_smtp {
        let ids = OpaqueIds::new(&office.keys().derive("opaque ids"));
        let clock = office.clock().clone();
        let settings = email_settings(config, email)?;
        let adapter = EmailSmtp::new(settings, ids, Arc::new(move || clock.now()))?;
        adapters.push(AnyAdapter::EmailSmtp(adapter));
    }
    Ok(adapters)
}

/// The last bits of a fresh id are random; waits need no better dice.
fn jitter(office: &Office) -> crate::channels::Jitter {
    let clock = office.clock().clone();
    Arc::new(move || {
        let [.., a, b] = clock.new_id().into_bytes();
        f64::from(u16::from_be_bytes([a, b])) / f64::from(u16::MAX)
    })
}

fn smpp_settings(config: &Config, sms: &config::SmsSmpp) -> Result<SmppSettings> {
    let bind = smpp::Bind {
        kind: smpp::BindKind::Transceiver,
        system_id: sms.system_id.clone(),
        password: config.secret("sms_smpp.password_file", &sms.password_file)?,
        system_type: sms.system_type.clone(),
    };
    let sender = smpp::Address::parse(&sms.sender)
        .map_err(|error| config.wrong("sms_smpp.sender", error))?;
    let endpoint = Endpoint { host: sms.host.clone(), port: sms.port };
    let mut settings = SmppSettings::new(endpoint, bind, sender);
    settings.tls = (sms.tls != "none").then(|| roots(&sms.tls));
    settings.id_form = match sms.message_ids {
        MessageIds::Same => smpp::MessageIdForm::Same,
        MessageIds::HexThenDecimal => smpp::MessageIdForm::HexThenDecimal,
        MessageIds::DecimalThenHex => smpp::MessageIdForm::DecimalThenHex,
    };
    Ok(settings)
}

fn email_settings(config: &Config, email: &config::EmailSmtp) -> Result<EmailSettings> {
    let credentials = match (&email.user, &email.password_file) {
        (Some(user), Some(file)) => {
            let password = config.secret("email_smtp.password_file", file)?;
            Some((user.clone(), Secret::new(password)))
        }
        (None, None) => None,
        _ => {
            let because = "give both user and password_file, or neither";
            return Err(config.wrong("email_smtp.user", because).into());
        }
    };
    let base = config.http.public_base.as_deref().filter(|base| base.starts_with("https://"));
    Ok(EmailSettings {
        endpoint: Endpoint { host: email.host.clone(), port: email.port },
        security: match email.security {
            MailSecurity::Starttls => Security::StartTls,
            MailSecurity::Implicit => Security::Implicit,
            MailSecurity::LoopbackPlaintext => Security::LoopbackPlaintext,
        },
        roots: roots(&email.authorities),
        credentials,
        helo: email.helo.clone(),
        from: gate::EmailAddress::parse(&email.from)
            .map_err(|error| config.wrong("email_smtp.from", error))?,
        from_name: HeaderText::parse(&email.from_name)
            .map_err(|error| config.wrong("email_smtp.from_name", error))?,
        bounce_domain: email.bounce_domain.clone(),
        dkim: email
            .dkim
            .iter()
            .map(|key| DkimKeyFile {
                domain: key.domain.clone(),
                selector: key.selector.clone(),
                path: key.key_file.clone(),
            })
            .collect(),
        unsubscribe_base: base.map(|base| format!("{base}/u/")),
        sessions: 4,
        answer_within: Duration::from_secs(60),
        ask_success: false,
    })
}

async fn bounces(
    config: &Config,
    events: &CarrierEvents,
) -> Result<Option<tokio::task::JoinHandle<()>>> {
    let Some((email, listen)) =
        config.email_smtp.as_ref().and_then(|email| Some((email, email.bounce_listen?)))
    else {
        return Ok(None);
    };
    let settings = InboundSmtpSettings {
        listen,
        name: email.helo.clone(),
        bounce_domain: email.bounce_domain.clone(),
        longest_mail: 1 << 20,
        tls: None,
    };
    let (_, task) = inbound_smtp::start(settings, events.clone())
        .await
        .map_err(|error| config.wrong("email_smtp.bounce_listen", error.kind()))?;
    Ok(Some(task))
}

fn webhook(config: &Config, events: &CarrierEvents) -> Result<Option<Webhook>> {
    let (Some(sms), Some(base)) = (&config.sms_http, &config.http.public_base) else {
        return Ok(None);
    };
    let token = config.secret("sms_http.auth_token_file", &sms.auth_token_file)?;
    Ok(Some(Webhook {
        public_base: base.clone(),
        auth_token: Secret::new(token),
        events: events.clone(),
    }))
}
