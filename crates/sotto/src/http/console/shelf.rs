//! The list of conversations beside whatever is open: which of them, in which order, and of each
//! only what this person may read.

use gate::PatientId;
use jiff::Timestamp;
use serde::Deserialize;

use super::reader::{DeskError, Reader, first_words};
use super::words::{When, channel_words};
use crate::access::policies::Principal;
use crate::access::records::{self, Whose};
use crate::access::roles::{Role, Roles};
use crate::access::sessions::SignedIn;
use crate::conversations::inbox::TEAMS;
use crate::db::thread::{self, After, Counts, Listed, Listing, Side, ThreadState, With};
use crate::db::{Tx, Word as _};
use crate::ids::ThreadId;

/// How many conversations one page lists.
const ROWS: u32 = 50;

/// What the URL says of the list. Names and words never stand there.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct Asked {
    /// Which list.
    #[serde(default)]
    pub view: Option<String>,
    /// Which desk's, in the view `team`.
    #[serde(default)]
    pub team: Option<String>,
    /// `newest`, or by what is due.
    #[serde(default)]
    pub sort: Option<String>,
    /// The last row of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// In a thread: only what was said before this instant, in microseconds.
    #[serde(default)]
    pub before: Option<String>,
    /// The thread that was closed just now.
    #[serde(default)]
    pub closed: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Mine,
    Unassigned,
    Team(Role),
    All,
    Mentions,
    Snoozed,
    Closed,
}

/// Which list, understood.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    view: View,
    newest: bool,
    after: Option<After>,
}

impl Ask {
    /// What is not understood is the list somebody starts the day with: their desk's.
    pub(super) fn of(asked: &Asked, roles: &Roles) -> Self {
        let own = TEAMS.into_iter().find(|team| roles.has(*team));
        let start = own.map_or(View::All, View::Team);
        let team = asked.team.as_deref().and_then(Role::from_word);
        let view = match asked.view.as_deref() {
            Some("mine") => View::Mine,
            Some("unassigned") => View::Unassigned,
            Some("team") => team.filter(|team| TEAMS.contains(team)).map_or(start, View::Team),
            Some("all") => View::All,
            Some("mentions") => View::Mentions,
            Some("snoozed") => View::Snoozed,
            Some("closed") => View::Closed,
            _ => start,
        };
        let newest = view == View::Closed
            || (asked.sort.as_deref() == Some("newest") && view != View::Snoozed);
        let after = asked.after.as_deref().and_then(|text| read_after(text, newest));
        Self { view, newest, after }
    }

    /// The query that asks for the first page of it again.
    pub(super) fn query(&self) -> String {
        query(self.view, self.newest)
    }

    fn listing(&self, reader: &Reader<'_>) -> Listing {
        let state = match self.view {
            View::Snoozed => ThreadState::Snoozed,
            View::Closed => ThreadState::Closed,
            _ => ThreadState::Open,
        };
        Listing {
            state,
            owner: (self.view == View::Mine).then_some(reader.me),
            unassigned: self.view == View::Unassigned,
            team: match self.view {
                View::Team(team) => Some(team),
                _ => None,
            },
            mentioned: (self.view == View::Mentions).then_some(reader.me),
            most: ROWS + 1,
        }
    }

    fn after(&self) -> After {
        let first = if self.newest { After::NEWEST } else { After::DUE };
        self.after.clone().unwrap_or(first)
    }
}

fn query(view: View, newest: bool) -> String {
    let view = match view {
        View::Mine => "view=mine".to_owned(),
        View::Unassigned => "view=unassigned".to_owned(),
        View::Team(team) => format!("view=team&team={team}"),
        View::All => "view=all".to_owned(),
        View::Mentions => "view=mentions".to_owned(),
        View::Snoozed => "view=snoozed".to_owned(),
        View::Closed => return "view=closed".to_owned(),
    };
    if newest { format!("{view}&sort=newest") } else { view }
}

fn read_after(text: &str, newest: bool) -> Option<After> {
    let mut parts = text.splitn(3, '.');
    let mut micros = || parts.next()?.parse::<i64>().ok();
    let first = micros()?;
    let at = |micros| Timestamp::from_microsecond(micros).ok();
    if newest {
        let id: ThreadId = parts.next()?.parse().ok()?;
        return Some(After::Newest(at(first)?, id));
    }
    let second = micros()?;
    let id: ThreadId = parts.next()?.parse().ok()?;
    Some(After::Due(first, at(second)?, id))
}

/// One of the lists there are.
#[derive(Debug)]
pub(super) struct Tab {
    pub words: &'static str,
    pub href: String,
    pub count: Option<i64>,
    pub here: bool,
}

/// The list.
#[derive(Debug)]
pub(super) struct Shelf {
    pub tabs: Vec<Tab>,
    pub title: &'static str,
    pub count: Option<i64>,
    pub rows: Vec<Row>,
    pub query: String,
    pub next: Option<String>,
    pub first: Option<String>,
    pub other_order: Option<(String, &'static str)>,
    pub empty: &'static str,
}

/// A conversation in the list.
pub(super) struct Row {
    pub id: String,
    pub href: String,
    pub who: String,
    pub channel: &'static str,
    pub at: When,
    /// The first words, where they may be read.
    pub words: Option<String>,
    /// Why there are none, where that is so.
    pub silent: &'static str,
    pub readable: bool,
    pub urgent: bool,
    pub on_them: bool,
    pub due: Option<When>,
    pub until: Option<When>,
    pub owner: String,
    pub team: &'static str,
    pub outcome: Option<&'static str>,
    pub here: bool,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Reads the list.
pub(super) fn read(
    tx: &mut Tx<'_>,
    reader: &mut Reader<'_>,
    (ask, who): (&Ask, &SignedIn),
    open: Option<ThreadId>,
) -> Result<Shelf, DeskError> {
    let practice = reader.office.practice();
    let counts = thread::counts(tx, practice, reader.me)?;
    let mut listed = thread::list(tx, practice, &ask.listing(reader), &ask.after())?;
    let more = listed.len() > ROWS as usize;
    listed.truncate(ROWS as usize);
    let query = ask.query();
    let next = listed.last().filter(|_| more).map(|last| {
        let at = if ask.newest {
            format!("{}.{}", last.thread.last_at.as_microsecond(), last.thread.id)
        } else {
            format!("{}.{}.{}", last.place.0, last.place.1.as_microsecond(), last.thread.id)
        };
        format!("/inbox?{query}&after={at}")
    });
    let seen = records::whose_of_each(
        tx,
        reader.office,
        listed.iter().filter_map(|row| patient_of(row.thread.with)),
    )?;
    let rows = listed
        .into_iter()
        .map(|row| {
            let whose = seen.of(patient_of(row.thread.with));
            line(reader, (row, whose), &query, open)
        })
        .collect();
    let tabs = tabs(&ask.view, &counts, &who.staff.roles);
    let here = tabs.iter().find(|tab| tab.here);
    let (title, count) = here.map_or(("Conversations", None), |tab| (tab.words, tab.count));
    let other_order = match ask.view {
        View::Closed | View::Snoozed => None,
        view if ask.newest => Some((format!("/inbox?{}", self::query(view, false)), "what is due")),
        view => Some((format!("/inbox?{}", self::query(view, true)), "newest")),
    };
    let first = ask.after.as_ref().map(|_| format!("/inbox?{query}"));
    Ok(Shelf { title, count, rows, next, first, other_order, empty: empty(ask.view), query, tabs })
}

fn tabs(view: &View, counts: &Counts, roles: &Roles) -> Vec<Tab> {
    let tab = |one: View, words, count| Tab {
        words,
        href: format!("/inbox?{}", query(one, false)),
        count,
        here: *view == one,
    };
    let of_team = |team: Role| {
        counts.teams.iter().find(|(other, _)| *other == team).map_or(0, |(_, count)| *count)
    };
    let mut tabs = vec![
        tab(View::Mine, "Mine", Some(counts.mine)),
        tab(View::Unassigned, "Unassigned", Some(counts.unassigned)),
    ];
    for team in TEAMS {
        let shown = roles.has(team) || *view == View::Team(team);
        if shown {
            tabs.push(tab(View::Team(team), team.words(), Some(of_team(team))));
        }
    }
    tabs.push(tab(View::All, "All open", Some(counts.open)));
    tabs.push(tab(View::Mentions, "Mentions", Some(counts.mentioned)));
    tabs.push(tab(View::Snoozed, "Snoozed", Some(counts.snoozed)));
    tabs.push(tab(View::Closed, "Closed", None));
    tabs
}

const fn empty(view: View) -> &'static str {
    match view {
        View::Mine => "Nothing is yours. Take something from Unassigned, or enjoy the quiet.",
        View::Unassigned => "Everything has somebody. New messages appear here first.",
        View::Team(_) => "Nothing waits for this desk. Look at Unassigned, or at All open.",
        View::All => "Nothing is open. When a patient writes and wants something, it stands here.",
        View::Mentions => "Nobody calls you in a note.",
        View::Snoozed => "Nothing is put off. Snooze a conversation to see it again later.",
        View::Closed => "Nothing was closed yet. What is done is kept here.",
    }
}

fn line(
    reader: &mut Reader<'_>,
    (row, whose): (Listed, &Whose),
    query: &str,
    open: Option<ThreadId>,
) -> Row {
    let Listed { thread, person_sealed, last_words, intents, .. } = row;
    let readable = reader.may_read(thread.about, whose);
    let heard = match (&last_words, thread.last_inbound) {
        (Some((content, wrap)), Some(id)) if readable => {
            reader.heard((id, &intents), (content, wrap), whose)
        }
        _ => None,
    };
    let who = match thread.with {
        With::Patient(patient) => reader.initials(patient, person_sealed),
        With::Address(_) => {
            heard.as_ref().map_or_else(|| "Unknown number".to_owned(), |(_, end)| end.clone())
        }
    };
    let silent = match (readable, thread.last_inbound) {
        (false, _) => "not for your role",
        (true, None) => "they have not written",
        (true, Some(_)) => "words not for your role",
    };
    Row {
        id: thread.id.to_string(),
        href: format!("/inbox/{}?{query}", thread.id),
        who,
        channel: thread.channel.map_or("Task", |channel| channel_words(channel.as_str())),
        at: reader.when(thread.last_at),
        words: heard.map(|(words, _)| first_words(&words)),
        silent,
        readable,
        urgent: thread.urgent,
        on_them: thread.waiting_on == Side::Them && thread.state == ThreadState::Open,
        due: thread
            .due_at
            .filter(|_| thread.state == ThreadState::Open)
            .map(|at| reader.due_by(at)),
        until: thread.snoozed_until.map(|at| reader.when(at)),
        owner: thread.owner.map_or_else(|| "nobody yet".to_owned(), |id| reader.name(id)),
        team: thread.team.words(),
        outcome: thread.outcome.map(|outcome| outcome_words(outcome.word())),
        here: open == Some(thread.id),
    }
}

/// What came of something.
pub(super) fn outcome_words(outcome: &str) -> &'static str {
    match outcome {
        "spoke" => "Spoke with the patient",
        "answered" => "Answered in writing",
        "scheduled" => "Changed the schedule",
        "corrected" => "Corrected the record",
        "not_reached" => "Could not reach them",
        "reviewed" => "Reviewed",
        _ => "Nothing to do",
    }
}

/// What can come of something: the word and how it is said.
pub(super) const OUTCOMES: [(&str, &str); 6] = [
    ("answered", "Answered in writing"),
    ("spoke", "Spoke with the patient"),
    ("scheduled", "Changed the schedule"),
    ("corrected", "Corrected the record"),
    ("not_reached", "Could not reach them"),
    ("nothing", "Nothing to do"),
];

/// Whoever may be given a thread: those at work who may answer it.
pub(super) fn may_answer(
    reader: &Reader<'_>,
    what: &crate::access::policies::Resource,
) -> Vec<(String, String)> {
    let reply = crate::access::policies::Action::Reply;
    reader
        .staff
        .iter()
        .filter(|staff| staff.disabled_at.is_none() && staff.id != reader.me)
        .filter(|staff| crate::access::policies::may(&Principal::from(*staff), reply, what).is_ok())
        .map(|staff| (staff.id.to_string(), staff.named.name.clone()))
        .collect()
}

/// A patient's id, where the thread is with one.
pub(super) const fn patient_of(with: With) -> Option<PatientId> {
    match with {
        With::Patient(patient) => Some(patient),
        With::Address(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_page_ends_the_next_one_begins() {
        let id = ThreadId(uuid::Uuid::from_u128(7));
        let at = Timestamp::from_microsecond(1_800_000_000_000_001).unwrap();
        assert_eq!(
            read_after(&format!("1.1800000000000001.{id}"), false),
            Some(After::Due(1, at, id))
        );
        assert_eq!(
            read_after(&format!("1800000000000001.{id}"), true),
            Some(After::Newest(at, id))
        );
        for wrong in ["", "1", "1.2", "x.1.2", "1.99999999999999999999.x", "..", "1.2.3"] {
            assert_eq!(read_after(wrong, false), None, "{wrong}");
            assert_eq!(read_after(wrong, true), None, "{wrong}");
        }
    }

    #[test]
    fn a_list_that_nobody_knows_is_the_desks_own() {
        let ask = |view: &str, team: Option<&str>, roles: &str| {
            let asked = Asked {
                view: Some(view.to_owned()),
                team: team.map(str::to_owned),
                ..Asked::default()
            };
            Ask::of(&asked, &Roles::from_row(roles)).query()
        };
        assert_eq!(ask("?", None, "nurse"), "view=team&team=nurse");
        assert_eq!(ask("team", Some("auditor"), "front_desk"), "view=team&team=front_desk");
        assert_eq!(ask("team", Some("nurse"), "front_desk"), "view=team&team=nurse");
        assert_eq!(ask("", None, "privacy_officer"), "view=all");
        assert_eq!(ask("mine", None, "nurse"), "view=mine");
    }
}
