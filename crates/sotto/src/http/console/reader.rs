//! What one person may read of what was said: asked of the policies for each thing once, opened only
//! where they say yes, and remembered for the audit entry of the page.

use std::collections::{BTreeSet, HashMap};

use gate::{Kind, Language, MessageId, PatientId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::When;
use crate::access::AccessError;
use crate::access::policies::{self, About, Action, Principal, Resource};
use crate::access::records::Whose;
use crate::access::sessions::SignedIn;
use crate::access::staff::{self, Staff};
use crate::audit::{AuditError, Event};
use crate::conversations::calls::CallError;
use crate::conversations::inbox::InboxError;
use crate::conversations::{about, notes};
use crate::db::message::basis_from_json;
use crate::db::note::NoteRow;
use crate::db::{DbError, Tx};
use crate::facts::FactsError;
use crate::ids::{InboundId, StaffId};
use crate::inbound::content;
use crate::office::Office;
use crate::outbox::store;
use crate::people::patients::open_person;
use crate::people::person::Person;
use crate::portal::PortalError;
use crate::retention::gone;
use crate::schedule::office_hours::BadHours;

/// A page of the desk cannot be shown, or a form of it not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeskError {
    /// A thread.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// Who works here.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The stored office hours cannot be read.
    #[error(transparent)]
    Hours(#[from] BadHours),
    /// A call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What stands on file of a patient.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The window.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// Its keys are gone.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// A code lets somebody in at the window: it is for whoever has the phone, and nobody here.
const CODE: &str = "[A code for the patient alone.]";

/// One person, reading.
pub(super) struct Reader<'a> {
    pub(super) office: &'a Office,
    pub(super) me: StaffId,
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
    pub(super) staff: Vec<Staff>,
    principal: Principal,
    asked: HashMap<(Action, Resource), bool>,
    policies: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// Somebody who knows no colleague by name yet.
    pub(super) fn new(office: &'a Office, who: &SignedIn) -> Self {
        Self::of(office, who, None)
    }

    /// The same, who reads of this patient alone: also where they opened the record in an emergency.
    pub(super) fn of(office: &'a Office, who: &SignedIn, patient: Option<PatientId>) -> Self {
        Self {
            office,
            me: who.staff.id,
            now: office.clock().now(),
            zone: office.profile().timezone.clone(),
            staff: Vec::new(),
            principal: who.before(patient),
            asked: HashMap::new(),
            policies: BTreeSet::new(),
        }
    }

    /// Learns the colleagues' names, once.
    pub(super) fn meet(&mut self, tx: &mut Tx<'_>) -> Result<(), AccessError> {
        if self.staff.is_empty() {
            self.staff = staff::list(tx, self.office)?;
        }
        Ok(())
    }

    /// May they read what was said about this with them?
    pub(super) fn may_read(&mut self, about: About, whose: &Whose) -> bool {
        self.may(Action::ReadConversation, about, whose)
    }

    /// May they do this with what was said about this with them?
    pub(super) fn may(&mut self, action: Action, about: About, whose: &Whose) -> bool {
        self.ask(action, conversation(about, whose))
    }

    /// May they see who this patient is?
    pub(super) fn may_see(&mut self, whose: &Whose) -> bool {
        self.ask(Action::SeePatient, Resource::Patient(whose.clone()))
    }

    fn ask(&mut self, action: Action, what: Resource) -> bool {
        let key = (action, what);
        if let Some(known) = self.asked.get(&key) {
            return *known;
        }
        let leave = policies::may(&self.principal, action, &key.1);
        let may = leave.is_ok();
        if let Ok(permit) = leave {
            self.policies.extend(permit.policies().iter().cloned());
        }
        self.asked.insert(key, may);
        may
    }

    /// What another reader of the same page was allowed belongs to the page too.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.policies.extend(other.policies);
        self
    }

    /// May they do this here?
    pub(super) fn may_here(&self, action: Action) -> bool {
        policies::may(&self.principal, action, &Resource::Practice).is_ok()
    }

    /// The event of the page, with the policies that let them read it.
    pub(super) fn recorded(self, event: Event) -> Event {
        self.policies.into_iter().fold(event, Event::code)
    }

    pub(super) fn when(&self, at: Timestamp) -> When {
        When::new(at, self.now, &self.zone)
    }

    pub(super) fn due(&self, at: Timestamp) -> When {
        When::due(at, self.now, &self.zone)
    }

    /// The same in a sentence: "due 10:45 am", "2 h overdue".
    pub(super) fn due_by(&self, at: Timestamp) -> When {
        let mut when = self.due(at);
        if at >= self.now {
            let local = at.to_zoned(self.zone.clone());
            let today = self.now.to_zoned(self.zone.clone()).date() == local.date();
            when.relative = if today {
                format!("due {}", local.strftime("%-I:%M %P"))
            } else {
                format!("due {}", when.absolute)
            };
        }
        when
    }

    /// "you", or a colleague's name.
    pub(super) fn name(&self, id: StaffId) -> String {
        if id == self.me {
            return "you".to_owned();
        }
        let found = self.staff.iter().find(|other| other.id == id);
        found.map_or_else(|| "somebody".to_owned(), |found| found.named.name.clone())
    }

    /// Who did something, from a column such as `created_by`.
    pub(super) fn actor(&self, by: &str) -> String {
        match by.split_once(':') {
            Some(("staff", id)) => {
                id.parse().map_or_else(|_| "a colleague".to_owned(), |id| self.name(id))
            }
            Some(("operator", _)) => "the command line".to_owned(),
            Some(("token", _)) => "a program".to_owned(),
            _ => "automatic".to_owned(),
        }
    }

    /// Who a patient is; none where their keys are gone.
    pub(super) fn person(&self, id: PatientId, sealed: Option<Vec<u8>>) -> Option<Person> {
        open_person(self.office.keys(), self.office.practice(), id, sealed?).ok()
    }

    /// "M. G.", never a name.
    pub(super) fn initials(&self, id: PatientId, sealed: Option<Vec<u8>>) -> String {
        let initials = self.person(id, sealed).map(|person| person.initials());
        initials.filter(|text| !text.is_empty()).unwrap_or_else(|| "Name gone".to_owned())
    }

    /// The words of a message to us, and the end of the number it came from; none where they are not
    /// for this person.
    pub(super) fn heard(
        &mut self,
        (id, intents): (InboundId, &str),
        sealed: (&[u8], &[u8]),
        whose: &Whose,
    ) -> Option<(String, String)> {
        let came = content::open(self.office, id, sealed).ok();
        let about = about::heard(self.office, intents, came.as_ref().map(|came| &*came.body));
        self.may_read(about, whose).then(|| match came {
            Some(came) => {
                let end = ending(&came.from.value);
                (came.shown(), end)
            }
            None => (gone(self.office, sealed.1), "An unknown number".to_owned()),
        })
    }

    /// The words of a message of ours; none where they are not for this person.
    pub(super) fn said(
        &mut self,
        (id, kind, basis): (MessageId, Kind, Option<&str>),
        sealed: (&[u8], &[u8]),
        whose: &Whose,
    ) -> Option<String> {
        if kind.is_a_code() {
            return Some(CODE.to_owned());
        }
        let level = basis.and_then(basis_from_json).map(|basis| basis.level);
        self.may_read(about::said(kind, level), whose).then(|| {
            let words = store::open_words(self.office, id, sealed);
            words.unwrap_or_else(|| gone(self.office, sealed.1))
        })
    }

    /// The words of a note.
    pub(super) fn note(&self, row: &NoteRow) -> String {
        let plain = notes::open(self.office, row).ok();
        let words = plain.and_then(|plain| String::from_utf8(plain.to_vec()).ok());
        words.unwrap_or_else(|| gone(self.office, &row.record_wrap))
    }
}

/// What the policies are asked about.
pub(super) fn conversation(about: About, whose: &Whose) -> Resource {
    Resource::Conversation { whose: whose.clone(), about }
}

/// The last four of a number; of a mailbox, nothing.
fn ending(address: &str) -> String {
    let digits = address.strip_prefix('+').filter(|rest| rest.len() > 4);
    let end = digits.and_then(|rest| rest.get(rest.len() - 4..));
    end.map_or_else(|| "An unknown mailbox".to_owned(), |end| format!("A number ending {end}"))
}

/// A language in words.
pub(super) fn language_words(tag: Option<&str>) -> &'static str {
    match tag.and_then(Language::from_word) {
        Some(Language::Spanish) => "Spanish",
        Some(Language::English) => "English",
        _ => "Language not on file",
    }
}

/// The first words of a text, on one line.
pub(super) fn first_words(text: &str) -> String {
    const MOST: usize = 80;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_the_end_of_a_number_and_the_first_words() {
        assert_eq!(ending("+12025550147"), "A number ending 0147");
        assert_eq!(ending("rosa@example.org"), "An unknown mailbox");
        assert_eq!(ending("+12"), "An unknown mailbox");
        assert_eq!(first_words("can I\n come  later"), "can I come later");
        let long = "ñ".repeat(200);
        assert_eq!(first_words(&long), format!("{}…", "ñ".repeat(80)));
    }
}
