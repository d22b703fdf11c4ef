//! Looking through the log: by when, who, about whom, and what (45 CFR 164.308(a)(1)(ii)(D)).
//!
//! Entries are found by the time in their ids, the newest first, and read one by one; a look goes
//! back over at most [`MOST_READ`] of them and says where the next one goes on. So a search costs
//! the log nothing while entries are written, and its cost has a bound.

use gate::PatientId;
use jiff::Timestamp;

use super::{AuditError, Entry, Kind, Outcome};
use crate::db::Tx;
use crate::ids::{EntryId, lowest_at};
use crate::office::Office;
use crate::{params, sql};

/// How many entries one look reads at most.
pub const MOST_READ: usize = 20_000;
/// How many it shows at most.
pub const MOST_FOUND: usize = 50;
/// How many are read at once.
const AT_ONCE: u32 = 1_000;

macro_rules! sorts {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal, $words:literal, [$($kind:ident)|*]; )+) => {
        /// A sort of entries, as a person asks for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sort { $( $(#[$doc])* $variant, )+ }

        impl Sort {
            /// Every sort.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word in a URL.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What a person calls it.
            #[must_use]
            pub const fn in_words(self) -> &'static str {
                match self { $( Self::$variant => $words, )+ }
            }

            /// The sort with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }

            const fn kinds(self) -> &'static [Kind] {
                match self { $( Self::$variant => &[$( Kind::$kind, )*], )+ }
            }
        }
    };
}

sorts! {
    /// Somebody looked.
    Views = "views", "Views", [ContentViewed | PatientViewed
        | PatientsSearched | AccessReported];
    /// Messages to patients.
    Messages = "messages", "Messages", [MessageCleared | MessageRefused
        | MessageRefusedAtRelease | MessageCancelled | MessagePostponed];
    /// What patients wrote.
    Replies = "replies", "Replies", [InboundReceived];
    /// Conversations and tasks.
    Work = "work", "Conversations, tasks and calls", [ConversationChanged | TaskChanged | CallChanged
        | SealedChanged];
    /// Consents.
    Consents = "consents", "Consents and files", [ConsentGiven | ConsentRevoked
        | AttachmentKept | AttachmentRefused];
    /// How patients may be reached.
    People = "people", "Patients' records", [PatientChanged | PatientErased | RestrictionChanged
        | AppointmentChanged];
    /// How long they are kept.
    Retention = "retention", "Holds and the end of records", [RetentionChanged];
    /// Coming in.
    SignIns = "sign_ins", "Sign-ins and devices", [SessionChanged | DeviceChanged
        | CredentialChanged | AccessRefused];
    /// Records opened in an emergency.
    Emergencies = "emergencies", "Emergency access", [BreakGlass];
    /// Who works here.
    Staff = "staff", "Staff and tokens", [StaffChanged | TokenChanged];
    /// How the practice is set up.
    Settings = "settings", "Settings", [PracticeChanged | PolicyActivated | TemplatesChanged
        | VendorChanged | SettingsReloaded | KeyChanged];
    /// What left the house, and who went through the log.
    Reviews = "reviews", "Reviews and exports", [AuditReviewed | AuditExported | BackupTaken
        | BackupRestored];
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Of this sort; none: every one.
    pub sort: Option<Sort>,
    /// By this actor's id.
    pub actor: Option<String>,
    /// About this patient.
    pub patient: Option<PatientId>,
    /// Only what was refused or failed.
    pub not_done: bool,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Older than this entry: the look before ended there.
    pub before: Option<EntryId>,
}

impl Search {
    fn wants(&self, entry: &Entry) -> bool {
        self.sort.is_none_or(|sort| sort.kinds().contains(&entry.kind))
            && self.actor.as_ref().is_none_or(|id| entry.actor.id == id.as_str())
            && self.patient.is_none_or(|id| entry.patients.contains(&id))
            && !(self.not_done && entry.outcome == Outcome::Done)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The entries, the newest first, each with its leaf once it has one.
    pub entries: Vec<(Entry, Option<u64>)>,
    /// How many were read for it.
    pub read: usize,
    /// The last one read, where there may be more behind it.
    pub next: Option<EntryId>,
}

/// Looks.
///
/// # Errors
/// [`AuditError::Unreadable`], [`AuditError::Db`].
pub fn search(tx: &mut Tx<'_>, office: &Office, wanted: &Search) -> Result<Found, AuditError> {
    let practice = office.practice();
    let lowest = wanted.from.map_or_else(String::new, lowest_at);
    let mut below = match (wanted.before, wanted.until) {
        (Some(entry), _) => entry.to_string(),
        (None, Some(until)) => lowest_at(until),
        // Above every UUID.
        (None, None) => "g".to_owned(),
    };
    let mut found = Found::default();
    loop {
        let rows: Vec<(EntryId, Vec<u8>, Option<i64>)> = tx.query(
            sql!(
                "SELECT id, body, leaf_index FROM audit_entry
                  WHERE practice_id = $1 AND id >= $2 AND id < $3 ORDER BY id DESC LIMIT $4"
            ),
            params![practice, lowest, below, AT_ONCE],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let last = rows.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        for (id, body, leaf) in rows {
            let entry = Entry::from_bytes(&body).map_err(|_| AuditError::Unreadable { id })?;
            found.read += 1;
            below = id.to_string();
            if wanted.wants(&entry) {
                found.entries.push((entry, leaf.and_then(|leaf| u64::try_from(leaf).ok())));
            }
            if found.entries.len() == MOST_FOUND || found.read == MOST_READ {
                found.next = Some(id);
                return Ok(found);
            }
        }
        if last {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_a_look_is_found_among_the_views() {
        for kind in [Kind::ContentViewed, Kind::PatientViewed, Kind::PatientsSearched] {
            assert!(Sort::Views.kinds().contains(&kind), "{kind:?}");
        }
    }
}
