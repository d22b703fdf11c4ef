//! RULEBOOK §12 as data: what each kind may hold, must hold, and may cost.

use gate::Kind;
use guard::Level;

use super::variable::Variable;
use Variable::{
    AltPhone, ClinicianSurname, Code, Date, FirstName, Hours, Link, Minutes, Phone, PortalUrl,
    Practice, Site, Time, Weekday,
};

/// The rules for the templates of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The variables that may stand in it (PRIV-01).
    pub allowed: &'static [Variable],
    /// The variables that must stand in it.
    pub required: &'static [Variable],
    /// The most it may reveal.
    pub max_level: Level,
    /// It belongs to a programme of automated messages: a text ends with the way out.
    pub programme: bool,
    /// It may name the reply keys C, R and X.
    pub reply_keys: bool,
    /// Parts of a text message, with the longest plausible values.
    pub max_segments: usize,
    /// Texts that must stand in it, in every language.
    pub must_say: &'static [&'static str],
}

const ADMINISTRATIVE: Rules = Rules {
    allowed: &[FirstName, Practice, Phone],
    required: &[Practice, Phone],
    max_level: Level::Administrative,
    programme: true,
    reply_keys: false,
    max_segments: 1,
    must_say: &[],
};

/// A test goes to a phone of the practice's own, and is no part of a programme.
const TO_OURSELVES: Rules = Rules {
    allowed: &[Practice, Phone],
    required: &[Practice],
    programme: false,
    ..ADMINISTRATIVE
};

const ANSWER: Rules = Rules { allowed: &[Practice, Phone], programme: false, ..ADMINISTRATIVE };

/// The rules for a kind; `None` for kinds that have no template on text, email or portal: voice
/// only, written by a person, or absent until a practice adds what the law demands of them first.
#[must_use]
pub fn rules(kind: Kind) -> Option<Rules> {
    Some(match kind {
        Kind::AppointmentReminder => Rules {
            allowed: &[FirstName, Practice, Weekday, Date, Time, Phone, ClinicianSurname, Site],
            required: &[Practice, Weekday, Date, Time, Phone],
            reply_keys: true,
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::AppointmentReplyAck => {
            Rules { allowed: &[Practice, Weekday, Date, Time, Phone], ..ANSWER }
        }
        Kind::VisitCallback => Rules {
            allowed: &[FirstName, Practice, Phone, Hours],
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::SecureMessageNotice => Rules {
            allowed: &[FirstName, Practice, PortalUrl, Phone],
            required: &[Practice, PortalUrl, Phone],
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::AccountCallback => Rules {
            allowed: &[FirstName, Practice, Phone, Hours],
            max_level: Level::Mention,
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::StatementReady => Rules {
            allowed: &[Practice, Link, PortalUrl, Phone],
            max_level: Level::Mention,
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::RefillReminder => Rules { max_level: Level::Mention, ..ADMINISTRATIVE },
        Kind::RxReady => Rules {
            allowed: &[Practice, Phone, Hours],
            max_level: Level::Mention,
            ..ADMINISTRATIVE
        },
        Kind::ResultsReady => Rules {
            allowed: &[FirstName, Practice, Phone, PortalUrl],
            max_level: Level::Mention,
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::Recall => Rules {
            allowed: &[FirstName, Practice, Phone, Link],
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::Closure => Rules {
            allowed: &[Practice, Weekday, Date, AltPhone, Phone],
            required: &[Practice, Date, AltPhone],
            ..ADMINISTRATIVE
        },
        Kind::WaitlistOffer => Rules {
            allowed: &[Practice, Weekday, Date, Time, Phone],
            required: &[Practice, Date, Time, Phone],
            ..ADMINISTRATIVE
        },
        Kind::PreVisitForms => Rules {
            allowed: &[Practice, Weekday, Date, Link, Phone],
            required: &[Practice, Link, Phone],
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::TelehealthLink => Rules {
            allowed: &[Practice, Weekday, Date, Time, Link, Phone],
            required: &[Practice, Time, Link, Phone],
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::Survey => Rules {
            allowed: &[Practice, Link, Phone],
            required: &[Practice, Link],
            ..ADMINISTRATIVE
        },
        Kind::AfterHoursAutoreply => Rules {
            allowed: &[Practice, Phone, Hours],
            max_segments: 2,
            must_say: &["911", "988"],
            ..ANSWER
        },
        Kind::EmergencyAutoreply => Rules {
            allowed: &[],
            required: &[],
            max_segments: 2,
            must_say: &["911", "988", "1-800-222-1222"],
            ..ANSWER
        },
        Kind::ClinicalQuestionAutoreply => Rules {
            allowed: &[Practice, Phone, PortalUrl],
            max_segments: 2,
            must_say: &["911"],
            ..ANSWER
        },
        Kind::OptInConfirm | Kind::StartConfirm => {
            Rules { programme: true, must_say: &["HELP"], max_segments: 2, ..ANSWER }
        }
        Kind::Help => Rules { programme: true, ..ANSWER },
        Kind::StopConfirm => Rules { must_say: &["START"], ..ANSWER },
        Kind::IdCode | Kind::CallCode => Rules {
            allowed: &[Practice, Code, Minutes, Phone],
            required: &[Practice, Code, Minutes],
            ..ANSWER
        },
        Kind::RiskWarning => Rules {
            allowed: &[Practice, Link, Phone],
            required: &[Practice, Link, Phone],
            max_segments: 2,
            ..ADMINISTRATIVE
        },
        Kind::WrongNumberApology => Rules { allowed: &[], required: &[], ..ANSWER },
        Kind::SelfTest => TO_OURSELVES,
        Kind::ConsentReceipt => Rules { allowed: &[Practice, Phone, Date], ..ANSWER },
        Kind::AppointmentReminderGeneric
        | Kind::GeneralCallback
        | Kind::FamilyCallback
        | Kind::Aftercare
        | Kind::BreachNotice
        | Kind::Marketing
        | Kind::FreeText => return None,
    })
}
