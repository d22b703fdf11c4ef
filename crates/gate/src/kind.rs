//! What a message is for: RULEBOOK §12's template kinds, and §1's purposes.

use guard::Channel;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $( $(#[$vdoc:meta])* $variant:ident = $word:literal, )+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $( $(#[$vdoc])* #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// Every one, in the order of the rulebook.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word that stands for it in files, rows and the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

words! {
    /// The kinds of message (RULEBOOK §12).
    Kind {
        /// Appointment reminder with date and time.
        AppointmentReminder = "appt_reminder",
        /// Reminder without name or time, for voicemail.
        AppointmentReminderGeneric = "appt_reminder_generic",
        /// What we understood of a reply to a reminder: confirmed, cancelled, another time asked.
        AppointmentReplyAck = "appt_reply_ack",
        /// "Please call about your recent visit."
        VisitCallback = "visit_callback",
        /// "Please call us."
        GeneralCallback = "general_callback",
        /// A secure message waits.
        SecureMessageNotice = "secure_message_notice",
        /// "Please call about your account."
        AccountCallback = "account_callback",
        /// A statement is ready.
        StatementReady = "statement_ready",
        /// A refill is due.
        RefillReminder = "refill_reminder",
        /// A prescription is ready.
        RxReady = "rx_ready",
        /// Results are ready.
        ResultsReady = "results_ready",
        /// A call-back request to a listed family member or caregiver.
        FamilyCallback = "family_callback",
        /// Annual visit, recall.
        Recall = "recall",
        /// The office is closed, or has moved.
        Closure = "closure",
        /// An earlier time is free.
        WaitlistOffer = "waitlist_offer",
        /// Forms before a visit.
        PreVisitForms = "pre_visit_forms",
        /// A video visit's link.
        TelehealthLink = "telehealth_link",
        /// A survey.
        Survey = "survey",
        /// Care instructions, portal only.
        Aftercare = "aftercare",
        /// The office is closed now; when someone reads this.
        AfterHoursAutoreply = "after_hours_autoreply",
        /// RULEBOOK CLIN-02, fixed text.
        EmergencyAutoreply = "emergency_autoreply",
        /// A clinical question by text: please use portal or phone (CLIN-05).
        ClinicalQuestionAutoreply = "clinical_question_autoreply",
        /// First message of a programme.
        OptInConfirm = "optin_confirm",
        /// The answer to HELP.
        Help = "help",
        /// The one confirmation of an opt-out (TEL-13).
        StopConfirm = "stop_confirm",
        /// The answer to START.
        StartConfirm = "start_confirm",
        /// A one-time code.
        IdCode = "id_code",
        /// A one-time code that the patient reads to who called them (PRIV-10).
        CallCode = "call_code",
        /// The risk warning and consent request (PRIV-13).
        RiskWarning = "risk_warning",
        /// One apology to a wrong number.
        WrongNumberApology = "wrong_number_apology",
        /// A receipt for a consent, or a change of preferences.
        ConsentReceipt = "consent_receipt",
        /// A test of a carrier, to a phone of the practice's own.
        SelfTest = "self_test",
        /// Breach notice (RULEBOOK §3): letter, or email if agreed.
        BreachNotice = "breach_notice",
        /// Marketing; off by default.
        Marketing = "marketing",
        /// Words a person typed, no template.
        FreeText = "free_text",
    }
}

words! {
    /// Why a message is sent (RULEBOOK §1; 45 CFR 164.501).
    Purpose {
        /// Treatment, reminders included (PRIV-03).
        Treatment = "treatment",
        /// Health care operations.
        Operations = "operations",
        /// Payment.
        Payment = "payment",
        /// Encourages purchase or use of a product or service (PRIV-11).
        Marketing = "marketing",
        /// The patient asked, and this is the answer; also what the rules demand be sent.
        PatientRequest = "patient_request",
        /// A threat to health or safety (47 U.S.C. 227(b); 64.1200(f)(4)); started by a person.
        Emergency = "emergency",
    }
}

words! {
    /// A language that templates exist in.
    Language {
        /// English.
        English = "en",
        /// Spanish.
        Spanish = "es",
    }
}

impl Kind {
    /// It answers the patient's own message, or the rules demand it: no caps, no quiet hours.
    #[must_use]
    pub const fn answers_the_patient(self) -> bool {
        matches!(
            self,
            Self::AppointmentReplyAck
                | Self::AfterHoursAutoreply
                | Self::EmergencyAutoreply
                | Self::ClinicalQuestionAutoreply
                | Self::Help
                | Self::StopConfirm
                | Self::StartConfirm
                | Self::IdCode
                | Self::CallCode
                | Self::WrongNumberApology
        )
    }

    /// A one-time code: asked for on a screen or in a call, not in a message.
    #[must_use]
    pub const fn is_a_code(self) -> bool {
        matches!(self, Self::IdCode | Self::CallCode)
    }

    /// It may go to a number that opted out, as an answer to that number's own text: the single
    /// confirmation (TEL-13), the emergency answer (CLIN-04), the answers to START and HELP, and
    /// the apology before a wrong number falls silent.
    #[must_use]
    pub const fn may_reach_an_opted_out_number(self) -> bool {
        matches!(
            self,
            Self::StopConfirm
                | Self::EmergencyAutoreply
                | Self::WrongNumberApology
                | Self::StartConfirm
                | Self::Help
        )
    }

    /// It may answer a number or mailbox that belongs to nobody we know.
    #[must_use]
    pub const fn may_answer_a_stranger(self) -> bool {
        matches!(
            self,
            Self::StopConfirm
                | Self::StartConfirm
                | Self::Help
                | Self::WrongNumberApology
                | Self::EmergencyAutoreply
                | Self::AfterHoursAutoreply
                | Self::ClinicalQuestionAutoreply
        )
    }

    /// It can be an answer to what the patient wrote. Plans and campaigns never are, whatever
    /// their origin says.
    #[must_use]
    pub const fn can_be_an_answer(self) -> bool {
        self.answers_the_patient()
            || matches!(
                self,
                Self::FreeText
                    | Self::GeneralCallback
                    | Self::VisitCallback
                    | Self::AccountCallback
                    | Self::SecureMessageNotice
                    | Self::RiskWarning
                    | Self::ConsentReceipt
                    | Self::PreVisitForms
                    | Self::TelehealthLink
            )
    }

    /// Level 0 on every channel that others can read or hear, whatever consents are on file:
    /// notices, protocol answers, codes (RULEBOOK §12).
    #[must_use]
    pub const fn always_administrative(self) -> bool {
        self.answers_the_patient()
            || matches!(
                self,
                Self::SecureMessageNotice
                    | Self::AppointmentReminderGeneric
                    | Self::FamilyCallback
                    | Self::OptInConfirm
                    | Self::RiskWarning
                    | Self::ConsentReceipt
                    | Self::SelfTest
                    | Self::Closure
                    | Self::Marketing
            )
    }

    /// It speaks of money (§11.4 row 3).
    #[must_use]
    pub const fn is_billing(self) -> bool {
        matches!(self, Self::AccountCallback | Self::StatementReady)
    }

    /// RULEBOOK §12's channels. The portal and a live call may carry every kind.
    #[must_use]
    pub const fn may_go_by(self, channel: Channel) -> bool {
        match channel {
            Channel::Portal | Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified => true,
            // §3: a text or a recording is never the notice of a breach.
            Channel::Sms => !matches!(self, Self::Aftercare | Self::BreachNotice),
            Channel::Email => !matches!(self, Self::Aftercare),
            Channel::Voicemail => matches!(
                self,
                Self::AppointmentReminder
                    | Self::AppointmentReminderGeneric
                    | Self::VisitCallback
                    | Self::GeneralCallback
                    | Self::SecureMessageNotice
                    | Self::AccountCallback
                    | Self::RefillReminder
                    | Self::RxReady
                    | Self::ResultsReady
                    | Self::FamilyCallback
                    | Self::Recall
                    | Self::Closure
                    | Self::FreeText
            ),
            Channel::RinglessVoicemail => matches!(
                self,
                Self::AppointmentReminderGeneric
                    | Self::GeneralCallback
                    | Self::AccountCallback
                    | Self::Recall
                    | Self::Closure
            ),
        }
    }

    /// The purposes this kind may have (RULEBOOK §1, §5.2).
    #[must_use]
    pub fn fits(self, purpose: Purpose) -> bool {
        use Purpose::{
            Emergency, Marketing, Operations, PatientRequest as Patient, Payment, Treatment,
        };
        match self {
            Self::Marketing => purpose == Marketing,
            Self::AccountCallback | Self::StatementReady => matches!(purpose, Payment | Patient),
            Self::EmergencyAutoreply => {
                matches!(purpose, Emergency | Treatment | Operations | Patient)
            }
            Self::FreeText | Self::GeneralCallback => purpose != Marketing,
            Self::SecureMessageNotice | Self::FamilyCallback => {
                matches!(purpose, Treatment | Operations | Payment | Patient)
            }
            Self::Closure => matches!(purpose, Treatment | Operations | Patient | Emergency),
            Self::Survey | Self::BreachNotice => matches!(purpose, Operations | Patient),
            _ => matches!(purpose, Treatment | Operations | Patient),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, Kind};

    fn kinds(pick: impl Fn(Kind) -> bool) -> String {
        let words: Vec<&str> =
            Kind::ALL.iter().filter(|kind| pick(**kind)).map(|kind| kind.as_str()).collect();
        words.join(" ")
    }

    #[test]
    fn every_word_leads_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::from_word("sms"), None);
    }

    #[test]
    fn which_kinds_are_which() {
        assert_eq!(
            kinds(Kind::answers_the_patient),
            "appt_reply_ack after_hours_autoreply emergency_autoreply clinical_question_autoreply \
             help stop_confirm start_confirm id_code call_code wrong_number_apology"
        );
        assert_eq!(
            kinds(Kind::may_reach_an_opted_out_number),
            "emergency_autoreply help stop_confirm start_confirm wrong_number_apology"
        );
        assert_eq!(
            kinds(Kind::may_answer_a_stranger),
            "after_hours_autoreply emergency_autoreply clinical_question_autoreply help \
             stop_confirm start_confirm wrong_number_apology"
        );
        assert_eq!(
            kinds(Kind::can_be_an_answer),
            "appt_reply_ack visit_callback general_callback secure_message_notice \
             account_callback pre_visit_forms telehealth_link after_hours_autoreply \
             emergency_autoreply clinical_question_autoreply help stop_confirm start_confirm \
             id_code call_code risk_warning wrong_number_apology consent_receipt free_text"
        );
        assert_eq!(
            kinds(Kind::always_administrative),
            "appt_reminder_generic appt_reply_ack secure_message_notice family_callback closure \
             after_hours_autoreply emergency_autoreply clinical_question_autoreply optin_confirm \
             help stop_confirm start_confirm id_code call_code risk_warning \
             wrong_number_apology consent_receipt self_test marketing"
        );
        assert_eq!(kinds(Kind::is_billing), "account_callback statement_ready");
    }

    #[test]
    fn which_kinds_go_by_which_channel() {
        for channel in [Channel::Portal, Channel::LiveVoiceVerified, Channel::LiveVoiceUnverified] {
            assert_eq!(kinds(|kind| !kind.may_go_by(channel)), "");
        }
        assert_eq!(kinds(|kind| !kind.may_go_by(Channel::Sms)), "aftercare breach_notice");
        assert_eq!(kinds(|kind| !kind.may_go_by(Channel::Email)), "aftercare");
        assert_eq!(
            kinds(|kind| kind.may_go_by(Channel::Voicemail)),
            "appt_reminder appt_reminder_generic visit_callback general_callback \
             secure_message_notice account_callback refill_reminder rx_ready results_ready \
             family_callback recall closure free_text"
        );
        assert_eq!(
            kinds(|kind| kind.may_go_by(Channel::RinglessVoicemail)),
            "appt_reminder_generic general_callback account_callback recall closure"
        );
    }
}
