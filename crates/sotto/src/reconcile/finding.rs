//! The closed list of what a comparison can find: its word, what it means, what to do, and the task
//! that a person gets.

use gate::{AppointmentId, MessageId, PatientId};
use jiff::Timestamp;

use crate::channels::AdapterName;
use crate::db::registry::Table;
use crate::db::task::TaskKind;
use crate::ids::InboundId;

macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $task:ident, $means:literal, $remedy:literal;)+) => {
        /// The closed list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FindingKind { $($(#[$doc])* $name,)+ }

        impl FindingKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it means, for staff.
            #[must_use]
            pub const fn means(self) -> &'static str {
                match self { $(Self::$name => $means,)+ }
            }

            /// What to do.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }

            /// The task that a person gets about it, where nothing else says which.
            #[must_use]
            pub const fn task(self) -> TaskKind {
                match self { $(Self::$name => TaskKind::$task,)+ }
            }
        }

        crate::db::words! {
            FindingKind { $($name = $word,)+ }
        }
    };
}

findings! {
    /// The carrier took it and never said what became of it.
    SentWithoutReceipt = "sent_without_receipt", Delivery,
        "The carrier took the message and never said what became of it.",
        "Call the patient if it matters. Many at once: ask the carrier for its delivery report.";
    /// A receipt, and no part of ours that it is about.
    ReceiptWithoutMessage = "receipt_without_message", RecordTorn,
        "A carrier reports on a message that is not in our record.",
        "Run sotto audit verify. Ask the carrier what it sent in the practice's name.";
    /// A part's state and the receipts disagree.
    CarrierSaysOtherwise = "carrier_says_otherwise", RecordTorn,
        "Our record and the carrier's own report disagree about what became of a message.",
        "Run sotto audit verify; compare with the carrier's report.";
    /// Ours says that it ended; no receipt says so.
    EndedWithoutReceipt = "ended_without_receipt", RecordTorn,
        "Our record says that a message was delivered or failed, and no receipt says so.",
        "Run sotto audit verify: a receipt was taken out, or the record changed by hand.";
    /// It waits, and nothing will take it up.
    QueuedWithoutOutboxRow = "queued_without_outbox_row", Delivery,
        "A message waits to be sent, and its place in the queue is gone.",
        "Where it was never tried it is queued again by itself. Otherwise call the patient.";
    /// A place in the queue with no message that waits.
    OutboxRowWithoutMessage = "outbox_row_without_message", RecordTorn,
        "The queue holds a place for a message that is not on file or no longer waits.",
        "Nothing is sent by it. Run sotto audit verify to learn which message is gone.";
    /// It has been due for hours.
    OverdueInOutbox = "overdue_in_outbox", Delivery,
        "A message has been due for hours and was not taken up.",
        "Look at the connection to the carrier and at the service's log; it goes when they work.";
    /// An attempt without an end.
    AttemptOpenTooLong = "attempt_open_too_long", Delivery,
        "A message was being handed over, and nobody wrote down how that ended.",
        "It counts as uncertain and is not sent again. Ask the patient before sending again.";
    /// An attempt or a part whose message is gone.
    MessageMissing = "message_missing", RecordTorn,
        "Something was handed to a carrier, and its message is not on file.",
        "Run sotto audit verify: the log knows what it was. Restore it from a backup.";
    /// Nobody knows, for a day.
    UncertainUnsettled = "uncertain_unsettled", Delivery,
        "Nobody knows whether the message went out, and no receipt has settled it.",
        "Call the patient. It is never sent again by itself.";
    /// The plan says that a reminder goes, and none did.
    ReminderMissing = "reminder_missing", ReminderMissing,
        "The plan says that a reminder should have gone out, and there is none.",
        "Where nothing was sent it is planned again by itself. Otherwise call the patient.";
    /// A reminder of an appointment that will not be.
    ReminderForCancelled = "reminder_for_cancelled", ReminderWrong,
        "A reminder went out after the appointment was cancelled or declined.",
        "Call the patient, so that nobody comes for nothing. What still waited was withdrawn.";
    /// A reminder of the time before the move.
    ReminderAtWrongTime = "reminder_at_wrong_time", ReminderWrong,
        "A reminder went out with the old time after the appointment was moved.",
        "Call the patient with the right time. What still waited was withdrawn.";
    /// The carrier does not know it.
    UnknownToCarrier = "unknown_to_carrier", Delivery,
        "The carrier took the message, and now knows of no such one.",
        "Call the patient: it never arrived, as far as anybody knows. It is not sent again by itself.";
    /// The carrier's own list has one that we do not.
    ListedByCarrierAlone = "listed_by_carrier_alone", RecordTorn,
        "The carrier lists a message that is not in our record.",
        "Run sotto audit verify. Ask the carrier what it sent in the practice's name, and for whom.";
    /// The carrier's own list says another end than its receipt.
    ListedOtherwise = "listed_otherwise", Delivery,
        "The carrier reported that the message was delivered, and its list says that it was not.",
        "Call the patient if it matters, and ask the carrier which of the two holds.";
    /// A text to us in no thread.
    ReplyWithoutConversation = "reply_without_conversation", Answer,
        "A patient's text is on file and in no conversation.",
        "Read the text and answer it.";
    /// A text to us whose task is gone.
    ReplyWithoutTask = "reply_without_task", Answer,
        "A patient's text asked for a person, and the task for it is gone.",
        "The task was opened again. Run sotto audit verify to learn who took it out.";
}

impl FindingKind {
    /// Only the carrier says so: a run in which it says nothing knows nothing new about it.
    #[must_use]
    pub const fn is_the_carriers_word(self) -> bool {
        matches!(self, Self::UnknownToCarrier | Self::ListedByCarrierAlone | Self::ListedOtherwise)
    }
}

/// Something found, before it is written down.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) kind: FindingKind,
    /// The table that holds what it is about.
    pub(super) table: Table,
    /// Its row, or the carrier's id.
    pub(super) subject: String,
    /// When that happened.
    pub(super) at: Timestamp,
    /// By which channel.
    pub(super) channel: Option<&'static str>,
    pub(super) patient: Option<PatientId>,
    pub(super) message: Option<MessageId>,
    pub(super) appointment: Option<AppointmentId>,
    pub(super) inbound: Option<InboundId>,
    pub(super) cure: Option<Cure>,
}

impl Found {
    pub(super) fn new(
        kind: FindingKind,
        (table, subject): (Table, impl ToString),
        at: Timestamp,
    ) -> Self {
        Self {
            kind,
            table,
            subject: subject.to_string(),
            at,
            channel: None,
            patient: None,
            message: None,
            appointment: None,
            inbound: None,
            cure: None,
        }
    }
}

/// How ordinary code may put it right. None of these sends anything that was, or may have been,
/// sent before.
#[derive(Debug, Clone)]
pub(super) enum Cure {
    /// The stored receipts of a carrier's id are applied again.
    ApplyReceipts(AdapterName, String),
    /// A message that no attempt was made for gets its place in the queue back.
    QueueAgain(MessageId),
    /// An open attempt becomes uncertain.
    MakeUncertain(MessageId),
    /// A waiting message is withdrawn.
    Withdraw(MessageId),
    /// An appointment's reminders are planned anew.
    PlanAnew(AppointmentId),
    /// The task that was there is opened again.
    OpenTask(TaskKind),
}

/// The channel that an adapter serves, as rows and reports name it.
pub(super) fn channel_of(adapter: &str) -> Option<&'static str> {
    AdapterName::from_word(adapter).map(|name| match name {
        AdapterName::SmsSmpp | AdapterName::SmsHttp => "sms",
        AdapterName::EmailSmtp => "email",
        AdapterName::Portal => "portal",
        AdapterName::Loopback => "loopback",
    })
}
