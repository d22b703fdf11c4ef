//! The closed list of ways a send can fail. Retry, the words for staff and what becomes of the
//! address are data here, not decisions of the adapters.

use std::time::Duration;

/// Why a message was not handed over, or not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which of the closed list.
    pub kind: FailureKind,
    /// The carrier's own code (`0x00000058`, `5.1.1`, `21610`). Never words of a peer.
    pub code: Option<String>,
    /// The carrier's ids of what it has all the same: the parts of a half-sent text, or the id of
    /// a mail, which we choose. Receipts find the message by them.
    pub parts: Vec<String>,
}

impl Failure {
    /// A failure without a carrier's code.
    #[must_use]
    pub const fn new(kind: FailureKind) -> Self {
        Self { kind, code: None, parts: Vec::new() }
    }

    /// The same, with the ids by which receipts will find the message.
    #[must_use]
    pub fn with_parts(self, parts: Vec<String>) -> Self {
        Self { parts, ..self }
    }

    /// A failure with the carrier's code, of which at most 32 plain characters are kept.
    #[must_use]
    pub fn coded(kind: FailureKind, code: &str) -> Self {
        let kept: String = code.chars().filter(char::is_ascii_graphic).take(32).collect();
        Self { kind, code: (!kept.is_empty()).then_some(kept), parts: Vec::new() }
    }
}

/// What a failure says about the address. `receipts.rs` acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    None,
    /// It does not exist: never use it again (RULEBOOK EML-09).
    BadAddress,
    /// The person told the carrier to stop: mirrored, not fought (RULEBOOK TEL-18).
    OptedOut,
    /// It cannot take texts.
    Landline,
}

/// How a failure is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never by the system.
    Never,
    /// First after about this many seconds, doubling, at most so many times.
    Doubling {
        /// Seconds before the first retry.
        first: u32,
        /// Retries at most.
        times: u32,
    },
}

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $retry:expr, $effect:ident, $staff:literal;)+) => {
        /// The closed list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FailureKind { $($(#[$doc])* $name,)+ }

        impl FailureKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in rows and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }

            /// How it is tried again.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => $retry,)+ }
            }

            /// What it says about the address.
            #[must_use]
            pub const fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect,)+ }
            }

            /// What happened and what to do, for staff.
            #[must_use]
            pub const fn for_staff(self) -> &'static str {
                match self { $(Self::$name => $staff,)+ }
            }
        }
    };
}

const fn doubling(first: u32, times: u32) -> Retry {
    Retry::Doubling { first, times }
}

failures! {
    /// The gate held it back between the claim and the wire: nothing left.
    HeldBack = "held_back", doubling(1, 100), None,
        "It waited: the hour or a consent changed just before it was to go. Asked again by itself.";
    /// The carrier asked to slow down.
    Throttled = "throttled", doubling(2, 12), None,
        "The carrier asked us to send more slowly. It is tried again by itself.";
    /// No connection, or it was lost before the message had left.
    Unreachable = "unreachable", doubling(5, 14), None,
        "The carrier could not be reached. It is tried again by itself.";
    /// The carrier has a passing trouble.
    Temporary = "temporary", doubling(30, 8), None,
        "The carrier has a passing problem. It is tried again by itself.";
    /// The phone is off or out of reach, or the mailbox is full.
    RecipientUnavailable = "recipient_unavailable", doubling(600, 4), None,
        "The phone or mailbox cannot take messages now. It is tried again by itself.";
    /// The peer offers no encryption that we accept.
    NoEncryption = "no_encryption", doubling(300, 4), None,
        "The mail server offered no acceptable encryption, so nothing was sent. Ask whoever runs \
         it to switch TLS on, or use the portal.";
    /// The carrier refuses us, not the message: credentials, sender, registration.
    Misconfigured = "misconfigured", doubling(300, 6), None,
        "The carrier refuses our account or sender. Check its settings with `sotto doctor`.";
    /// The number or mailbox does not exist.
    BadAddress = "bad_address", Retry::Never, BadAddress,
        "The number or address does not exist. Ask the patient for the right one.";
    /// The person opted out at the carrier.
    OptedOut = "opted_out", Retry::Never, OptedOut,
        "The person told the carrier to stop. Only they can undo it, by texting START.";
    /// The number cannot take texts.
    Landline = "landline", Retry::Never, Landline,
        "This number cannot receive texts. Call, or ask for a mobile number.";
    /// A filter at the carrier refused the message.
    Blocked = "blocked", Retry::Never, None,
        "The carrier's filter refused the message. Call the patient or use the portal.";
    /// Too long for the channel.
    TooLong = "too_long", Retry::Never, None,
        "The message is too long for this channel. Shorten it or use the portal.";
    /// The adapter cannot send this message: wrong kind of address, unusable subject.
    Unsendable = "unsendable", Retry::Never, None,
        "The message does not fit this channel. Choose another channel.";
    /// It was not delivered within the carrier's time.
    Expired = "expired", Retry::Never, None,
        "It was not delivered in time. Call the patient if it matters.";
    /// Refused for good, for another reason.
    Rejected = "rejected", Retry::Never, None,
        "The carrier refused the message for good. Call the patient or use the portal.";
    /// Some parts of a long text are with the carrier and others were refused.
    PartlySent = "partly_sent", Retry::Never, None,
        "Only a part of the text went out. Call the patient, or send a shorter text.";
    /// The message left and no answer came: the carrier may or may not have it.
    Uncertain = "uncertain", Retry::Never, None,
        "We do not know whether this went out: the connection broke before the carrier answered. \
         A receipt settles it; otherwise ask the patient before sending again.";
}

impl FailureKind {
    /// Whether the outbox may try again.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self.retry(), Retry::Doubling { .. })
    }

    /// An SMPP command_status (SMPP 3.4 §5.1.3). Codes above 0x400 are the carrier's own and are
    /// given a meaning by its settings, see [`CarrierCodes`].
    #[must_use]
    pub const fn from_smpp(status: u32) -> Self {
        match status {
            0x14 | 0x58 => Self::Throttled,
            0x08 | 0x64 | 0xFF => Self::Temporary,
            0x0B | 0x50 | 0x51 => Self::BadAddress,
            0x01 => Self::TooLong,
            0x04 | 0x05 | 0x0A | 0x0D | 0x0E | 0x0F | 0x15 | 0x48 | 0x49 | 0x53 | 0x100..=0x103 => {
                Self::Misconfigured
            }
            0x66 => Self::Blocked,
            _ => Self::Rejected,
        }
    }

    /// A reply of SMTP: the basic code and, if given, the enhanced one (RFC 3463).
    #[must_use]
    pub fn from_smtp(basic: u16, enhanced: Option<(u8, u16, u16)>) -> Self {
        if matches!(basic, 530 | 534 | 535 | 538) {
            return Self::Misconfigured;
        }
        let transient = basic / 100 == 4;
        match enhanced {
            Some((_, 2, 2)) => Self::RecipientUnavailable,
            // Greylisting and rate limits.
            Some((4, 7, 1 | 28)) => Self::Throttled,
            Some((4, _, _)) => Self::Temporary,
            Some((5, 1, 0..=3 | 6 | 10)) | Some((5, 2, 1)) | Some((5, 4, 4)) => Self::BadAddress,
            Some((5, 1, 7 | 8)) | Some((5, 7, 8 | 9 | 13 | 14)) => Self::Misconfigured,
            Some((5, 2 | 3, 3 | 4)) => Self::TooLong,
            Some((5, 4, 7)) => Self::Expired,
            Some((5, 7, 10 | 11)) => Self::NoEncryption,
            Some((5, 7, _)) => Self::Blocked,
            None if matches!(basic, 421 | 450 | 451 | 452) || transient => Self::Temporary,
            None if matches!(basic, 551 | 553) => Self::BadAddress,
            None if basic == 552 => Self::TooLong,
            _ => Self::Rejected,
        }
    }

    /// A Twilio error code, of a refused request or of a status callback.
    #[must_use]
    pub const fn from_twilio(code: u32) -> Self {
        match code {
            20429 | 14107 | 21611 | 30001 | 30022 => Self::Throttled,
            20003 | 20008 | 20404 | 21212 | 21408 | 21603 | 21606 | 21659 | 21660 | 30002
            | 30023 | 30024 | 30034 => Self::Misconfigured,
            21211 | 21217 | 21421 | 30005 => Self::BadAddress,
            21610 => Self::OptedOut,
            21614 | 30006 => Self::Landline,
            21617 | 21605 => Self::TooLong,
            30003 => Self::RecipientUnavailable,
            30004 | 30007 | 30032 => Self::Blocked,
            30036 => Self::Expired,
            20500..=20504 | 30017 | 30020 => Self::Temporary,
            _ => Self::Rejected,
        }
    }
}

/// When to try again after attempt number `attempt` (from 1) failed, or never.
///
/// `jitter` (0 to 1) spreads the retries of many messages over the second half of the wait.
#[must_use]
pub fn retry_after(attempt: u32, failure: FailureKind, jitter: f64) -> Option<Duration> {
    let Retry::Doubling { first, times } = failure.retry() else { return None };
    if attempt == 0 || attempt > times {
        return None;
    }
    let most = Duration::from_secs(3_600);
    let backoff = smpp::backoff::Backoff { first: Duration::from_secs(u64::from(first)), most };
    Some(backoff.wait(attempt - 1, jitter))
}

/// A carrier's own codes and their meaning, from its handbook: SMPP statuses above 0x400 and the
/// `err:` field of receipts. Compared without regard to case and leading zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarrierCodes {
    /// The person opted out at the carrier.
    pub opted_out: Vec<String>,
    /// The number cannot take texts.
    pub landline: Vec<String>,
    /// The number does not exist.
    pub bad_address: Vec<String>,
}

impl CarrierCodes {
    /// The meaning of a code, if the settings give it one.
    #[must_use]
    pub fn meaning(&self, code: &str) -> Option<FailureKind> {
        let same = |known: &String| {
            known.trim_start_matches('0').eq_ignore_ascii_case(code.trim_start_matches('0'))
        };
        [
            (&self.opted_out, FailureKind::OptedOut),
            (&self.landline, FailureKind::Landline),
            (&self.bad_address, FailureKind::BadAddress),
        ]
        .into_iter()
        .find_map(|(codes, kind)| codes.iter().any(same).then_some(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_read_back() {
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::from_word(kind.as_str()), Some(*kind));
            assert!(!kind.for_staff().is_empty());
        }
        assert_eq!(FailureKind::from_word("?"), None);
    }

    #[test]
    fn what_ends_a_number_is_never_retried() {
        for kind in FailureKind::ALL {
            if kind.effect() != Effect::None {
                assert!(!kind.is_retryable(), "{kind:?}");
            }
        }
        assert!(!FailureKind::Uncertain.is_retryable());
        assert!(!FailureKind::PartlySent.is_retryable());
    }

    #[test]
    fn codes_of_the_carriers() {
        use FailureKind::*;
        for (status, kind) in [
            (0x58, Throttled),
            (0x14, Throttled),
            (0x0B, BadAddress),
            (0x0E, Misconfigured),
            (0x08, Temporary),
            (0x45, Rejected),
            (0x1234, Rejected),
        ] {
            assert_eq!(FailureKind::from_smpp(status), kind, "{status:#x}");
        }
        for (basic, enhanced, kind) in [
            (550, Some((5, 1, 1)), BadAddress),
            (550, Some((5, 7, 1)), Blocked),
            (452, Some((4, 2, 2)), RecipientUnavailable),
            (552, Some((5, 2, 2)), RecipientUnavailable),
            (552, Some((5, 3, 4)), TooLong),
            (451, Some((4, 7, 1)), Throttled),
            (421, None, Temporary),
            (550, None, Rejected),
            (535, Some((5, 7, 8)), Misconfigured),
            (454, Some((4, 7, 0)), Temporary),
            (554, Some((5, 4, 7)), Expired),
        ] {
            assert_eq!(FailureKind::from_smtp(basic, enhanced), kind, "{basic} {enhanced:?}");
        }
        for (code, kind) in [
            (21610, OptedOut),
            (21211, BadAddress),
            (21614, Landline),
            (30006, Landline),
            (30003, RecipientUnavailable),
            (30007, Blocked),
            (20003, Misconfigured),
            (20429, Throttled),
            (99999, Rejected),
        ] {
            assert_eq!(FailureKind::from_twilio(code), kind, "{code}");
        }
    }

    #[test]
    fn retries_are_data() {
        use FailureKind::*;
        for (attempt, kind, jitter, seconds) in [
            (1, Throttled, 1.0, Some(2)),
            (2, Throttled, 1.0, Some(4)),
            (12, Throttled, 1.0, Some(3_600)),
            (13, Throttled, 1.0, None),
            (1, Unreachable, 1.0, Some(5)),
            (1, RecipientUnavailable, 0.0, Some(300)),
            (9, Temporary, 0.5, None),
            (0, Temporary, 0.5, None),
            (1, OptedOut, 0.5, None),
            (1, Uncertain, 0.5, None),
        ] {
            let wait = retry_after(attempt, kind, jitter).map(|d| d.as_secs());
            assert_eq!(wait, seconds, "{attempt} {kind:?}");
        }
    }

    #[test]
    fn a_carriers_own_codes() {
        let codes =
            CarrierCodes { opted_out: vec!["0x0400".into(), "51".into()], ..Default::default() };
        assert_eq!(codes.meaning("051"), Some(FailureKind::OptedOut));
        assert_eq!(codes.meaning("52"), None);
    }
}
