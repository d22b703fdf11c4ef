//! Why a message may not go, and what would make it pass.

use serde::Serialize;

/// Every check in the way, in the gate's order. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    first: Reason,
    rest: Vec<Reason>,
}

impl Refusal {
    /// A refusal for one reason.
    #[must_use]
    pub const fn one(reason: Reason) -> Self {
        Self { first: reason, rest: Vec::new() }
    }

    /// A refusal for these reasons, or none when there are none.
    #[must_use]
    pub fn from_reasons(reasons: Vec<Reason>) -> Option<Self> {
        let mut reasons = reasons.into_iter();
        reasons.next().map(|first| Self { first, rest: reasons.collect() })
    }

    /// The first check in the way.
    #[must_use]
    pub const fn first(&self) -> &Reason {
        &self.first
    }

    /// Every check in the way, in the gate's order.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// One check in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable code.
    pub code: Code,
    /// Why, in plain words. Holds no PHI.
    pub because: String,
    /// What would make it pass.
    pub remedy: String,
    /// Which check it is; none where it stood in the way before the gate was asked.
    #[serde(skip)]
    pub step: Option<Step>,
}

impl Reason {
    /// A fact that could not be loaded: which, and why, in plain words without PHI.
    #[must_use]
    pub(crate) fn missing(fact: &str, why: &str) -> Self {
        Self::new(Code::FactMissing, format!("We could not look up {fact}: {why}."))
    }

    /// A reason with the code's own remedy.
    #[must_use]
    pub fn new(code: Code, because: impl Into<String>) -> Self {
        Self { code, because: because.into(), remedy: code.remedy().to_owned(), step: None }
    }
}

macro_rules! steps {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal, $question:literal; )+) => {
        /// One check of RULEBOOK.md's pipeline.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step { $( $(#[$doc])* $variant, )+ }

        impl Step {
            /// Every check, in the gate's order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its name, that of its file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What it makes sure of, in a few plain words.
            #[must_use]
            pub const fn in_words(self) -> &'static str {
                match self { $( Self::$variant => $question, )+ }
            }
        }
    };
}

steps! {
    /// Who it goes to.
    Recipient = "recipient", "The right person";
    /// RULEBOOK §4.
    Baa = "baa", "The carrier signed";
    /// RULEBOOK §5.4.
    OptOut = "opt_out", "Not opted out";
    /// PRIV-05, PRIV-06.
    Confidential = "confidential", "As the patient asked";
    /// RULEBOOK §5.2.
    Consent = "consent", "Consent on file";
    /// PRIV-01.
    Purpose = "purpose", "Fits its purpose";
    /// RULEBOOK §11.3.
    Content = "content", "Fit for this channel";
    /// RULEBOOK §5.3.
    Caps = "caps", "Not too many, not too long";
    /// RULEBOOK §5.3.
    QuietHours = "quiet_hours", "Not at night";
    /// RULEBOOK §5.7.
    Number = "number", "The address works";
    /// SPEC TP-01.
    Template = "template", "Approved words";
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal, $remedy:literal; )+) => {
        /// Stable refusal codes. Each stands in docs/refusals.md.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code { $( $(#[$doc])* #[serde(rename = $word)] $variant, )+ }

        impl Code {
            /// Every code, in the gate's order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The code as it stands in the API, the audit log and the docs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What would make it pass, in plain words.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $( Self::$variant => $remedy, )+ }
            }

            /// The code with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

codes! {
    /// A fact a check needs could not be loaded.
    FactMissing = "E_FACT_MISSING", "Try again; if it stays, ask an administrator to run sotto doctor.";
    /// The recipient is not on file, or the record is inactive or merged.
    NoRecipient = "E_NO_RECIPIENT", "Open the patient's current record and send from there.";
    /// PRIV-23.
    Deceased = "E_DECEASED", "Speak with the personal representative; nothing automated is sent.";
    /// PRIV-07: this person's recorded scope does not cover the message.
    CaregiverScope = "E_CAREGIVER_SCOPE", "Ask the patient which matters this person may hear, and record it.";
    /// PRIV-09.
    MinorConfidential = "E_MINOR_CONFIDENTIAL", "Reach the young person by their own confidential contact.";
    /// RULEBOOK §4.
    Baa = "E_BAA", "Record a signed business associate agreement for this carrier, or use another channel.";
    /// The practice switched the channel off.
    ChannelOff = "E_CHANNEL_OFF", "Use another channel, or ask an administrator to switch this one on.";
    /// TEL-10 to TEL-14.
    OptedOut = "E_OPTED_OUT", "Only the patient can turn messages on again, by START or a new consent.";
    /// TEL-13: more than one confirmation, or later than five minutes.
    StopConfirmation = "E_STOP_CONFIRMATION", "Nothing to do: an opt-out is confirmed once, within five minutes.";
    /// PRIV-05.
    AlternativeContact = "E_ALTERNATIVE_CONTACT", "Use the confidential contact the patient asked for.";
    /// PRIV-06.
    Restricted = "E_RESTRICTED", "The patient asked us not to; use a way the restriction leaves open.";
    /// CLIN-10.
    Hold = "E_HOLD", "Contact is on hold for this patient; a person decides when it resumes.";
    /// No consent to automated messages on file for this address.
    ConsentMissing = "E_CONSENT_MISSING", "Ask for consent to automated messages at this address, or call.";
    /// A consent on file has ended.
    ConsentExpired = "E_CONSENT_EXPIRED", "Ask the patient to renew the consent.";
    /// PRIV-11: a marketing message without authorization or written consent, or marketing is off.
    Marketing = "E_MARKETING", "Marketing needs a signed authorization and written consent.";
    /// The purpose does not fit the kind (PRIV-01).
    Purpose = "E_PURPOSE", "Choose the purpose that the kind of message is made for.";
    /// RULEBOOK §12: this kind may not go by this channel.
    KindChannel = "E_KIND_CHANNEL", "Choose a channel that this kind of message may use.";
    /// §11.3 block.
    ContentBlocked = "E_CONTENT_BLOCKED", "Use the safe wording, send by portal, or call.";
    /// §11.3 needs consent.
    ContentConsent = "E_CONTENT_CONSENT", "Ask for consent to detailed messages at this address, or send by portal.";
    /// PRIV-10: more than level 0 on a live call before the listener is verified.
    ListenerUnverified = "E_LISTENER_UNVERIFIED", "Verify who is listening, then speak.";
    /// §11.4 row 1: a recording that others may hear would name the patient.
    NameSpoken = "E_NAME_SPOKEN", "Leave the name out of the recording.";
    /// Level 4.
    ContentNever = "E_CONTENT_NEVER", "Take it out: this is never sent on any channel.";
    /// EML-03.
    Subject = "E_SUBJECT", "Write a subject that says nothing but who writes.";
    /// BAA-04.
    VendorLevel = "E_VENDOR_LEVEL", "This carrier may not carry that much; send by portal.";
    /// CLIN-09: health detail to a number several patients share.
    SharedAddress = "E_SHARED_ADDRESS", "Send by portal, or ask for a number of the patient's own.";
    /// §5.3: one a day.
    CapDay = "E_CAP_DAY", "Send tomorrow, or call.";
    /// §5.3: three a week.
    CapWeek = "E_CAP_WEEK", "Send next week, or call.";
    /// Too long for the channel.
    TooLong = "E_TOO_LONG", "Shorten the text, or send by portal.";
    /// No permitted hour is left before the message is useless.
    TooLate = "E_TOO_LATE", "Call: no hour is left in which an automated message may go.";
    /// No contact point for the channel.
    NoAddress = "E_NO_ADDRESS", "Ask for a number or address for this channel.";
    /// The contact point's period is over or not begun.
    AddressExpired = "E_ADDRESS_EXPIRED", "Ask for the current number or address.";
    /// EML-10: more than level 0 to an address nobody verified.
    AddressUnverified = "E_ADDRESS_UNVERIFIED", "Verify the address first.";
    /// §5.7.
    Landline = "E_LANDLINE", "A landline takes no texts; call instead.";
    /// TEL-19.
    WrongNumber = "E_WRONG_NUMBER", "The number belongs to someone else; ask for a new one.";
    /// EML-09.
    Bounced = "E_BOUNCED", "The address does not work; ask for a new one.";
    /// §5.7.
    Reassigned = "E_REASSIGNED", "The number changed hands; ask for a new one.";
    /// An unsecured channel is template-first and this has none.
    TemplateRequired = "E_TEMPLATE_REQUIRED", "Choose a template, or send by portal.";
    /// Not approved, withdrawn, expired, or of another kind or channel.
    TemplateStanding = "E_TEMPLATE_STANDING", "Choose an approved template of this kind for this channel.";
    /// No template in the patient's language. Never silent English.
    TranslationMissing = "E_TRANSLATION_MISSING", "Add a reviewed translation, or call with an interpreter.";
}
