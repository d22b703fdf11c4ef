//! Everything the checks ask about, loaded in one query set, moments before they are asked.
//!
//! A fact that could not be loaded is [`Known::No`]; the check that needs it refuses.

use guard::{Category, Channel, Context, Level};
use jiff::Timestamp;

use crate::id::{ConsentId, ContactPointId};
use crate::kind::{Kind, Language, Purpose};

/// A fact, or the reason it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// Loaded.
    Yes(T),
    /// Not to be had; says what is missing, in plain words without PHI.
    No(&'static str),
}

impl<T> Known<T> {
    /// The fact, where it was loaded.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Yes(fact) => Some(fact),
            Self::No(_) => None,
        }
    }
}

/// The facts about one draft.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who would get it.
    pub recipient: Known<Recipient>,
    /// Who would carry it, and under what agreement.
    pub vendor: Known<Vendor>,
    /// Opt-outs in force for this address or patient.
    pub opt_outs: Known<Vec<OptOut>>,
    /// Alternative contacts in force (PRIV-05).
    pub alternatives: Known<Vec<Alternative>>,
    /// Accepted restrictions in force (PRIV-06) and safety flags (CLIN-10).
    pub restrictions: Known<Vec<Restriction>>,
    /// Consents on file for this patient, revoked ones left out.
    pub consents: Known<Vec<Consent>>,
    /// What went to this patient lately.
    pub history: Known<History>,
    /// Where the person is.
    pub location: Known<Location>,
    /// What is known of the number or mailbox.
    pub address: Known<AddressFacts>,
    /// The matter of this message is tagged `minor_confidential` by the chart or by staff
    /// (PRIV-09). Never inferred.
    pub minor_confidential: Known<bool>,
    /// The template's standing. `None` inside: no template, words a person typed.
    pub template: Known<Option<Template>>,
    /// What the guard is told.
    pub context: Context,
    /// The portal can take a body for this patient.
    pub portal_ready: bool,
    /// How the practice signs, for the notice of a redirect.
    pub practice: Practice,
}

/// How the practice signs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Practice {
    /// The neutral display name.
    pub name: String,
    /// The number patients call, as printed.
    pub phone: String,
    /// Where patients sign in.
    pub portal_url: String,
}

/// Who would get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// In what capacity.
    pub role: Role,
    /// The patient has died (PRIV-23): all automated messages stop at once.
    pub deceased: bool,
    /// The patient's age in years, whoever gets the message, where the date of birth is on file.
    pub age: Option<u16>,
    /// The record is in use (not merged away, not inactive).
    pub active: bool,
    /// The language on file.
    pub language: Option<Language>,
}

/// In what capacity a person gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The patient.
    Patient,
    /// A personal representative with authority in force (PRIV-08).
    Representative {
        /// Items tagged `minor_confidential` are not theirs (PRIV-09).
        of_minor: bool,
    },
    /// Family or a caregiver, with the scope recorded for them (PRIV-07).
    Caregiver {
        /// What may be shared.
        scope: Vec<Scope>,
        /// The permission is in writing (§11.4 row 11).
        written: bool,
    },
    /// Nobody we know: a number that wrote to us.
    Unknown,
}

/// What may be shared with a caregiver (PRIV-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A request to call back, no more.
    CallBack,
    /// Appointments.
    Appointments,
    /// Billing.
    Billing,
    /// Clinical matters up to level 2.
    Clinical,
}

/// The carrier, and the agreement with it (RULEBOOK §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// Our name for the adapter.
    pub adapter: String,
    /// A signed agreement is in force, or a dated exception is recorded (BAA-01).
    pub agreement: Agreement,
    /// The most it may carry (BAA-04).
    pub max_level: Level,
    /// The practice switched this channel on.
    pub enabled: bool,
}

/// The state of a business associate agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// In force from, and until (None: evergreen).
    Active {
        /// First instant.
        from: Timestamp,
        /// Last instant.
        until: Option<Timestamp>,
    },
    /// A recorded, dated exception, such as the practice's own mail server.
    Exception {
        /// Last instant.
        until: Option<Timestamp>,
    },
    /// The simulated carrier of the demo and of training: nothing leaves the machine.
    Sandbox,
    /// The practice ended it, or it was terminated (BAA-05).
    Ended,
    /// None, or a draft.
    Missing,
}

/// An opt-out in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptOut {
    /// Which channels it covers; `None`: all automated ones (TEL-14).
    pub channel: Option<Channel>,
    /// Which kind it covers; `None`: all.
    pub kind: Option<Kind>,
    /// Since when.
    pub since: Timestamp,
    /// The confirmation of it (for a wrong number: the apology) is sent or queued already, this
    /// draft left out (TEL-13: one only).
    pub confirmed: bool,
    /// The number was said to be somebody else's (TEL-19): nothing at all after the apology.
    /// Loaded only where the draft's address is that number.
    pub wrong_number: bool,
}

/// An alternative contact in force: it overrides the chart's address on every send (PRIV-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alternative {
    /// Which channels it governs; `None`: all.
    pub channel: Option<Channel>,
    /// Use this contact point; `None`: use none on that channel.
    pub use_instead: Option<ContactPointId>,
}

/// A restriction in force (PRIV-06), or a hold (CLIN-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// Never on this channel.
    Channel(Channel),
    /// Never at this contact point.
    ContactPoint(ContactPointId),
    /// Never this kind.
    Kind(Kind),
    /// Admitted, do-not-contact: nothing automated.
    Hold,
    /// Safety flag: no voicemail, no text, no caller's name (CLIN-10).
    Safety,
    /// Their record is of a programme for substance use disorders (42 CFR Part 2): all that is more
    /// than administrative is sensitive (PRIV-16). It stops nothing by itself.
    Part2,
}

/// A consent in force (SPEC CN-05, RULEBOOK §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Which.
    pub id: ConsentId,
    /// What it permits.
    pub class: ConsentClass,
    /// On which channel.
    pub channel: Channel,
    /// It names exactly the address of the draft. A consent for another number permits nothing.
    pub for_this_address: bool,
    /// For which purposes; empty: all that its class covers.
    pub purposes: Vec<Purpose>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
    /// It is in writing.
    pub written: bool,
}

/// RULEBOOK §5.2, with the content consents of §11.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentClass {
    /// Prior express consent to automated messages.
    Pec,
    /// Prior express written consent, for marketing.
    Pewc,
    /// Content of these categories, up to this level, on an unsecured channel, with the risk
    /// warning of PRIV-13 where `risk_warned`.
    Content {
        /// Which categories.
        categories: Vec<Category>,
        /// Up to which level.
        up_to: Level,
        /// The risk warning was shown and acknowledged.
        risk_warned: bool,
    },
    /// A signed authorization for marketing (45 CFR 164.508(c)).
    MarketingAuthorization,
    /// The privacy officer released one message to answer an access request (PRIV-14).
    AccessRequestRelease {
        /// It is the draft's own, letter by letter. A release of another permits nothing.
        of_this_message: bool,
    },
}

/// What went to this patient lately by automated text and voice, this draft left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Sent or about to be sent within the patient's calendar day.
    pub today: u32,
    /// Within the last seven days.
    pub week: u32,
}

/// Where the person is, as time zones (IANA names, parsed).
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// By the address on file.
    pub by_address: Option<jiff::tz::TimeZone>,
    /// By the number's area code.
    pub by_number: Option<jiff::tz::TimeZone>,
}

/// What is known of a number or mailbox (RULEBOOK §5.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressFacts {
    /// The contact point's period covers now.
    pub in_period: bool,
    /// It was verified.
    pub verified: bool,
    /// How many patients share it.
    pub patients: u32,
    /// Its owner says others read or hear it.
    pub shared: bool,
    /// What kind of line.
    pub line: Line,
    /// It failed for good, and how.
    pub dead: Option<Dead>,
    /// For email: the recipient's domain takes only verified TLS (EML-04).
    pub verified_tls: bool,
}

impl AddressFacts {
    /// More than one person's: others read or hear what comes here (CLIN-09, EML-09).
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared || self.patients > 1
    }
}

/// Kinds of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A mobile.
    Mobile,
    /// A landline: never texted.
    Landline,
    /// Over the internet; texts may arrive.
    Voip,
    /// Not looked up.
    Unknown,
    /// Not a telephone line.
    NotALine,
}

/// How an address failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// Somebody else answered.
    WrongNumber,
    /// The carrier or mail server says it does not exist.
    Bounced,
    /// The Reassigned Numbers Database says it changed hands.
    Reassigned,
}

/// A template's standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its kind.
    pub kind: Kind,
    /// Its channel.
    pub channel: Channel,
    /// Its language.
    pub language: Language,
    /// The level it was declared and approved for.
    pub max_level: Level,
    /// A second person approved this version.
    pub approved: bool,
    /// No use after this instant.
    pub expires: Option<Timestamp>,
    /// This version was withdrawn.
    pub withdrawn: bool,
}
