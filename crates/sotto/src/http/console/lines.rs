//! The lists of the board: rows of the database in a person's words, names as initials.

use std::collections::HashMap;

use gate::{Code, MessageId, PatientId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::board::{BoardError, ROWS, Reason, Refused, Reply, Sent, Task};
use super::words::{self, When};
use crate::db::{Tx, board, message, patient};
use crate::inbound::content;
use crate::office::Office;
use crate::outbox::store;
use crate::people::patients::open_person;
use crate::retention::gone;

/// Reads the lists. A person met twice is opened once.
pub(super) struct Lines<'a> {
    office: &'a Office,
    zone: TimeZone,
    now: Timestamp,
    /// Words are shown for a made-up practice only.
    show_words: bool,
    initials: HashMap<PatientId, String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(office: &'a Office) -> Self {
        let profile = office.profile();
        Self {
            office,
            zone: profile.timezone.clone(),
            now: office.clock().now(),
            show_words: profile.sandbox,
            initials: HashMap::new(),
        }
    }

    pub(super) fn refused(&mut self, tx: &mut Tx<'_>) -> Result<Vec<Refused>, BoardError> {
        board::latest_refused(tx, self.office.practice(), ROWS)?
            .into_iter()
            .map(|line| {
                Ok(Refused {
                    at: self.when(line.state_at),
                    who: self.who(tx, line.patient)?,
                    kind: words::kind_words(&line.kind),
                    channel: words::channel_words(&line.channel),
                    reasons: reasons(line.refusals.as_deref()),
                    id: line.id.to_string(),
                })
            })
            .collect()
    }

    pub(super) fn sent(&mut self, tx: &mut Tx<'_>) -> Result<Vec<Sent>, BoardError> {
        board::latest_sent(tx, self.office.practice(), ROWS)?
            .into_iter()
            .map(|line| {
                Ok(Sent {
                    at: self.when(line.state_at),
                    who: self.who(tx, line.patient)?,
                    kind: words::kind_words(&line.kind),
                    channel: words::channel_words(&line.channel),
                    text: self.message_text(tx, line.id)?,
                    language: line.language,
                    state: words::state_words(&line.state),
                    tone: words::state_tone(&line.state),
                    id: line.id.to_string(),
                })
            })
            .collect()
    }

    pub(super) fn tasks(&mut self, tx: &mut Tx<'_>) -> Result<Vec<Task>, BoardError> {
        board::open_tasks(tx, self.office.practice(), ROWS)?
            .into_iter()
            .map(|line| {
                Ok(Task {
                    at: When::due(line.due_at, self.now, &self.zone),
                    who: self.who(tx, line.patient)?,
                    what: words::task_words(&line.kind),
                    urgent: line.urgent,
                    id: line.id,
                })
            })
            .collect()
    }

    pub(super) fn replies(&mut self, tx: &mut Tx<'_>) -> Result<Vec<Reply>, BoardError> {
        board::latest_replies(tx, self.office.practice(), ROWS)?
            .into_iter()
            .map(|line| {
                let first = line.intents.split_whitespace().next().unwrap_or_default();
                Ok(Reply {
                    at: self.when(line.received_at),
                    who: self.who(tx, line.patient)?,
                    text: self.reply_text(tx, &line)?,
                    understood: words::intent_words(first),
                    did: words::effect_words(&line.effect),
                    tone: words::effect_tone(&line.effect),
                    id: line.id.to_string(),
                })
            })
            .collect()
    }

    fn when(&self, at: Timestamp) -> When {
        When::new(at, self.now, &self.zone)
    }

    /// "M. G.", never a name.
    fn who(&mut self, tx: &mut Tx<'_>, id: Option<PatientId>) -> Result<String, BoardError> {
        let Some(id) = id else { return Ok("Unknown".to_owned()) };
        if let Some(known) = self.initials.get(&id) {
            return Ok(known.clone());
        }
        let practice = self.office.practice();
        let initials = match patient::get(tx, practice, id)? {
            Some(row) => open_person(self.office.keys(), practice, id, row.person_sealed)
                .map_err(|_| BoardError::Sealed)?
                .initials(),
            None => "Unknown".to_owned(),
        };
        self.initials.insert(id, initials.clone());
        Ok(initials)
    }

    fn message_text(&self, tx: &mut Tx<'_>, id: MessageId) -> Result<Option<String>, BoardError> {
        if !self.show_words {
            return Ok(None);
        }
        let Some(stored) = message::find(tx, self.office.practice(), id)? else { return Ok(None) };
        let sealed = (stored.content_sealed.as_slice(), stored.record_wrap.as_slice());
        let words = store::open_words(self.office, id, sealed);
        Ok(Some(words.unwrap_or_else(|| gone(self.office, sealed.1))))
    }

    fn reply_text(
        &self,
        tx: &mut Tx<'_>,
        line: &board::ReplyLine,
    ) -> Result<Option<String>, BoardError> {
        if !self.show_words {
            return Ok(None);
        }
        let practice = self.office.practice();
        let Some((content, wrap)) = board::reply_sealed(tx, practice, line.id)? else {
            return Ok(None);
        };
        let came = content::open(self.office, line.id, (&content, &wrap));
        Ok(Some(came.map_or_else(|_| gone(self.office, &wrap), content::Content::shown)))
    }
}

fn reasons(codes: Option<&str>) -> Vec<Reason> {
    codes
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(Code::from_word)
        .map(|code| Reason {
            code: code.as_str(),
            because: words::because(code),
            remedy: code.remedy(),
        })
        .collect()
}
