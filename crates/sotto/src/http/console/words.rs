//! Our words in a person's words.

use gate::{Address, Code};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time as a page shows it: relative within a day, with the absolute one beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// For machines, UTC.
    pub iso: String,
    /// "3 min ago", "in 2 h", or the date.
    pub relative: String,
    /// "Tue Dec 1, 9:42 am".
    pub absolute: String,
}

impl When {
    /// A time by which something is due: what is past is overdue.
    pub(super) fn due(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Self {
        let mut when = Self::new(at, now, zone);
        if let Some(size) = when.relative.strip_suffix(" ago") {
            when.relative = format!("{size} overdue");
        } else if at < now {
            when.relative = format!("overdue since {}", when.absolute);
        }
        when
    }

    pub(super) fn new(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Self {
        let absolute = words_of(at, zone);
        let away = at.duration_since(now);
        let span = away.abs();
        let size = if span < SignedDuration::from_mins(1) {
            None
        } else if span < SignedDuration::from_hours(1) {
            Some(format!("{} min", span.as_mins()))
        } else if span < SignedDuration::from_hours(24) {
            Some(format!("{} h", span.as_hours()))
        } else {
            return Self { iso: at.to_string(), relative: absolute.clone(), absolute };
        };
        let relative = match size {
            None => "now".to_owned(),
            Some(size) if away.is_negative() => format!("{size} ago"),
            Some(size) => format!("in {size}"),
        };
        Self { iso: at.to_string(), relative, absolute }
    }
}

/// "Tue Dec 1, 9:42 am" on the clock of `zone`.
pub(super) fn words_of(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %b %-d, %-I:%M %P").to_string()
}

/// Which mark and colour stand beside a word.
pub(super) fn state_tone(state: &str) -> &'static str {
    match state {
        "delivered" => "ok",
        "refused" | "failed" | "undelivered" => "stop",
        "uncertain" => "urgent",
        "queued" | "sending" | "sent" => "wait",
        _ => "plain",
    }
}

/// A message's state.
pub(super) fn state_words(state: &str) -> &'static str {
    match state {
        "refused" => "Not sent",
        "queued" => "Waiting",
        "sending" => "On the wire",
        "sent" => "With the carrier",
        "delivered" => "Delivered",
        "undelivered" => "Not delivered",
        "failed" => "Failed",
        "uncertain" => "Uncertain",
        "cancelled" => "Withdrawn",
        "expired" => "Too late",
        _ => "Other",
    }
}

/// A channel.
pub(super) fn channel_words(channel: &str) -> &'static str {
    match channel {
        "sms" => "Text",
        "email" => "Email",
        "portal" => "Portal",
        "voicemail" => "Voicemail",
        "ringless_voicemail" => "Ringless voicemail",
        _ => "Call",
    }
}

/// A word of ours with blanks for underscores and a capital: for kinds, tasks, intents.
pub(super) fn plain(word: &str) -> String {
    let text = word.replace('_', " ");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}

/// A kind of message.
pub(super) fn kind_words(kind: &str) -> String {
    match kind {
        "appt_reminder" | "appt_reminder_generic" => "Appointment reminder".to_owned(),
        "appt_reply_ack" => "Answer to a reply".to_owned(),
        "stop_confirm" => "Confirms STOP".to_owned(),
        "start_confirm" => "Confirms START".to_owned(),
        "emergency_autoreply" => "Emergency answer".to_owned(),
        "clinical_question_autoreply" => "Answer to a clinical question".to_owned(),
        "after_hours_autoreply" => "After-hours answer".to_owned(),
        "secure_message_notice" => "Notice of a portal message".to_owned(),
        "rx_ready" => "Prescription ready".to_owned(),
        "id_code" => "One-time code".to_owned(),
        "call_code" => "Code to read back in a call".to_owned(),
        "optin_confirm" => "First message of a programme".to_owned(),
        "pre_visit_forms" => "Forms before a visit".to_owned(),
        "telehealth_link" => "Link to a video visit".to_owned(),
        "waitlist_offer" => "An earlier time is free".to_owned(),
        "wrong_number_apology" => "Apology to a wrong number".to_owned(),
        "self_test" => "Test of a carrier".to_owned(),
        other => plain(other),
    }
}

/// A file by what it is and how large: its name is nothing for a list.
pub(super) fn file_words(file: &crate::db::attachment::AttachmentRow) -> String {
    let what = if file.media.is_picture() { "Photo" } else { "Document" };
    let kilobytes = (file.bytes / 1024).max(1);
    if kilobytes < 1024 {
        format!("{what}, {kilobytes} kB")
    } else {
        format!("{what}, {}.{} MB", kilobytes / 1024, kilobytes % 1024 * 10 / 1024)
    }
}

/// What a task asks of staff.
pub(super) fn task_words(kind: &str) -> String {
    match kind {
        "emergency" => "May be an emergency: call now".to_owned(),
        "clinical_question" => "Clinical question: a nurse answers".to_owned(),
        "reschedule" => "Find another time".to_owned(),
        "declined" => "Free the time: cannot come".to_owned(),
        "appointment_question" => "Find out which appointment was meant".to_owned(),
        "which_patient" => "Shared number: find out who wrote".to_owned(),
        "wrong_number" => "Wrong number: assess, find the right one".to_owned(),
        "answer" => "Read and answer".to_owned(),
        "incomplete_text" => "Part of a text did not come: read it, ask for the rest".to_owned(),
        "reminder_not_written" => "A reminder could not be written: call".to_owned(),
        "delivery" => "Did not arrive, or nobody knows: call".to_owned(),
        "sealed_message" => "Wrote in the sealed mode: read it there, and answer".to_owned(),
        "unread" => "Has not read a message in the portal: call".to_owned(),
        "reminder_missing" => "A reminder did not go out: call".to_owned(),
        "reminder_wrong" => "Was reminded of a visit that moved or was cancelled: call".to_owned(),
        "self_test_failed" => "The self-test failed: see sotto selftest --last".to_owned(),
        "records_end" => "A month of records ends soon: hold what must stay".to_owned(),
        "agreement_ends" => "An agreement with a vendor ends soon: renew it".to_owned(),
        "certificate" => {
            "An agreement was ended: get the certificate of return or destruction".to_owned()
        }
        "break_glass" => "Review an emergency access".to_owned(),
        "record_torn" => "The records do not agree: see sotto reconcile".to_owned(),
        other => plain(other),
    }
}

/// What a reply was understood to say.
pub(super) fn intent_words(intent: &str) -> String {
    match intent {
        "confirm" => "Will come".to_owned(),
        "decline_or_cancel" => "Cannot come".to_owned(),
        "reschedule" => "Asks for another time".to_owned(),
        "opt_out" => "Wants no more messages".to_owned(),
        "opt_in" => "Wants messages again".to_owned(),
        "help" => "Asks for help".to_owned(),
        "question_clinical" => "Asks a clinical question".to_owned(),
        "question_admin" => "Asks something".to_owned(),
        "emergency" => "Emergency".to_owned(),
        "wrong_number" => "Wrong number".to_owned(),
        "thanks" => "Thanks".to_owned(),
        "other" | "" => "Something else".to_owned(),
        other => plain(other),
    }
}

/// What a reply did.
pub(super) fn effect_words(effect: &str) -> String {
    match effect {
        "emergency" => "Staff alarmed; 911 and 988 named".to_owned(),
        "opted_out" => "Messages stopped, once confirmed".to_owned(),
        "still_opted_out" => "Was stopped already".to_owned(),
        "opted_in" => "Messages on again".to_owned(),
        "wrong_number" => "Number closed, one apology".to_owned(),
        "confirmed" => "Appointment confirmed".to_owned(),
        "declined" => "Appointment declined; task to free the time".to_owned(),
        "reschedule" => "Task: find another time".to_owned(),
        "clinical_question" => "Task for a nurse; answered with 911".to_owned(),
        "helped" => "Told who we are and how to stop".to_owned(),
        "task" => "Task: read and answer".to_owned(),
        "unclear" => "Task: find out who or which visit".to_owned(),
        "incomplete" => "Part did not come; task: ask for the rest".to_owned(),
        "kept" => "Kept; nothing to do".to_owned(),
        "automatic" => "A machine's answer: kept".to_owned(),
        other => plain(other),
    }
}

/// Which mark stands beside it.
pub(super) fn effect_tone(effect: &str) -> &'static str {
    match effect {
        "confirmed" | "opted_in" => "ok",
        "declined" | "opted_out" | "still_opted_out" | "wrong_number" => "stop",
        "emergency" => "urgent",
        "task" | "incomplete" | "unclear" | "reschedule" | "clinical_question" => "wait",
        _ => "plain",
    }
}

/// Why a code stands in the way, when only the code was kept.
pub(super) fn because(code: Code) -> &'static str {
    match code {
        Code::FactMissing => "A fact that a check needs could not be read.",
        Code::NoRecipient => "The record is not current: inactive, or merged into another.",
        Code::Deceased => "The patient has died.",
        Code::CaregiverScope => "This person may not hear about this.",
        Code::MinorConfidential => "A young person's confidential matter would reach a parent.",
        Code::Baa => "No business associate agreement covers this carrier.",
        Code::ChannelOff => "The practice switched this channel off.",
        Code::OptedOut => "This number or address opted out.",
        Code::StopConfirmation => "The opt-out was confirmed already, or too long ago.",
        Code::AlternativeContact => "The patient asked to be reached another way, in confidence.",
        Code::Restricted => "The patient asked the practice not to.",
        Code::Hold => "Contact with this patient is on hold.",
        Code::ConsentMissing => "There is no consent to automated messages at this address.",
        Code::ConsentExpired => "The consent on file has ended.",
        Code::Marketing => "This is marketing, and no authorization is on file.",
        Code::ListenerUnverified => "Nobody has verified who is listening.",
        Code::NameSpoken => "A name would be spoken aloud to whoever listens.",
        Code::KindChannel => "This kind of message may not go by this channel.",
        Code::Purpose => "The purpose does not fit this kind of message.",
        Code::ContentBlocked => "The text would reveal too much on this channel.",
        Code::ContentConsent => "The text holds health detail, and no consent to that is on file.",
        Code::ContentNever => "The text holds something that is never sent.",
        Code::Subject => "The subject line would reveal something.",
        Code::VendorLevel => "This carrier may not carry that much detail.",
        Code::SharedAddress => "Several patients share this number.",
        Code::CapDay => "One automated message went to this patient today.",
        Code::CapWeek => "Three automated messages went to this patient this week.",
        Code::TooLong => "The text is too long for this channel.",
        Code::TooLate => "No permitted hour is left before it is useless.",
        Code::NoAddress => "There is no number or address for this channel.",
        Code::AddressExpired => "The number or address is not valid now.",
        Code::AddressUnverified => "Nobody verified this address.",
        Code::Landline => "The number is a landline.",
        Code::WrongNumber => "Somebody else said this number is theirs.",
        Code::Bounced => "Mail to this address came back.",
        Code::Reassigned => "The number changed hands.",
        Code::TemplateRequired => "This channel needs a template.",
        Code::TemplateStanding => "The template is not approved for this.",
        Code::TranslationMissing => "There is no template in the patient's language.",
    }
}

/// An address as one reads it out.
pub(super) fn address(address: &Address) -> String {
    match address {
        Address::Phone(number) => {
            let text = number.reveal();
            let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
            if text.starts_with("+1") && text.len() == 12 {
                format!("({}) {}-{}", part(2, 5), part(5, 8), part(8, 12))
            } else {
                text.to_owned()
            }
        }
        Address::Email(mailbox) => mailbox.reveal().to_owned(),
        Address::Portal => "the portal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_within_a_day() {
        let now: Timestamp = "2026-12-01T15:00:00Z".parse().unwrap();
        let zone = TimeZone::get("America/Chicago").unwrap();
        for (seconds, says) in [
            (0, "now"),
            (-59, "now"),
            (-60, "1 min ago"),
            (-3_599, "59 min ago"),
            (-7_300, "2 h ago"),
            (7_300, "in 2 h"),
            (-86_400, "Mon Nov 30, 9:00 am"),
        ] {
            let at = now + SignedDuration::from_secs(seconds);
            assert_eq!(When::new(at, now, &zone).relative, says);
        }
    }

    #[test]
    fn every_state_and_code_has_words() {
        for state in crate::db::message::State::ALL {
            assert_ne!(state_words(state.as_str()), "Other", "{state:?}");
        }
        for code in Code::ALL {
            assert!(because(*code).ends_with('.'));
        }
    }
}
