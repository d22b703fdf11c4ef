//! A carrier, an adapter that talks to it, and what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gate::facts::{
    AddressFacts, Agreement, Consent, ConsentClass, History, Line, Location, Practice, Recipient,
    Role, Vendor,
};
use gate::{
    Address, Channel, Cleared, Content, Decision, Draft, EmailAddress, Facts, Kind, Known,
    Language, Level, MessageId, Origin, PhoneNumber, Policy, Purpose, Release,
};
use jiff::Timestamp;
use sotto::channels::email_smtp::{EmailSettings, Security};
use sotto::channels::inbound_smtp::{self, InboundSmtpSettings};
use sotto::channels::sms_http::SmsHttpSettings;
use sotto::channels::sms_smpp::SmppSettings;
use sotto::channels::transport::{Endpoint, Roots};
use sotto::channels::twilio_webhook::Form;
use sotto::channels::{
    Adapter, AnyAdapter, Carried, CarrierCodes, CarrierEvent, CarrierEvents, CarrierReceipt, Done,
    EmailSmtp, Failure, Handoff, HeaderText, OpaqueIds, Reply, Secret, SmsHttp, SmsSmpp,
};
use sotto::clock::Clock;
use sotto::ids::RunId;
use sotto::nodes::Standing;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use twin::{HttpConfig, MailConfig, SmppConfig, Twin, TwinConfig, WorldClock};
use uuid::Uuid;

/// The number or mailbox of the person at the other end.
pub(crate) const PHONE: &str = "+12125550142";
const MAILBOX: &str = "pat@example.com";
/// Ours.
pub(crate) const SENDER: &str = "+12125550100";
const BODY: &str = "Lakeside: please call our office when you can.";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Smpp,
    Http,
    Email,
}

impl Which {
    pub(crate) const ALL: [Self; 3] = [Self::Smpp, Self::Http, Self::Email];
    pub(crate) const TEXTS: [Self; 2] = [Self::Smpp, Self::Http];

    pub(crate) fn door(self) -> twin::Channel {
        match self {
            Self::Smpp => twin::Channel::Sms,
            Self::Http => twin::Channel::HttpSms,
            Self::Email => twin::Channel::Email,
        }
    }
}

pub(crate) struct Bench {
    pub(crate) which: Which,
    pub(crate) twin: Twin,
    pub(crate) adapter: AnyAdapter,
    pub(crate) sender: CarrierEvents,
    events: mpsc::Receiver<Carried>,
    sent: u128,
}

impl Bench {
    pub(crate) async fn start(which: Which) -> Self {
        Self::with(which, |_| {}).await
    }

    /// `change` may change how the twin behaves.
    pub(crate) async fn with(which: Which, change: impl FnOnce(&mut TwinConfig)) -> Self {
        let mut config =
            TwinConfig { clock: WorldClock::scaled(None, 50.0), ..TwinConfig::default() };
        match which {
            Which::Smpp => config.smpp = Some(SmppConfig::default()),
            Which::Http => config.http = Some(HttpConfig::default()),
            Which::Email => config.mail = Some(MailConfig::default()),
        }
        change(&mut config);
        let twin = Twin::start(config).await.unwrap();
        let (sender, events) = mpsc::channel(64);
        let adapter = match which {
            Which::Smpp => smpp(&twin, sender.clone()),
            Which::Http => http(&twin, sender.clone()).await,
            Which::Email => email(&twin, sender.clone(), |_| {}).await,
        };
        Self { which, twin, adapter, sender, events, sent: 0 }
    }

    pub(crate) async fn send(&mut self) -> Result<Handoff, Failure> {
        self.say(BODY).await
    }

    pub(crate) async fn say(&mut self, body: &str) -> Result<Handoff, Failure> {
        self.sent += 1;
        let cleared = cleared(self.which, self.sent, body);
        let (facts, policy, now) = (facts(self.which), Policy::rulebook(), noon());
        let Release::Go(released) = gate::release(&cleared, &facts, &policy, now) else {
            panic!("not released")
        };
        let lease = standing().lease().unwrap();
        timeout(PATIENCE, self.adapter.send(released, &lease)).await.expect("no answer in time")
    }

    /// The next thing the carrier tells.
    pub(crate) async fn event(&mut self) -> Carried {
        timeout(PATIENCE, self.events.recv()).await.expect("no event in time").unwrap()
    }

    /// The next receipt, stored.
    pub(crate) async fn receipt(&mut self) -> CarrierReceipt {
        let Carried { event, done } = self.event().await;
        let CarrierEvent::Receipt(receipt) = event else { panic!("{event:?}") };
        done.stored();
        receipt
    }

    /// The next reply, and the duty to answer for it.
    pub(crate) async fn reply(&mut self) -> (Reply, Done) {
        let Carried { event, done } = self.event().await;
        let CarrierEvent::Reply(reply) = event else { panic!("{event:?}") };
        (reply, done)
    }

    pub(crate) fn nothing_more(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    /// Messages that reached the carrier and were taken.
    pub(crate) fn taken(&self) -> usize {
        let taken = |outcome: &twin::Outcome| *outcome == twin::Outcome::Taken;
        self.twin.look(|record| match self.which {
            Which::Email => record.mails.iter().filter(|mail| taken(&mail.outcome)).count(),
            _ => record.texts.iter().filter(|text| taken(&text.outcome)).count(),
        })
    }

    /// What comes back, for somebody else to take.
    pub(crate) fn take_events(&mut self) -> mpsc::Receiver<Carried> {
        std::mem::replace(&mut self.events, mpsc::channel(1).1)
    }

    /// Another adapter instead.
    pub(crate) fn instead(&mut self, adapter: AnyAdapter) {
        self.adapter = adapter;
    }
}

fn smpp(twin: &Twin, events: CarrierEvents) -> AnyAdapter {
    AnyAdapter::SmsSmpp(start_smpp(twin, events, |_| {}))
}

pub(crate) fn start_smpp(
    twin: &Twin,
    events: CarrierEvents,
    change: impl FnOnce(&mut SmppSettings),
) -> SmsSmpp {
    start_smpp_of(twin, events, standing(), change)
}

/// [`start_smpp`], by a node.
pub(crate) fn start_smpp_of(
    twin: &Twin,
    events: CarrierEvents,
    standing: Standing,
    change: impl FnOnce(&mut SmppSettings),
) -> SmsSmpp {
    let bind = smpp::Bind {
        kind: smpp::BindKind::Transceiver,
        system_id: "sotto".into(),
        password: "secret".into(),
        system_type: String::new(),
    };
    let address = endpoint(twin.smpp_address().unwrap());
    let sender = smpp::Address::parse(SENDER).unwrap();
    let mut settings = SmppSettings::new(address, bind, sender);
    settings.session.answer_within = Duration::from_millis(800);
    settings.session.throttle_pause = Duration::from_millis(20);
    settings.backoff.first = Duration::from_millis(20);
    settings.wait = Duration::from_secs(5);
    settings.parts_within = Duration::from_millis(200);
    settings.codes = CarrierCodes {
        opted_out: vec!["0x0410".into()],
        landline: vec!["6".into()],
        bad_address: vec!["5".into()],
    };
    change(&mut settings);
    let (adapter, _) = SmsSmpp::start(settings, events, Arc::new(|| 0.5), standing).unwrap();
    adapter
}

/// Of a process that is alone.
fn standing() -> Standing {
    Standing::alone(Clock::system(), RunId(Uuid::from_u128(9)))
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { host: address.ip().to_string(), port: address.port() }
}

/// A Twilio-compatible carrier, and the two doors it reports to.
pub(crate) async fn http(twin: &Twin, events: CarrierEvents) -> AnyAdapter {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let state = (base.clone(), events);
    let router = Router::new()
        .route("/status", post(webhook))
        .route("/inbound", post(webhook))
        .with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    twin.inbound_webhook(&format!("{base}/inbound"));
    let config = HttpConfig::default();
    let settings = SmsHttpSettings {
        base: format!("http://{}", twin.http_address().unwrap()),
        account_sid: config.account_sid,
        auth_token: Secret::new(config.auth_token),
        from: SENDER.into(),
        status_callback: Some(format!("{base}/status")),
        roots: Roots::Machine,
        answer_within: Duration::from_millis(800),
    };
    AnyAdapter::SmsHttp(SmsHttp::new(settings).unwrap())
}

async fn webhook(
    State((base, events)): State<(String, CarrierEvents)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let form = Form::parse(&body).unwrap();
    let token = Secret::new(HttpConfig::default().auth_token);
    let signature = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
    form.verify(&format!("{base}{uri}"), &token, signature.unwrap_or("")).unwrap();
    let event = match uri.path() {
        "/status" => CarrierEvent::Receipt(form.receipt().unwrap()),
        _ => CarrierEvent::Reply(form.reply().unwrap()),
    };
    let (done, stored) = Done::with_receiver();
    if events.send(Carried { event, done }).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match stored.await {
        Ok(true) => StatusCode::NO_CONTENT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A mail server, and the door that bounces come back to.
pub(crate) async fn email(
    twin: &Twin,
    events: CarrierEvents,
    change: impl FnOnce(&mut EmailSettings),
) -> AnyAdapter {
    let inbound = InboundSmtpSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        name: "mx.lakeside.test".into(),
        bounce_domain: "bounce.lakeside.test".into(),
        longest_mail: 100_000,
        tls: None,
    };
    let (address, _) = inbound_smtp::start(inbound, events).await.unwrap();
    twin.bounces_to(address);
    let mut settings = EmailSettings {
        endpoint: endpoint(twin.mail_address().unwrap()),
        security: Security::StartTls,
        roots: Roots::Given(vec![twin.authority().der().to_vec()]),
        credentials: None,
        helo: "lakeside.test".into(),
        from: EmailAddress::parse("hello@lakeside.test").unwrap(),
        from_name: HeaderText::parse("Lakeside").unwrap(),
        bounce_domain: "bounce.lakeside.test".into(),
        dkim: Vec::new(),
        unsubscribe_base: Some("https://lakeside.test/u/".into()),
        sessions: 2,
        answer_within: Duration::from_millis(800),
        ask_success: true,
    };
    change(&mut settings);
    let now = Arc::new(noon);
    AnyAdapter::EmailSmtp(EmailSmtp::new(settings, OpaqueIds::new(&[7; 32]), now).unwrap())
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-20T17:00:00Z".parse().unwrap()
}

fn cleared(which: Which, number: u128, body: &str) -> Cleared {
    let (channel, address) = match which {
        Which::Email => (Channel::Email, Address::Email(EmailAddress::parse(MAILBOX).unwrap())),
        _ => (Channel::Sms, Address::Phone(PhoneNumber::from_e164(PHONE).unwrap())),
    };
    let draft = Draft {
        message: MessageId(Uuid::from_u128(number)),
        practice: gate::PracticeId(Uuid::from_u128(1)),
        patient: Some(gate::PatientId(Uuid::from_u128(2))),
        contact_point: Some(gate::ContactPointId(Uuid::from_u128(3))),
        address,
        channel,
        kind: Kind::FreeText,
        purpose: Purpose::Treatment,
        origin: Origin::Staff,
        content: Content {
            subject: (channel == Channel::Email).then(|| "Message from Lakeside".to_owned()),
            body: body.to_owned(),
            fields: Vec::new(),
            template: None,
            language: Language::English,
        },
        useless_after: None,
    };
    match gate::clear(draft, &facts(which), &Policy::rulebook(), noon()) {
        Decision::Clear(cleared) => cleared,
        other => panic!("{other:?}"),
    }
}

fn facts(which: Which) -> Facts {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let channel = if which == Which::Email { Channel::Email } else { Channel::Sms };
    Facts {
        recipient: Known::Yes(Recipient {
            role: Role::Patient,
            deceased: false,
            age: Some(40),
            active: true,
            language: Some(Language::English),
        }),
        vendor: Known::Yes(Vendor {
            adapter: "twin".into(),
            agreement: Agreement::Sandbox,
            max_level: Level::Administrative,
            enabled: true,
        }),
        opt_outs: Known::Yes(Vec::new()),
        alternatives: Known::Yes(Vec::new()),
        restrictions: Known::Yes(Vec::new()),
        consents: Known::Yes(vec![Consent {
            id: gate::ConsentId(Uuid::from_u128(4)),
            class: ConsentClass::Pec,
            channel,
            for_this_address: true,
            purposes: Vec::new(),
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: None,
            written: true,
        }]),
        history: Known::Yes(History::default()),
        location: Known::Yes(Location { by_address: Some(zone.clone()), by_number: Some(zone) }),
        address: Known::Yes(AddressFacts {
            in_period: true,
            verified: true,
            patients: 1,
            shared: false,
            line: if which == Which::Email { Line::NotALine } else { Line::Mobile },
            dead: None,
            verified_tls: true,
        }),
        minor_confidential: Known::Yes(false),
        template: Known::Yes(None),
        context: gate_context(),
        portal_ready: true,
        practice: Practice {
            name: "Lakeside".into(),
            phone: "212 555 0100".into(),
            portal_url: "https://lakeside.test".into(),
        },
    }
}

fn gate_context() -> guard::Context {
    guard::Context { practice_names: vec!["Lakeside".into()], ..guard::Context::default() }
}
