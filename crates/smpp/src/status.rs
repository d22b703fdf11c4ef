//! The answers of SMPP 3.4 §5.1.3.

use std::fmt;

/// A command_status: zero is success.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Status = Status($code);)*

            /// The name the specification gives it, if it is one of those used here.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// No error.
    OK = 0x00, "ESME_ROK";
    /// The message length is not valid.
    INVALID_MESSAGE_LENGTH = 0x01, "ESME_RINVMSGLEN";
    /// The command length is not valid.
    INVALID_COMMAND_LENGTH = 0x02, "ESME_RINVCMDLEN";
    /// The command id is not known.
    INVALID_COMMAND_ID = 0x03, "ESME_RINVCMDID";
    /// The command does not fit the state of the bind.
    INVALID_BIND_STATUS = 0x04, "ESME_RINVBNDSTS";
    /// Already bound.
    ALREADY_BOUND = 0x05, "ESME_RALYBND";
    /// A system error at the peer.
    SYSTEM_ERROR = 0x08, "ESME_RSYSERR";
    /// The source address is not valid.
    INVALID_SOURCE = 0x0A, "ESME_RINVSRCADR";
    /// The destination address is not valid.
    INVALID_DESTINATION = 0x0B, "ESME_RINVDSTADR";
    /// The message id is not known.
    INVALID_MESSAGE_ID = 0x0C, "ESME_RINVMSGID";
    /// The bind failed.
    BIND_FAILED = 0x0D, "ESME_RBINDFAIL";
    /// The password is wrong.
    INVALID_PASSWORD = 0x0E, "ESME_RINVPASWD";
    /// The system id is not known.
    INVALID_SYSTEM_ID = 0x0F, "ESME_RINVSYSID";
    /// The peer's queue is full: send more slowly.
    QUEUE_FULL = 0x14, "ESME_RMSGQFUL";
    /// The submit failed.
    SUBMIT_FAILED = 0x45, "ESME_RSUBMITFAIL";
    /// The type of the destination number is not valid.
    INVALID_DESTINATION_TON = 0x50, "ESME_RINVDSTTON";
    /// More messages than the peer allows: send more slowly.
    THROTTLED = 0x58, "ESME_RTHROTTLED";
    /// A temporary error at the receiving application: deliver again later.
    TEMPORARY_APP_ERROR = 0x64, "ESME_RX_T_APPN";
    /// A permanent error at the receiving application: do not deliver again.
    PERMANENT_APP_ERROR = 0x65, "ESME_RX_P_APPN";
    /// The receiving application rejects the message.
    REJECTED_BY_APP = 0x66, "ESME_RX_R_APPN";
    /// The query failed: there is no such message, or nothing is said of it.
    QUERY_FAILED = 0x67, "ESME_RQUERYFAIL";
    /// A mandatory optional parameter is missing or wrong.
    INVALID_PARAMETER_VALUE = 0xC4, "ESME_RINVOPTPARAMVAL";
    /// Delivery failed.
    DELIVERY_FAILURE = 0xFE, "ESME_RDELIVERYFAILURE";
    /// An error without a name.
    UNKNOWN_ERROR = 0xFF, "ESME_RUNKNOWNERR";
}

impl Status {
    /// Success.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// The peer asks for fewer messages a second.
    pub fn asks_to_slow_down(self) -> bool {
        self == Self::THROTTLED || self == Self::QUEUE_FULL
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} (0x{:08X})", self.0),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
