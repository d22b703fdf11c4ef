//! Every table of the schema, and what vouches for its rows. A test compares this list with the
//! live schema of both engines, so a table or column added later cannot be forgotten here.

use crate::db::Sql;

/// A table, by its name in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table(&'static str);

impl Table {
    /// Names a table; called only for the constants of this file, and by tests of storage itself.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The name in the schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// Its entry in [`TABLES`].
    #[must_use]
    pub fn spec(self) -> Option<&'static Spec> {
        TABLES.iter().find(|spec| spec.table == self)
    }

    /// Whether a decision of the gate, or the words it is asked about, may rest on this table's
    /// rows. Only the tables that sending and receiving themselves fill, and those of sign-in, are
    /// left out: of the former the gate asks for the history of a patient's messages alone, which is asked again at the end.
    #[must_use]
    pub fn decisions_rest_on(self) -> bool {
        !FLOW.contains(&self)
    }

    /// The table with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLES.iter().map(|spec| spec.table).find(|table| table.0 == name)
    }
}

const FLOW: [Table; 56] = [
    MESSAGE,
    OUTBOX,
    ATTEMPT,
    ATTEMPT_PART,
    RECEIPT,
    INBOUND_MESSAGE,
    CONVERSATION,
    THREAD,
    NOTE,
    PRESENCE,
    CALL,
    ATTACHMENT,
    ATTACHMENT_PIECE,
    TASK,
    REMINDER,
    IDEMPOTENCY_KEY,
    NODE,
    AUDIT_ENTRY,
    AUDIT_TILE,
    AUDIT_CHECKPOINT,
    RECONCILIATION,
    FINDING,
    SELF_TEST,
    STAFF,
    STAFF_SECRET,
    RECOVERY_CODE,
    PASSKEY,
    INVITE,
    DEVICE,
    SESSION,
    SESSION_SEEN,
    SIGN_IN_FAILURE,
    CEREMONY,
    WINDOW_LINK,
    WINDOW_CODE,
    WINDOW_SESSION,
    WINDOW_SEEN,
    LETTER,
    BREAK_GLASS,
    STAFF_PIN,
    SESSION_PASSKEY,
    SESSION_PIN,
    DRAFT,
    CALL_CODE,
    STAFF_TRAINING,
    WINDOW_AIM,
    KIOSK,
    FORM_VERSION,
    FORM_ANSWER,
    SEALED_KEY,
    SEALED_THREAD,
    SEALED_MESSAGE,
    WINDOW_PASSKEY,
    WINDOW_PROOF,
    LEGAL_HOLD,
    RETENTION_MONTH,
];

/// What vouches for a table's rows (RULEBOOK §10, 45 CFR 164.312(c)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// Each change of a row is bound by an audit entry in the same transaction: the writer calls
    /// [`Tx::touch`](crate::db::Tx::touch), and `audit::append` takes the row's keyed digest.
    Recorded,
    /// Rows that change too fast for an entry each: they carry a `mac`, and which rows there must
    /// be follows from recorded tables.
    Working,
    /// Who runs now, who was last seen when, and what is still being written. No message and no right
    /// rests on these rows: a false one costs a pause, a sign-in anew, a draft, or makes an attempt
    /// under way uncertain, which a person then looks at.
    Nothing,
    /// Made from recorded tables, and made again from them where rows are missing: backups leave
    /// them out. Whoever reads them compares what they lead to with the recorded rows.
    Rebuilt,
    /// The audit log itself: vouched for by the Merkle tree and its signed checkpoints.
    Proof,
}

/// How a part of a row's key is written in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// As it is.
    Text,
    /// In decimal.
    Int,
    /// In hexadecimal.
    Blob,
}

/// One table.
#[derive(Debug)]
pub struct Spec {
    /// Which.
    pub table: Table,
    /// What vouches for its rows.
    pub vouched: Vouched,
    /// The key columns after `practice_id`. A row's key in [`Tx::touch`](crate::db::Tx::touch) is
    /// their values joined by `/`; for `practice`, whose key has no other, the practice's id.
    pub key: &'static [(&'static str, KeyType)],
    /// Every column, in the order in which a digest takes them.
    pub columns: &'static [&'static str],
    /// All columns of one row: `$1` the practice, then the key.
    pub one: Sql,
    /// All columns of all rows of a practice (`$1`), in the order of the key.
    pub all: Sql,
    /// The practice ids that occur in it.
    pub practices: Sql,
}

macro_rules! one_text {
    ($text:expr) => {
        crate::statement!($text, $text)
    };
}

macro_rules! table {
    (@columns $first:literal $($rest:literal)*) => { concat!($first $(, ", ", $rest)*) };
    (@practices $name:literal) => {
        one_text!(concat!("SELECT DISTINCT practice_id FROM ", $name))
    };
    ($table:ident $vouched:ident [] $name:literal [$($column:literal)*]) => {
        Spec {
            table: $table,
            vouched: Vouched::$vouched,
            key: &[],
            columns: &[$($column),*],
            one: one_text!(concat!("SELECT ", table!(@columns $($column)*), " FROM ", $name,
                " WHERE practice_id = $1")),
            all: one_text!(concat!("SELECT ", table!(@columns $($column)*), " FROM ", $name,
                " WHERE practice_id = $1")),
            practices: table!(@practices $name),
        }
    };
    ($table:ident $vouched:ident [$k1:literal $t1:ident] $name:literal [$($column:literal)*]) => {
        Spec {
            table: $table,
            vouched: Vouched::$vouched,
            key: &[($k1, KeyType::$t1)],
            columns: &[$($column),*],
            one: one_text!(concat!("SELECT ", table!(@columns $($column)*), " FROM ", $name,
                " WHERE practice_id = $1 AND ", $k1, " = $2")),
            all: one_text!(concat!("SELECT ", table!(@columns $($column)*), " FROM ", $name,
                " WHERE practice_id = $1 ORDER BY ", $k1)),
            practices: table!(@practices $name),
        }
    };
    ($table:ident $vouched:ident [$k1:literal $t1:ident, $k2:literal $t2:ident] $name:literal
        [$($column:literal)*]) => {
        Spec {
            table: $table,
            vouched: Vouched::$vouched,
            key: &[($k1, KeyType::$t1), ($k2, KeyType::$t2)],
            columns: &[$($column),*],
            one: one_text!(concat!("SELECT ", table!(@columns $($column)*), " FROM ", $name,
                " WHERE practice_id = $1 AND ", $k1, " = $2 AND ", $k2, " = $3")),
            all: one_text!(concat!("SELECT ", table!(@columns $($column)*), " FROM ", $name,
                " WHERE practice_id = $1 ORDER BY ", $k1, ", ", $k2)),
            practices: table!(@practices $name),
        }
    };
}

macro_rules! tables {
    ($($name:literal $table:ident $vouched:ident $key:tt $columns:tt)*) => {
        $(
            #[doc = concat!("Table `", $name, "`.")]
            pub const $table: Table = Table($name);
        )*

        /// Every table that holds a practice's rows, in the order of the schema.
        pub static TABLES: &[Spec] = &[$(table!($table $vouched $key $name $columns)),*];
    };
}

/// The list of applied migrations. It belongs to no practice, so it is not in [`TABLES`]; the
/// settings of each practice hold a recorded copy (`audit/schema.rs`).
pub const SCHEMA_VERSION: Table = Table("schema_version");

tables! {
    "practice" PRACTICE Recorded [] [
        "practice_id" "name" "display_name" "phone" "timezone" "portal_url" "sandbox"
        "updated_at"
    ]
    "site" SITE Recorded ["id" Text] [
        "practice_id" "id" "external_id" "name" "street" "city" "region" "postal_code"
        "phone" "timezone" "updated_at"
    ]
    "clinician" CLINICIAN Recorded ["id" Text] [
        "practice_id" "id" "external_id" "prefix" "given_name" "family_name" "active"
        "updated_at"
    ]
    "vendor" VENDOR Recorded ["adapter" Text] [
        "practice_id" "adapter" "legal_name" "service" "max_level" "agreement"
        "effective_at" "expires_at" "reason" "updated_at"
    ]
    "vendor_entry" VENDOR_ENTRY Recorded ["id" Text] [
        "practice_id" "id" "legal_name" "service" "max_level" "recorded_by" "updated_at"
    ]
    "agreement_event" AGREEMENT_EVENT Recorded ["id" Text] [
        "practice_id" "id" "vendor" "number" "event" "legal_name" "signer" "effective_at"
        "expires_at" "subcontractors" "notice_days" "reason" "task_id" "recorded_by"
        "recorded_at"
    ]
    "channel_setting" CHANNEL_SETTING Recorded ["channel" Text] [
        "practice_id" "channel" "adapter" "enabled" "sender" "updated_at"
    ]
    "policy_version" POLICY_VERSION Recorded ["version" Text] [
        "practice_id" "version" "document" "activated_at" "activated_by"
    ]
    "template_version" TEMPLATE_VERSION Recorded ["name" Text, "version" Int] [
        "practice_id" "name" "version" "kind" "channel" "language" "subject" "body"
        "max_level" "digest" "approved_by" "approved_at" "expires_at" "withdrawn_at"
        "loaded_at"
    ]
    "setting" SETTING Recorded ["name" Text] [
        "practice_id" "name" "value" "updated_at"
    ]
    "patient" PATIENT Recorded ["id" Text] [
        "practice_id" "id" "person_sealed" "language" "timezone" "deceased_at" "active"
        "merged_into" "updated_at"
    ]
    "patient_identifier" PATIENT_IDENTIFIER Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "system" "value_index" "value_sealed"
    ]
    "contact_point" CONTACT_POINT Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "caregiver_id" "kind" "address_sealed"
        "address_index" "line" "place" "rank" "shared" "source" "verified_at"
        "verified_how" "valid_from" "valid_until" "dead" "dead_at" "updated_at"
    ]
    "alternative_contact" ALTERNATIVE_CONTACT Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "channel" "contact_point_id" "valid_from"
        "valid_until" "evidence" "recorded_by" "recorded_at"
    ]
    "restriction" RESTRICTION Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "what" "value" "status" "valid_from"
        "valid_until" "recorded_by" "recorded_at"
    ]
    "caregiver" CAREGIVER Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "external_id" "person_sealed" "relation"
        "representative" "scope" "permission" "evidence" "valid_from" "valid_until"
        "recorded_by" "updated_at"
    ]
    "preference" PREFERENCE Recorded ["patient_id" Text] [
        "practice_id" "patient_id" "channel" "from_minute" "until_minute" "kinds_off"
        "updated_at"
    ]
    "patient_event" PATIENT_EVENT Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "subject" "subject_id" "event" "details" "method"
        "evidence" "witness" "captured_by" "captured_at" "recorded_at"
    ]
    "consent_event" CONSENT_EVENT Recorded ["id" Text] [
        "practice_id" "id" "consent_id" "patient_id" "event" "class" "channel"
        "address_index" "purposes" "categories" "up_to_level" "text_version"
        "risk_warned" "language" "frequency" "method" "evidence" "evidence_digest"
        "witness" "captured_by" "captured_at" "valid_until" "withdrawal" "recorded_at"
    ]
    "suppression_event" SUPPRESSION_EVENT Recorded ["id" Text] [
        "practice_id" "id" "address_index" "event" "channel" "kind" "source"
        "inbound_id" "recorded_by" "occurred_at"
    ]
    "appointment" APPOINTMENT Recorded ["id" Text] [
        "practice_id" "id" "external_id" "patient_id" "clinician_id" "site_id"
        "starts_at" "ends_at" "status" "version" "reply" "reply_at" "updated_at"
    ]
    "reminder" REMINDER Recorded ["id" Text] [
        "practice_id" "id" "appointment_id" "appointment_version" "step" "due_at"
        "state" "message_id" "refusals" "updated_at"
    ]
    "message" MESSAGE Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "contact_point_id" "address_index" "channel"
        "kind" "purpose" "origin" "reply_to_at" "language" "template_name"
        "template_version" "appointment_id" "inbound_id" "content_sealed" "record_wrap"
        "patient_wrap" "basis" "clearance_entry" "state" "state_at" "refusals"
        "useless_after" "send_at" "created_by" "created_at"
    ]
    "outbox" OUTBOX Working ["message_id" Text] [
        "practice_id" "message_id" "adapter" "due_at" "attempts" "leased_until"
        "lease_owner" "mac"
    ]
    "attempt" ATTEMPT Recorded ["id" Text] [
        "practice_id" "id" "message_id" "number" "adapter" "started_at" "finished_at"
        "outcome" "failure" "transport"
    ]
    "attempt_part" ATTEMPT_PART Recorded ["attempt_id" Text, "part" Int] [
        "practice_id" "attempt_id" "part" "adapter" "carrier_id" "state" "state_at"
    ]
    "receipt" RECEIPT Recorded ["id" Text] [
        "practice_id" "id" "adapter" "carrier_id" "status" "error" "attempt_id"
        "occurred_at" "received_at"
    ]
    "inbound_message" INBOUND_MESSAGE Recorded ["id" Text] [
        "practice_id" "id" "adapter" "carrier_id" "channel" "from_index" "patient_id"
        "content_sealed" "record_wrap" "intents" "effect" "appointment_id"
        "conversation_id" "received_at"
    ]
    "conversation" CONVERSATION Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "channel" "address_index" "state" "opened_at"
        "last_at"
    ]
    "task" TASK Recorded ["id" Text] [
        "practice_id" "id" "kind" "urgent" "patient_id" "conversation_id" "message_id"
        "inbound_id" "appointment_id" "due_at" "state" "outcome" "done_by" "done_at"
        "created_at"
    ]
    "api_token" API_TOKEN Recorded ["id" Text] [
        "practice_id" "id" "name" "secret_digest" "scopes" "created_at" "expires_at"
        "revoked_at"
    ]
    "idempotency_key" IDEMPOTENCY_KEY Recorded ["token_id" Text, "key_digest" Blob] [
        "practice_id" "token_id" "key_digest" "request_digest" "status" "response"
        "created_at"
    ]
    "import_file" IMPORT_FILE Recorded ["id" Text] [
        "practice_id" "id" "kind" "digest" "imported" "updated" "unchanged" "skipped"
        "finished_at"
    ]
    "node" NODE Nothing ["run" Text] [
        "practice_id" "run" "name" "beat" "bind" "joined_at"
    ]
    "reconciliation" RECONCILIATION Recorded ["id" Text] [
        "practice_id" "id" "cause" "asked_at" "since_at" "began_at" "finished_at" "report"
    ]
    "finding" FINDING Recorded ["id" Text] [
        "practice_id" "id" "kind" "subject" "subject_id" "subject_at" "channel" "patient_id"
        "message_id" "appointment_id" "inbound_id" "task_id" "run_id" "found_at"
        "settled_at" "settled_how"
    ]
    "test_patient" TEST_PATIENT Recorded ["patient_id" Text] [
        "practice_id" "patient_id" "address_index" "by_wire" "created_at"
    ]
    "self_test" SELF_TEST Recorded ["id" Text] [
        "practice_id" "id" "cause" "asked_at" "began_at" "by_wire" "patient_id" "inbound_id"
        "task_id" "page_by" "paged_at" "appointment_id" "receipt_by" "received_at"
        "finished_at" "failures"
    ]
    "staff" STAFF Recorded ["id" Text] [
        "practice_id" "id" "person_sealed" "name_index" "roles" "sites" "created_at"
        "disabled_at" "updated_at"
    ]
    "staff_secret" STAFF_SECRET Recorded ["staff_id" Text] [
        "practice_id" "staff_id" "password_sealed" "password_set_at" "totp_sealed" "totp_step"
    ]
    "staff_pin" STAFF_PIN Recorded ["staff_id" Text] [
        "practice_id" "staff_id" "pin_sealed" "set_at"
    ]
    "staff_training" STAFF_TRAINING Recorded ["staff_id" Text] [
        "practice_id" "staff_id" "trained_on" "recorded_at"
    ]
    "session_passkey" SESSION_PASSKEY Nothing ["session_id" Text] [
        "practice_id" "session_id" "proved_at"
    ]
    "session_pin" SESSION_PIN Nothing ["session_id" Text] [
        "practice_id" "session_id" "tries"
    ]
    "recovery_code" RECOVERY_CODE Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "digest" "created_at" "used_at"
    ]
    "passkey" PASSKEY Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "key_sealed" "name" "created_at" "used_at" "ended_at"
    ]
    "invite" INVITE Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "digest" "created_at" "expires_at" "used_at"
    ]
    "device" DEVICE Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "digest" "name" "shared" "created_at" "wiped_at"
    ]
    "session" SESSION Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "device_id" "digest" "method" "created_at" "expires_at"
        "proved_at" "ended_at" "ended_why"
    ]
    "session_seen" SESSION_SEEN Nothing ["session_id" Text] [
        "practice_id" "session_id" "seen_at"
    ]
    "sign_in_failure" SIGN_IN_FAILURE Nothing ["counted_for" Blob] [
        "practice_id" "counted_for" "failures" "last_at"
    ]
    "ceremony" CEREMONY Nothing ["digest" Blob] [
        "practice_id" "digest" "state_sealed" "expires_at"
    ]
    "thread" THREAD Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "address_index" "merged_into" "channel" "state"
        "snoozed_until" "owner" "team" "about" "urgent" "taken_at" "waiting_on" "due_at" "last_at"
        "last_from" "last_inbound" "opened_at" "closed_at" "outcome" "rank" "sort_at" "changed_at"
    ]
    "note" NOTE Recorded ["id" Text] [
        "practice_id" "id" "thread_id" "author" "about" "mentioned" "body_sealed" "record_wrap"
        "created_at"
    ]
    "call" CALL Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "contact_point_id" "task_id" "caller" "began_at"
        "answered" "caregiver_id" "greeting" "methods" "identified" "said_at" "outcome" "ended_at"
    ]
    "call_code" CALL_CODE Nothing ["call_id" Text] [
        "practice_id" "call_id" "contact_point_id" "code" "tries" "sent" "expires_at"
    ]
    "template_proposal" TEMPLATE_PROPOSAL Recorded ["id" Text] [
        "practice_id" "id" "name" "subject" "body" "reason" "expires_on" "author" "proposed_at"
        "state" "judge" "judged_at" "answer" "version"
    ]
    "attachment" ATTACHMENT Recorded ["id" Text] [
        "practice_id" "id" "holder" "holder_id" "media" "bytes" "pieces" "scanned" "label_sealed"
        "record_wrap" "patient_wrap" "created_at"
    ]
    "attachment_piece" ATTACHMENT_PIECE Recorded ["attachment_id" Text, "n" Int] [
        "practice_id" "attachment_id" "n" "body_sealed" "record_wrap" "patient_wrap"
    ]
    "draft" DRAFT Nothing ["staff_id" Text, "patient_id" Text] [
        "practice_id" "staff_id" "patient_id" "device_id" "body_sealed" "kept_at"
    ]
    "presence" PRESENCE Nothing ["thread_id" Text, "staff_id" Text] [
        "practice_id" "thread_id" "staff_id" "seen_at"
    ]
    "patient_search" PATIENT_SEARCH Rebuilt ["token" Int, "patient_id" Text] [
        "practice_id" "token" "patient_id"
    ]
    "window_link" WINDOW_LINK Recorded ["message_id" Text] [
        "practice_id" "message_id" "digest" "patient_id" "contact_point_id" "purpose" "created_at"
        "expires_at" "ended_at" "ended_why"
    ]
    "window_code" WINDOW_CODE Nothing ["digest" Blob] [
        "practice_id" "digest" "link_id" "code" "tries" "expires_at"
    ]
    "window_session" WINDOW_SESSION Recorded ["id" Text] [
        "practice_id" "id" "digest" "patient_id" "contact_point_id" "caregiver_id" "link_id"
        "created_at" "expires_at" "ended_at" "ended_why"
    ]
    "window_seen" WINDOW_SEEN Nothing ["session_id" Text] [
        "practice_id" "session_id" "seen_at"
    ]
    "letter" LETTER Recorded ["message_id" Text] [
        "practice_id" "message_id" "patient_id" "contact_point_id" "last_day" "created_at"
        "opened_at" "read_at" "nudges" "nudged_at" "asked_at" "ended_at"
    ]
    "break_glass" BREAK_GLASS Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "session_id" "patient_id" "reason" "words_sealed"
        "record_wrap" "task_id" "opened_at" "until_at" "ended_at" "ended_how" "reviewed_by"
        "reviewed_at" "finding"
    ]
    "window_aim" WINDOW_AIM Recorded ["message_id" Text] [
        "practice_id" "message_id" "contact_point_id" "channel" "created_at"
    ]
    "kiosk" KIOSK Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "staff_id" "checked" "code" "digest" "made_at" "until_at"
        "begun_at" "ended_at" "ended_why"
    ]
    "form_version" FORM_VERSION Recorded ["form_id" Text, "version" Int] [
        "practice_id" "form_id" "version" "definition" "retired" "made_by" "made_at"
    ]
    "form_answer" FORM_ANSWER Recorded ["id" Text] [
        "practice_id" "id" "form_id" "version" "patient_id" "appointment_id" "answers_sealed"
        "record_wrap" "language" "answered_by" "answered_at"
    ]
    "sealed_key" SEALED_KEY Recorded ["id" Text] [
        "practice_id" "id" "staff_id" "patient_id" "public_key" "session_id" "created_at" "ended_at"
        "ended_why"
    ]
    "sealed_thread" SEALED_THREAD Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "staff_id" "started_at" "told_at" "seen_at" "asked_at"
        "task_id"
    ]
    "sealed_message" SEALED_MESSAGE Recorded ["id" Text] [
        "practice_id" "id" "thread_id" "sender" "envelope_sealed" "record_wrap" "created_at"
    ]
    "window_passkey" WINDOW_PASSKEY Recorded ["id" Text] [
        "practice_id" "id" "handle" "patient_id" "caregiver_id" "contact_point_id" "link_id"
        "key_sealed" "created_at" "used_at" "ended_at" "ended_why"
    ]
    "window_proof" WINDOW_PROOF Recorded ["session_id" Text] [
        "practice_id" "session_id" "passkey_id"
    ]
    "legal_hold" LEGAL_HOLD Recorded ["id" Text] [
        "practice_id" "id" "patient_id" "words_sealed" "placed_by" "placed_at" "lifted_by"
        "lifted_at" "lifted_sealed"
    ]
    "retention_month" RETENTION_MONTH Recorded ["month" Text] [
        "practice_id" "month" "key_name" "due_at" "task_id" "ended_at" "counts" "first_at"
        "last_at" "years"
    ]
    "audit_entry" AUDIT_ENTRY Proof ["id" Text] [
        "practice_id" "id" "recorded_at" "body" "leaf_index" "arrival"
    ]
    "audit_tile" AUDIT_TILE Proof ["level" Int, "tile" Int] [
        "practice_id" "level" "tile" "hashes"
    ]
    "audit_checkpoint" AUDIT_CHECKPOINT Proof ["size" Int] [
        "practice_id" "size" "signed_at" "note"
    ]
}
