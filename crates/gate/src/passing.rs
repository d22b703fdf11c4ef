//! For tests: a case that passes every check, to be spoiled one fact at a time.

use guard::{Category, Channel, Context, Level};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::address::{Address, EmailAddress, PhoneNumber};
use crate::check::{Asked, Findings, every};
use crate::draft::{Content, Draft, Origin, TemplateRef};
use crate::facts::{
    AddressFacts, Agreement, Consent, ConsentClass, Facts, History, Known, Line, Location, OptOut,
    Practice, Recipient, Role, Template, Vendor,
};
use crate::id::{ConsentId, ContactPointId, MessageId, PatientId, PracticeId};
use crate::kind::{Kind, Language, Purpose};
use crate::permit::{Cell, Decision, clear};
use crate::policy::Policy;
use crate::refusal::Code;

/// A draft with its facts, its policy and its hour.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) draft: Draft,
    pub(crate) facts: Facts,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) cells: Vec<Cell>,
}

/// A consent's id.
pub(crate) const fn id(number: u128) -> ConsentId {
    ConsentId(Uuid::from_u128(number))
}

/// A contact point's id.
pub(crate) const fn point(number: u128) -> ContactPointId {
    ContactPointId(Uuid::from_u128(number))
}

/// An instant.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn minutes(number: i64) -> SignedDuration {
    SignedDuration::from_mins(number)
}

pub(crate) fn cell(level: Level, category: Category) -> Cell {
    Cell { level, category, ready: false }
}

pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

pub(crate) fn address_for(channel: Channel) -> Address {
    match channel {
        Channel::Email => Address::Email(EmailAddress::parse("pat@example.com").unwrap()),
        Channel::Portal => Address::Portal,
        _ => Address::Phone(PhoneNumber::from_e164("+12025550123").unwrap()),
    }
}

pub(crate) fn pec(channel: Channel) -> Consent {
    Consent {
        id: id(1),
        class: ConsentClass::Pec,
        channel,
        for_this_address: true,
        purposes: Vec::new(),
        from: at("2026-01-01T00:00:00Z"),
        until: None,
        written: true,
    }
}

pub(crate) fn content_consent(channel: Channel, category: Category, up_to: Level) -> Consent {
    Consent {
        id: id(2),
        class: ConsentClass::Content { categories: vec![category], up_to, risk_warned: true },
        ..pec(channel)
    }
}

pub(crate) fn stop(since: Timestamp) -> OptOut {
    OptOut { channel: None, kind: None, since, confirmed: false, wrong_number: false }
}

impl Case {
    /// An appointment reminder by text, from a plan, on a Wednesday noon in New York.
    pub(crate) fn text() -> Self {
        let now = at("2026-11-18T17:00:00Z");
        Self {
            draft: Draft {
                message: MessageId(Uuid::from_u128(10)),
                practice: PracticeId(Uuid::from_u128(11)),
                patient: Some(PatientId(Uuid::from_u128(12))),
                contact_point: Some(point(13)),
                address: address_for(Channel::Sms),
                channel: Channel::Sms,
                kind: Kind::AppointmentReminder,
                purpose: Purpose::Treatment,
                origin: Origin::Automated,
                content: Content {
                    subject: None,
                    body: "Hello. Please call us. STOP ends texts.".to_owned(),
                    fields: Vec::new(),
                    template: Some(TemplateRef { name: "appt_reminder.sms.en".into(), version: 3 }),
                    language: Language::English,
                },
                useless_after: Some(at("2026-11-20T19:00:00Z")),
            },
            facts: facts(now),
            policy: Policy::rulebook(),
            now,
            cells: Vec::new(),
        }
    }

    /// The same by another channel, with consent, template and address to match.
    pub(crate) fn by(channel: Channel) -> Self {
        Self::text().moved_to(channel)
    }

    pub(crate) fn moved_to(self, channel: Channel) -> Self {
        self.with(|case| {
            case.draft.channel = channel;
            case.draft.address = address_for(channel);
            case.template().channel = channel;
            for consent in case.consents() {
                consent.channel = channel;
            }
            case.address().line =
                if channel == Channel::Email { Line::NotALine } else { Line::Mobile };
            if channel == Channel::RinglessVoicemail {
                case.draft.kind = Kind::AppointmentReminderGeneric;
                case.template().kind = Kind::AppointmentReminderGeneric;
            }
        })
    }

    /// A text a member of staff typed.
    pub(crate) fn typed() -> Self {
        Self::text().with(|case| {
            case.draft.kind = Kind::FreeText;
            case.draft.origin = Origin::Staff;
            case.draft.content.template = None;
            case.facts.template = Known::Yes(None);
        })
    }

    /// An answer of this kind to a text of a minute ago.
    pub(crate) fn answer(kind: Kind) -> Self {
        Self::text().with(|case| {
            case.draft.kind = kind;
            case.draft.purpose = Purpose::PatientRequest;
            case.draft.origin = Origin::Reply { to_message_at: case.now - minutes(1) };
            case.template().kind = kind;
        })
    }

    /// An answer of this kind to a number nobody on file has.
    pub(crate) fn stranger(kind: Kind) -> Self {
        Self::answer(kind).with(|case| {
            case.draft.patient = None;
            case.draft.contact_point = None;
            case.facts.consents = Known::Yes(Vec::new());
            case.recipient().role = Role::Unknown;
        })
    }

    pub(crate) fn with(mut self, spoil: impl FnOnce(&mut Self)) -> Self {
        spoil(&mut self);
        self
    }

    pub(crate) fn policy(self, toml: &str) -> Self {
        self.with(|case| {
            case.policy = Policy::from_toml(&format!("name = \"test\"\n{toml}")).unwrap();
        })
    }

    pub(crate) fn recipient(&mut self) -> &mut Recipient {
        known(&mut self.facts.recipient)
    }

    pub(crate) fn vendor(&mut self) -> &mut Vendor {
        known(&mut self.facts.vendor)
    }

    pub(crate) fn consents(&mut self) -> &mut Vec<Consent> {
        known(&mut self.facts.consents)
    }

    pub(crate) fn history(&mut self) -> &mut History {
        known(&mut self.facts.history)
    }

    pub(crate) fn address(&mut self) -> &mut AddressFacts {
        known(&mut self.facts.address)
    }

    pub(crate) fn template(&mut self) -> &mut Template {
        known(&mut self.facts.template).as_mut().unwrap()
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            draft: &self.draft,
            facts: &self.facts,
            policy: &self.policy,
            now: self.now,
            cells: &self.cells,
        }
    }

    /// What one check says.
    pub(crate) fn codes(&self, check: fn(&Asked<'_>) -> Findings) -> Vec<Code> {
        check(&self.asked()).reasons.into_iter().map(|reason| reason.code).collect()
    }

    /// What all of them say.
    pub(crate) fn all_codes(&self) -> Vec<Code> {
        self.codes(every)
    }

    /// Through the door.
    pub(crate) fn decide(&self) -> Decision {
        clear(self.draft.clone(), &self.facts, &self.policy, self.now)
    }
}

fn known<T>(fact: &mut Known<T>) -> &mut T {
    match fact {
        Known::Yes(fact) => fact,
        Known::No(why) => panic!("{why}"),
    }
}

fn facts(now: Timestamp) -> Facts {
    Facts {
        recipient: Known::Yes(Recipient {
            role: Role::Patient,
            deceased: false,
            age: Some(41),
            active: true,
            language: Some(Language::English),
        }),
        vendor: Known::Yes(Vendor {
            adapter: "smpp".to_owned(),
            agreement: Agreement::Active { from: at("2026-01-01T00:00:00Z"), until: None },
            max_level: Level::Detail,
            enabled: true,
        }),
        opt_outs: Known::Yes(Vec::new()),
        alternatives: Known::Yes(Vec::new()),
        restrictions: Known::Yes(Vec::new()),
        consents: Known::Yes(vec![pec(Channel::Sms)]),
        history: Known::Yes(History::default()),
        location: Known::Yes(Location {
            by_address: Some(zone("America/New_York")),
            by_number: Some(zone("America/New_York")),
        }),
        address: Known::Yes(AddressFacts {
            in_period: true,
            verified: true,
            patients: 1,
            shared: false,
            line: Line::Mobile,
            dead: None,
            verified_tls: false,
        }),
        minor_confidential: Known::Yes(false),
        template: Known::Yes(Some(Template {
            kind: Kind::AppointmentReminder,
            channel: Channel::Sms,
            language: Language::English,
            max_level: Level::Administrative,
            approved: true,
            expires: Some(now + minutes(60 * 24 * 90)),
            withdrawn: false,
        })),
        context: Context {
            practice_names: vec!["Elm Street Clinic".to_owned()],
            practice_phones: vec!["2025550100".to_owned()],
            hosts: vec!["portal.example.com".to_owned()],
            recipient_names: vec!["Grace".to_owned(), "Example".to_owned()],
            ..Context::default()
        },
        portal_ready: true,
        practice: Practice {
            name: "Elm Street Clinic".to_owned(),
            phone: "202-555-0100".to_owned(),
            portal_url: "https://portal.example.com".to_owned(),
        },
    }
}
