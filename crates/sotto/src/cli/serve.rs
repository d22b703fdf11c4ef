//! `sotto serve`: the server of one practice.

mod reload;
pub(super) mod stop;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::stop::Signals;
use super::open::{self, Opened};
use crate::access::{AccessError, staff};
use crate::attachments::scan::Scanner;
use crate::audit::witness::{self, Witness};
use crate::audit::{self, Actor, Event, Kind};
use crate::channels::email_message::DkimKeyFile;
use crate::channels::email_smtp::{EmailSettings, Security};
use crate::channels::inbound_smtp::{self, InboundSmtpSettings};
use crate::channels::sms_http::SmsHttpSettings;
use crate::channels::sms_smpp::SmppSettings;
use crate::channels::transport::{Endpoint, Roots};
use crate::channels::{
    AdapterName, AnyAdapter, CarrierEvents, EmailSmtp, HeaderText, Loopback, OpaqueIds, Secret,
    SmsHttp, SmsSmpp,
};
use crate::clock::Clock;
use crate::config::{self, Config, MailSecurity, MessageIds};
use crate::db::{Db, DbError, idempotency_key};
use crate::downtime::Downtime;
use crate::http::carriers::twilio::Webhook;
use crate::http::{Doors, Pages, router};
use crate::ids::{Id as _, RunId};
use crate::inbound::intent;
use crate::inbound::pager::{self, Pager};
use crate::live::Live;
use crate::nodes::{Node, Place, Standing};
use crate::observe::log::Log;
use crate::observe::trace::Traces;
use crate::office::Office;
use crate::reconcile::{self, nightly::Nightly};
use crate::sealed::PublicKey;
use crate::self_test;
use crate::service::{Parts, Service};

/// How many things carriers told us may wait to be stored; beyond it the carriers wait.
const WAITING_EVENTS: usize = 1024;

/// How often the last checkpoint is kept apart from the database.
const WITNESS_EVERY: SignedDuration = SignedDuration::from_secs(5);

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
    // Both take a tenth of a second, and the first message needs them.
    std::thread::spawn(seal::draw_first_random_number);
    std::thread::spawn(guard::Guard::standard);
    // The first reply needs these; read where it is stored, they would hold up the one writer.
    std::thread::spawn(|| intent::classify("C"));
    let config = Config::load(&args.config)?;
    let log = log(&config)?;
    let clock = Clock::system();
    let opened = open::open(&config, &clock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    runtime.block_on(serve(config, opened, log, args.check_only))?;
    Ok(ExitCode::SUCCESS)
}

fn log(config: &Config) -> Result<Log> {
    let (filter, file) = (config.log.filter.as_deref(), config.log.file.as_deref());
    crate::observe::log::check(filter).map_err(|error| config.wrong("log.filter", error))?;
    Log::start(filter, file).map_err(|error| config.wrong("log.file", error).into())
}

async fn serve(config: Config, opened: Opened, log: Log, check_only: bool) -> Result<()> {
    let Opened { db, office } = opened;
    let mut signals = Signals::listen()?;
    let (events_in, events) = mpsc::channel(WAITING_EVENTS);
    let pager = Live::new(pager_of(&config)?);
    let (nightly, self_test) = (nightly_of(&config)?, self_test_of(&config, &office)?);
    let twilio = webhook(&config, &events_in)?;
    if let Some(traces) = &config.traces {
        let traces =
            Traces::to(&traces.endpoint).map_err(|error| config.wrong("traces.endpoint", error))?;
        office.send_traces_to(traces);
    }
    if check_only {
        let alone = Standing::alone(office.clock().clone(), RunId::new(office.clock()));
        adapters(&config, &office, (&events_in, alone), |_| true)?;
        println!("the settings are right");
        return Ok(());
    }
    let listener = TcpListener::bind(config.http.listen).await.map_err(|error| {
        let because =
            format!("this address cannot be listened on ({}); is it taken?", error.kind());
        config.wrong("http.listen", because)
    })?;
    let listen = listener.local_addr()?;
    let witness = heard(&config, &db, &office).await?;
    // A place is taken with the port in hand: whoever had this name and port before is gone.
    let place = Place::take(&db, &office, node(&config, listen)).await?;
    let standing = place.standing();
    let made = adapters(&config, &office, (&events_in, standing.clone()), |_| true)?;
    let adapters: Vec<_> = made.into_iter().map(Live::new).collect();
    let bounces = bounces(&config, &events_in).await?;
    let mut running = reload::Running {
        marks: reload::Marks::of(&config),
        config: config.clone(),
        log,
        db: db.clone(),
        office: office.clone(),
        standing,
        adapters: adapters.clone(),
        pager: pager.clone(),
        webhook_tokens: twilio.as_ref().map(|webhook| webhook.auth_tokens.clone()),
        events: events_in,
    };
    let test_number = self_test.number.clone();
    let parts = Parts {
        db: db.clone(),
        office: office.clone(),
        adapters,
        events,
        pager,
        place,
        nightly,
        self_test,
    };
    let downtime = Downtime::at(&config.downtime_folder())
        .context("the folder for the schedule's copy, beside keys.store, cannot be made")?;
    office.prepare_for(downtime);
    let service = Service::start(parts).await?;
    let pages = Pages {
        origin: Some(origin(&config, listen)?),
        scanner: scanner_of(&config)?,
        recovery: recovery_of(&config)?,
        test_number,
        ..Pages::default()
    };
    crate::access::policies::check()?;
    let first = first_administrator(&db, &office, &pages).await?;
    let doors = Doors::with_pages(db.clone(), office.clone(), twilio, pages);
    let watching = watching(&config, &doors).await?;
    let witnessing = tokio::spawn(keep_witness(db.clone(), office.clone(), witness));
    let forgetting = tokio::spawn(forget_old_answers(db, office.clone()));

    eprintln!("sotto: listening on http://{listen}");
    if let Some(link) = first {
        eprintln!(
            "sotto: nobody works here yet; the first administrator comes in, once, by\n  {link}"
        );
    }
    let closed = CancellationToken::new();
    let public = if config.metrics.is_none() && listen.ip().is_loopback() {
        router::router(doors.clone())
    } else {
        router::without_metrics(doors.clone())
    };
    let public = public.into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, public).with_graceful_shutdown(closed.clone().cancelled_owned());
    let mut server = tokio::spawn(server.into_future());
    loop {
        tokio::select! {
            ended = &mut server => {
                ended??;
                break;
            }
            stop = signals.reload_or_stop() => {
                if stop {
                    break;
                }
                running.reload().await;
            }
        }
    }
    doors.close();
    eprintln!("sotto: stopping; what is on its way is finished first");
    let rest = async move {
        let linger = Duration::from_secs(config.http.linger_seconds);
        office.clock().sleep(office.clock().span(linger)).await;
        closed.cancel();
        let requests = async move {
            if tokio::time::timeout(stop::REQUESTS, &mut server).await.is_err() {
                server.abort();
            }
            // With these go the last of those who tell what carriers say.
            drop((doors, running));
            if let Some(task) = bounces {
                task.abort();
            }
        };
        tokio::join!(requests, service.stop());
        forgetting.abort();
        witnessing.abort();
        // It waits for the runtime's other threads, so not on one of them.
        let _ = tokio::task::spawn_blocking(move || office.traces().close()).await;
        if let Some(task) = watching {
            task.abort();
        }
    };
    stop::in_order(rest, &mut signals).await;
    Ok(())
}

/// The public half of the recovery key of the sealed mode, where the settings name one.
pub(super) fn recovery_of(config: &Config) -> Result<Option<PublicKey>> {
    let Some(text) = &config.sealed.recovery_key else { return Ok(None) };
    let key = PublicKey::from_text(text).map_err(|_| {
        config.wrong("sealed.recovery_key", "must be what `sotto sealed new-key` printed")
    })?;
    Ok(Some(key))
}

/// The origin at which browsers see the pages.
fn origin(config: &Config, listen: SocketAddr) -> Result<url::Url> {
    let text = config.http.public_base.clone();
    let text = text.unwrap_or_else(|| format!("http://localhost:{}", listen.port()));
    text.parse().map_err(|_| {
        config.wrong("http.public_base", "must be a URL such as https://sotto.example.org").into()
    })
}

/// The invitation of the first administrator, where nobody works here yet: made once, printed once.
async fn first_administrator(
    db: &Db,
    office: &Office,
    pages: &Pages,
) -> Result<Option<String>, AccessError> {
    let office = office.clone();
    let secret = match db.write(move |tx| staff::invite_first(tx, &office)).await {
        // Another node that starts now was faster.
        Err(AccessError::Db(DbError::Duplicate { .. })) => None,
        invited => invited?,
    };
    let base = pages.origin.as_ref().map_or("", |origin| origin.as_str());
    let base = base.trim_end_matches('/');
    Ok(secret.map(|secret| format!("{base}/invite/{}", secret.reveal())))
}

/// The listener for machines that watch, where the settings name one.
async fn watching(config: &Config, doors: &Doors) -> Result<Option<JoinHandle<()>>> {
    let Some(metrics) = &config.metrics else { return Ok(None) };
    let listener = TcpListener::bind(metrics.listen).await.map_err(|error| {
        let because = format!("this address cannot be listened on ({})", error.kind());
        config.wrong("metrics.listen", because)
    })?;
    eprintln!("sotto: metrics at http://{}/metrics", listener.local_addr()?);
    let served = axum::serve(listener, router::watching(doors.clone())).into_future();
    Ok(Some(tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(kind = %error.kind(), "metrics.listener_ended");
        }
    })))
}

/// The witness, if the log goes on from what it saw.
async fn heard(config: &Config, db: &Db, office: &Office) -> Result<Witness> {
    let witness = Witness::at(config.witness_file());
    let (asked, office) = (witness.clone(), office.clone());
    let standing = db.read(move |tx| asked.ask(tx, &office)).await?;
    if standing != witness::Standing::GoesOn {
        anyhow::bail!(
            "{standing}. The database was put back to an older state, or is another one. If that \
             was meant, run: sotto restore --as-it-is --accept-loss REASON (see \
             docs/operate/backup.md)"
        );
    }
    Ok(witness)
}

/// Keeps each new checkpoint apart from the database.
async fn keep_witness(db: Db, office: Office, witness: Witness) {
    let mut kept = None;
    loop {
        let practice = office.practice();
        let read = db.read(move |tx| audit::sequencer::last_note(tx, practice)).await;
        match read {
            Ok(Some((note, _))) if kept.as_ref() != Some(&note) => match witness.keep(&note) {
                Ok(()) => kept = Some(note),
                Err(error) => tracing::error!(%error, "witness.not_kept"),
            },
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "witness.not_kept"),
        }
        office.clock().sleep(WITNESS_EVERY).await;
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

/// What this process is among those that serve the practice.
fn node(config: &Config, listen: SocketAddr) -> Node {
    let host = rustix::system::uname();
    let name = config.node.name.clone();
    let name = name.unwrap_or_else(|| format!("{} {listen}", host.nodename().to_string_lossy()));
    Node::new(name, config.sms_smpp.as_ref().map_or(0, |sms| sms.binds))
}

/// Who looks at files that come in.
pub(super) fn scanner_of(config: &Config) -> Result<Scanner> {
    let Some(setting) = &config.attachments.scanner else { return Ok(Scanner::None) };
    Ok(setting.parse().map_err(|error| config.wrong("attachments.scanner", error))?)
}

fn pager_of(config: &Config) -> Result<Pager> {
    let Some(settings) = &config.pager else { return Ok(Pager::Log) };
    let mut secrets = vec![config.secret("pager.secret_file", &settings.secret_file)?];
    if let Some(file) = &settings.previous_secret_file {
        secrets.push(config.secret("pager.previous_secret_file", file)?);
    }
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let webhook = pager::Webhook::new(&settings.url, &secrets)
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
    if set.questions_per_second > 100 {
        return Err(config.wrong("reconcile.questions_per_second", "must be 0 to 100").into());
    }
    let receipt_within = SignedDuration::from_hours(set.receipt_within_hours.into());
    let question_every = Duration::from_secs(1).checked_div(set.questions_per_second.into());
    Ok(Nightly { at, settings: reconcile::Settings { receipt_within, question_every } })
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

/// The adapters the settings name, of those that are wanted.
fn adapters(
    config: &Config,
    office: &Office,
    (events, standing): (&CarrierEvents, Standing),
    wanted: impl Fn(AdapterName) -> bool,
) -> Result<Vec<AnyAdapter>> {
    let mut adapters = Vec::new();
    if wanted(AdapterName::Loopback) {
        let loopback = Loopback::new(events.clone(), office.clock().clone());
        adapters.push(AnyAdapter::Loopback(loopback));
    }
    let smpp = config.sms_smpp.as_ref().filter(|_| wanted(AdapterName::SmsSmpp));
    let http = config.sms_http.as_ref().filter(|_| wanted(AdapterName::SmsHttp));
    let mail = config.email_smtp.as_ref().filter(|_| wanted(AdapterName::EmailSmtp));
    // Last, since it connects as soon as it is made.
    if let Some(sms) = http.filter(|_| config.sms_smpp.is_none()) {
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
    if let Some(email) = mail {
        let ids = OpaqueIds::new(&office.keys().derive("opaque ids"));
        let clock = office.clock().clone();
        let settings = email_settings(config, email)?;
        let adapter = EmailSmtp::new(settings, ids, Arc::new(move || clock.now()))?;
        adapters.push(AnyAdapter::EmailSmtp(adapter));
    }
    // Last, since it connects as soon as it is made.
    if let Some(sms) = smpp {
        let settings = smpp_settings(config, sms)?;
        let (adapter, _) = SmsSmpp::start(settings, events.clone(), jitter(office), standing)?;
        adapters.push(AnyAdapter::SmsSmpp(adapter));
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

pub(super) fn smpp_settings(config: &Config, sms: &config::SmsSmpp) -> Result<SmppSettings> {
    let bind = smpp::Bind {
        kind: smpp::BindKind::Transceiver,
        system_id: sms.system_id.clone(),
        password: config.secret("sms_smpp.password_file", &sms.password_file)?,
        system_type: sms.system_type.clone(),
    };
    let sender = smpp::Address::parse(&sms.sender)
        .map_err(|error| config.wrong("sms_smpp.sender", error))?;
    if sms.tls == "none" && !is_near(&sms.host) {
        let because = "without TLS a carrier is reached on this machine or by a private line alone: give \
                       the address at its other end, such as 10.8.0.1, or set tls to machine";
        return Err(config.wrong("sms_smpp.tls", because).into());
    }
    let endpoint = Endpoint { host: sms.host.clone(), port: sms.port };
    let mut settings = SmppSettings::new(endpoint, bind, sender);
    settings.tls = (sms.tls != "none").then(|| roots(&sms.tls));
    settings.id_form = id_form(sms.message_ids);
    Ok(settings)
}

/// This machine, or an address that the internet carries to nobody (RFC 1918, RFC 4193), such as the
/// end of a VPN.
fn is_near(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse();
    host == "localhost"
        || address.is_ok_and(|address: IpAddr| match address {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        })
}

pub(super) const fn id_form(ids: MessageIds) -> smpp::MessageIdForm {
    match ids {
        MessageIds::Same => smpp::MessageIdForm::Same,
        MessageIds::HexThenDecimal => smpp::MessageIdForm::HexThenDecimal,
        MessageIds::DecimalThenHex => smpp::MessageIdForm::DecimalThenHex,
    }
}

pub(super) fn email_settings(config: &Config, email: &config::EmailSmtp) -> Result<EmailSettings> {
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

/// The tokens that may sign a carrier's posts.
fn webhook_tokens(config: &Config) -> Result<Option<Vec<Secret>>> {
    let Some(sms) = &config.sms_http else { return Ok(None) };
    let token = config.secret("sms_http.auth_token_file", &sms.auth_token_file)?;
    let mut tokens = vec![Secret::new(token)];
    if let Some(file) = &sms.previous_auth_token_file {
        tokens.push(Secret::new(config.secret("sms_http.previous_auth_token_file", file)?));
    }
    Ok(Some(tokens))
}

fn webhook(config: &Config, events: &CarrierEvents) -> Result<Option<Webhook>> {
    let (Some(tokens), Some(base)) = (webhook_tokens(config)?, &config.http.public_base) else {
        return Ok(None);
    };
    Ok(Some(Webhook {
        public_base: base.clone(),
        auth_tokens: Live::new(tokens),
        events: events.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_what_is_near_is_reached() {
        for near in ["localhost", "127.0.0.1", "::1", "[::1]", "10.8.0.1", "192.168.4.2", "fd12::1"]
        {
            assert!(is_near(near), "{near}");
        }
        for far in
            ["smsc.carrier.example", "203.0.113.7", "2001:db8::7", "172.32.0.1", "100.64.0.1", ""]
        {
            assert!(!is_near(far), "{far}");
        }
    }
}
