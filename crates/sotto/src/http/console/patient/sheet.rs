//! Everything the patient's page shows, read in one transaction and put into words.

use std::collections::HashMap;

use gate::facts::OptOut;
use gate::{Address, Channel, ConsentId, ContactPointId, Language, PatientId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::words::{self, When};
use super::say;
use crate::access::staff;
use crate::db::appointment::{self, AppointmentReply, AppointmentRow, AppointmentStatus};
use crate::db::caregiver::{self, CaregiverRow, Permission};
use crate::db::consent_event::{self, ConsentEventKind, ConsentEventRow};
use crate::db::contact_point::{self, AddressSource, ContactPointRow};
use crate::db::legal_hold;
use crate::db::patient::PatientRow;
use crate::db::restriction::{self, AlternativeRow, RestrictedThing, RestrictionRow};
use crate::db::{Tx, Word, attachment, clinician, patient, site, test_patient};
use crate::facts;
use crate::forms;
use crate::http::errors::Problem;
use crate::ids::{AttachmentId, StaffId};
use crate::office::Office;
use crate::people::caregivers::{open_caregiver, scope_from_words};
use crate::people::contact_points::open_address;
use crate::people::patients::open_person;
use crate::people::person::Person;
use crate::people::search::find;
use crate::people::search::query::Query;
use crate::people::told::RecordError;
use crate::people::{consents, merge, preferences};

/// How many appointments of the past and of the future are shown.
const VISITS: usize = 5;

/// What of the sheet is for the one who looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shows {
    /// The birth date, uncovered.
    pub birth: bool,
    /// That a tag was set, and when: who may read what it closes.
    pub tags: bool,
    /// Whether the record is held.
    pub holds: bool,
    /// The patient carries `part2` now, and they may know.
    pub part2: bool,
}

/// The sheet.
#[derive(Debug)]
pub(super) struct Sheet {
    pub id: String,
    pub banner: Banner,
    pub summary: Vec<Fact>,
    pub contacts: Vec<Contact>,
    pub consents: Vec<OnChannel>,
    pub history: Vec<String>,
    pub carers: Vec<Carer>,
    pub alternatives: Vec<Line>,
    pub restrictions: Vec<Line>,
    pub opt_outs: Vec<Stopped>,
    pub wishes: Wishes,
    pub coming: Vec<Visit>,
    pub past: Vec<Visit>,
    /// What they filled in before visits: the id, the title, when.
    pub forms: Vec<(String, String, String)>,
    /// Where a consent may be for: what a form sends, and words.
    pub places: Vec<(String, String)>,
    /// Contacts that can be named in a form.
    pub choices: Vec<(String, String)>,
    pub language: Language,
    pub in_use: bool,
}

/// Who this is, so that it is nobody else.
#[derive(Debug)]
pub(super) struct Banner {
    pub name: String,
    /// As one says it aloud in a waiting room.
    pub aloud: String,
    pub age: Option<u16>,
    pub language: String,
    /// Only where somebody asked to see it.
    pub born: Option<String>,
    pub has_birth_date: bool,
    pub marks: Vec<Mark>,
    pub merged_into: Option<String>,
    /// Records that became part of this one.
    pub older: Vec<String>,
    /// Others with this name, by their years of birth.
    pub namesakes: Vec<String>,
}

/// A word with a meaning.
#[derive(Debug)]
pub(super) struct Mark {
    pub tone: &'static str,
    pub words: String,
}

fn mark(tone: &'static str, words: impl Into<String>) -> Mark {
    Mark { tone, words: words.into() }
}

/// A line of the summary.
#[derive(Debug)]
pub(super) struct Fact {
    pub label: &'static str,
    pub to: &'static str,
    pub marks: Vec<Mark>,
}

/// A number or mailbox.
#[derive(Debug)]
pub(super) struct Contact {
    pub id: String,
    pub address: String,
    pub kind: &'static str,
    pub whose: Option<String>,
    pub source: &'static str,
    pub marks: Vec<Mark>,
    pub usable: bool,
}

/// The consents in force on a channel.
#[derive(Debug)]
pub(super) struct OnChannel {
    pub channel: &'static str,
    pub lines: Vec<Agreed>,
}

/// A consent in force.
#[derive(Debug)]
pub(super) struct Agreed {
    pub id: String,
    pub what: String,
    pub to: String,
    pub how: String,
    /// The pages of its scan: their addresses.
    pub scans: Vec<String>,
}

/// Somebody who acts for the patient.
#[derive(Debug)]
pub(super) struct Carer {
    pub id: String,
    pub name: String,
    pub relation: String,
    pub may: String,
    pub tone: &'static str,
    pub detail: String,
    pub scopes: Vec<(&'static str, &'static str, bool)>,
    pub representative: bool,
}

/// A restriction or a confidential contact.
#[derive(Debug)]
pub(super) struct Line {
    pub id: String,
    pub what: String,
    pub detail: String,
    pub tone: &'static str,
    pub in_force: bool,
}

/// An opt-out in force.
#[derive(Debug)]
pub(super) struct Stopped {
    pub contact: String,
    pub address: String,
    pub what: String,
    pub since: String,
    pub channel: &'static str,
    pub kind: &'static str,
    pub wrong_number: bool,
}

/// What the patient likes.
#[derive(Debug)]
pub(super) struct Wishes {
    pub words: String,
    pub channel: &'static str,
    pub from: String,
    pub until: String,
    pub kinds: Vec<(&'static str, String, bool)>,
}

/// An appointment.
#[derive(Debug)]
pub(super) struct Visit {
    pub at: When,
    pub with: String,
    pub status: &'static str,
    pub reply: Option<Mark>,
}

/// Reads the sheet. `show_birth` only where somebody asked for the birth date.
pub(super) fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
    shows: Shows,
) -> Result<Option<Sheet>, Problem> {
    let Some(row) = patient::get(tx, office.practice(), id)? else { return Ok(None) };
    let person = open_person(office.keys(), office.practice(), id, row.person_sealed.clone())
        .map_err(RecordError::from)?;
    let mut reader = Reader::new(office, id);
    let carers = reader.carers(tx)?;
    reader.contacts(tx)?;
    let language = match row.language.as_deref() {
        Some(tag) if tag.starts_with("es") => Language::Spanish,
        _ => Language::English,
    };
    let contacts = reader.contact_lines(tx)?;
    let (consents, history) = reader.consents(tx)?;
    let (alternatives, restrictions) = reader.bounds(tx, shows)?;
    let (coming, past) = reader.visits(tx)?;
    let opt_outs = reader.opt_outs();
    let banner = reader.banner(tx, (&row, &person), shows)?;
    let mut sheet = Sheet {
        id: id.to_string(),
        banner,
        summary: Vec::new(),
        contacts,
        consents,
        history,
        carers,
        alternatives,
        restrictions,
        opt_outs,
        wishes: reader.wishes(tx)?,
        coming,
        past,
        forms: reader.forms(tx)?,
        places: reader.places(),
        choices: reader.choices(),
        language,
        in_use: row.merged_into.is_none(),
    };
    sheet.summary = summary(&sheet);
    Ok(Some(sheet))
}

/// A contact point, opened.
struct Point {
    row: ContactPointRow,
    address: Address,
    opt_outs: Vec<OptOut>,
}

/// Reads the parts of one patient's sheet. Whoever is met twice is opened once.
struct Reader<'a> {
    office: &'a Office,
    id: PatientId,
    now: Timestamp,
    zone: TimeZone,
    points: Vec<Point>,
    carers: HashMap<crate::ids::CaregiverId, String>,
    staff: HashMap<String, String>,
}

impl<'a> Reader<'a> {
    fn new(office: &'a Office, id: PatientId) -> Self {
        Self {
            office,
            id,
            now: office.clock().now(),
            zone: office.profile().timezone.clone(),
            points: Vec::new(),
            carers: HashMap::new(),
            staff: HashMap::new(),
        }
    }

    fn day(&self, at: Timestamp) -> String {
        say::day(at, &self.zone)
    }

    fn banner(
        &self,
        tx: &mut Tx<'_>,
        (row, person): (&PatientRow, &Person),
        shows: Shows,
    ) -> Result<Banner, Problem> {
        let today = self.now.to_zoned(self.zone.clone()).date();
        let mut marks = Vec::new();
        if let Some(died) = row.deceased_at {
            let on = Timestamp::from_microsecond(died).ok().filter(|_| died != 0);
            let on = on.map_or(String::new(), |at| format!(" on {}", self.day(at)));
            marks.push(mark("stop", format!("Has died{on}")));
        } else if row.merged_into.is_some() {
            marks.push(mark("stop", "Merged into another record: nothing is written here"));
        } else if !row.active {
            marks.push(mark("wait", "No longer a patient"));
        }
        if test_patient::find(tx, self.office.practice(), self.id)?.is_some() {
            marks.push(mark("wait", "Made up, for the nightly self-test"));
        }
        if shows.holds {
            let practice = self.office.practice();
            let mut held = legal_hold::of_patient(tx, practice, self.id)?;
            let everybody = legal_hold::standing(tx, practice)?.into_iter();
            held.extend(everybody.filter(|hold| hold.patient_id.is_none()));
            let stands = held.iter().filter(|hold| hold.lifted_at.is_none());
            if let Some(first) = stands.map(|hold| hold.placed_at).min() {
                marks.push(mark("stop", format!("Legal hold since {}", self.day(first))));
            }
        }
        if shows.part2 {
            marks.push(mark("stop", say::PART2.to_owned()));
        }
        let born = person.birth_date.filter(|_| shows.birth);
        let aloud = format!("{} {}", person.first_name(), person.family);
        Ok(Banner {
            name: person.full_name(),
            aloud: aloud.trim().to_owned(),
            age: person.age_on(today),
            language: say::language(row.language.as_deref()),
            born: born.map(|born| born.strftime("%B %-d, %Y").to_string()),
            has_birth_date: person.birth_date.is_some(),
            marks,
            merged_into: row.merged_into.map(|id| id.to_string()),
            older: merge::older(tx, self.office.practice(), self.id)?
                .iter()
                .map(ToString::to_string)
                .collect(),
            namesakes: self.namesakes(tx, person)?,
        })
    }

    /// Others with the same first and last name: the wrong one is easily taken.
    fn namesakes(&self, tx: &mut Tx<'_>, person: &Person) -> Result<Vec<String>, Problem> {
        let first = person.given.split_whitespace().next().unwrap_or_default();
        let Some(query) = Query::name(first, &person.family) else { return Ok(Vec::new()) };
        let found = find::find(tx, self.office.into(), &query)?;
        let same = |other: &Person| {
            other.family.to_lowercase() == person.family.to_lowercase()
                && other.given.split_whitespace().next().map(str::to_lowercase)
                    == Some(first.to_lowercase())
        };
        let others = found.people.into_iter().filter(|one| one.id != self.id && same(&one.person));
        Ok(others
            .take(4)
            .map(|one| match one.person.birth_date {
                Some(born) => format!("born {}", born.year()),
                None => "birth date not on file".to_owned(),
            })
            .collect())
    }

    fn contacts(&mut self, tx: &mut Tx<'_>) -> Result<(), Problem> {
        let (keys, practice) = (self.office.keys(), self.office.practice());
        for row in contact_point::of_patient(tx, practice, self.id)? {
            let address =
                open_address(keys, practice, row.id, row.kind, row.address_sealed.clone())
                    .map_err(RecordError::from)?;
            let index = self.office.address_index(&address);
            let opt_outs = facts::opt_outs(tx, self.office, &index)?;
            self.points.push(Point { row, address, opt_outs });
        }
        Ok(())
    }

    fn usable(&self, row: &ContactPointRow) -> bool {
        row.dead.is_none() && row.valid_until.is_none_or(|until| self.now < until)
    }

    fn contact_lines(&self, tx: &mut Tx<'_>) -> Result<Vec<Contact>, Problem> {
        let mut lines = Vec::with_capacity(self.points.len());
        for point in &self.points {
            let mut marks = self.trust(&point.row);
            let same = contact_point::by_address(
                tx,
                self.office.practice(),
                &self.office.address_index(&point.address),
            )?;
            if same.iter().any(|other| other.patient_id != self.id && self.usable(other)) {
                marks.push(mark("wait", "Another patient has it too"));
            }
            for stop in &point.opt_outs {
                let what = say::opted_out(stop.channel, stop.kind);
                if !stop.wrong_number {
                    marks.push(mark("stop", format!("Opted out of {what}")));
                }
            }
            lines.push(Contact {
                id: point.row.id.to_string(),
                address: words::address(&point.address),
                kind: say::line(point.row.line),
                whose: point.row.caregiver_id.and_then(|id| self.carers.get(&id).cloned()),
                source: match point.row.source {
                    AddressSource::Chart => "from the chart",
                    AddressSource::Staff => "written down here",
                    AddressSource::Patient => "from the patient",
                },
                marks,
                usable: self.usable(&point.row),
            });
        }
        lines.sort_by_key(|line| !line.usable);
        Ok(lines)
    }

    /// What they filled in, the latest first.
    fn forms(&self, tx: &mut Tx<'_>) -> Result<Vec<(String, String, String)>, Problem> {
        let listed = forms::of_patient(tx, self.office, self.id)?;
        let line = |one: forms::Listed| {
            (one.id.to_string(), one.title, words::words_of(one.at, &self.zone))
        };
        Ok(listed.into_iter().map(line).collect())
    }

    /// How far an address can be trusted.
    fn trust(&self, row: &ContactPointRow) -> Vec<Mark> {
        let mut marks = Vec::new();
        if let Some(dead) = &row.dead {
            let since = row.dead_at.map_or(String::new(), |at| format!(", {}", self.day(at)));
            marks.push(mark("stop", format!("{}{since}", say::dead(dead))));
        } else if let Some(until) = row.valid_until.filter(|until| *until <= self.now) {
            marks.push(mark("plain", format!("Out of use since {}", self.day(until))));
        } else if let Some(at) = row.verified_at {
            let how = say::verified(row.verified_how.as_deref());
            marks.push(mark("ok", format!("{how}, {}", self.day(at))));
        } else {
            marks.push(mark("wait", "Nobody has verified it"));
        }
        if let Some(until) = row.valid_until.filter(|until| *until > self.now) {
            marks.push(mark("plain", format!("Until {}", say::last_day(until, &self.zone))));
        }
        if row.shared {
            marks.push(mark("wait", "Others read or hear what comes there"));
        }
        marks
    }

    fn address_of(&self, index: &[u8]) -> Option<String> {
        let point = self.points.iter().find(|point| point.row.address_index == index)?;
        Some(words::address(&point.address))
    }

    fn address_by_id(&self, id: &str) -> String {
        let id: Option<ContactPointId> = id.parse().ok();
        let point = self.points.iter().find(|point| Some(point.row.id) == id);
        point.map_or("an address that is gone".to_owned(), |point| words::address(&point.address))
    }

    fn consents(&mut self, tx: &mut Tx<'_>) -> Result<(Vec<OnChannel>, Vec<String>), Problem> {
        let rows = consent_event::of_patient(tx, self.office.practice(), self.id)?;
        let scans = attachment::of_consents(tx, self.office.practice(), self.id)?;
        let mut all: Vec<OnChannel> = Vec::new();
        for channel in [
            Channel::Sms,
            Channel::Email,
            Channel::Voicemail,
            Channel::RinglessVoicemail,
            Channel::Portal,
        ] {
            let lines: Vec<Agreed> = consents::in_force(&rows, self.now)
                .into_iter()
                .filter(|row| row.channel == channel)
                .map(|row| self.agreed(row, &scans))
                .collect();
            let asked = matches!(channel, Channel::Sms | Channel::Email);
            if asked || !lines.is_empty() {
                let channel = match channel {
                    Channel::Sms => "Texts",
                    other => words::channel_words(other.as_str()),
                };
                all.push(OnChannel { channel, lines });
            }
        }
        let mut history = Vec::with_capacity(rows.len());
        for row in rows.iter().rev() {
            let by = self.recorded_by(tx, &row.captured_by)?;
            let what = say::allows(row);
            let verb = match row.event {
                ConsentEventKind::Given => "given",
                ConsentEventKind::Revoked => "withdrawn",
            };
            let to = self.address_of(&row.address_index);
            let to = to.unwrap_or_else(|| "an address that is gone".to_owned());
            history.push(format!(
                "{}: {what}, {} {to}: {verb} {}. Written down by {by}.",
                self.day(row.captured_at),
                say::by(row.channel).to_lowercase(),
                say::method(row.method),
            ));
        }
        Ok((all, history))
    }

    fn agreed(&self, row: &ConsentEventRow, scans: &[(ConsentId, AttachmentId)]) -> Agreed {
        let mut how =
            vec![format!("given {} {}", say::method(row.method), self.day(row.captured_at))];
        how.extend(row.witness.as_ref().map(|who| format!("heard by {who}")));
        how.extend(row.evidence.as_ref().map(|place| format!("kept: {place}")));
        how.extend(row.text_version.as_ref().map(|text| format!("text {text}")));
        how.extend(
            row.valid_until.map(|until| format!("until {}", say::last_day(until, &self.zone))),
        );
        let to = if row.channel == Channel::Portal {
            "in the portal".to_owned()
        } else {
            let address = self.address_of(&row.address_index);
            address.unwrap_or_else(|| "an address that is gone".to_owned())
        };
        let scans = scans.iter().filter(|(consent, _)| *consent == row.consent_id);
        Agreed {
            id: row.consent_id.to_string(),
            what: say::allows(row),
            to,
            how: how.join("; "),
            scans: scans.map(|(_, file)| format!("/people/{}/files/{file}", self.id)).collect(),
        }
    }

    /// Whoever wrote something down, by name where they work here.
    fn recorded_by(&mut self, tx: &mut Tx<'_>, actor: &str) -> Result<String, Problem> {
        if let Some(known) = self.staff.get(actor) {
            return Ok(known.clone());
        }
        let id: Option<StaffId> = actor.strip_prefix("staff:").and_then(|id| id.parse().ok());
        let named = match id {
            Some(id) => staff::get(tx, self.office, id).ok().flatten().map(|one| one.named.name),
            None => None,
        };
        let name = named.unwrap_or_else(|| match actor.split(':').next().unwrap_or_default() {
            "patient" => "the patient".to_owned(),
            "token" => "a program".to_owned(),
            "operator" => "the command line".to_owned(),
            _ => "the practice".to_owned(),
        });
        self.staff.insert(actor.to_owned(), name.clone());
        Ok(name)
    }

    fn carers(&mut self, tx: &mut Tx<'_>) -> Result<Vec<Carer>, Problem> {
        let mut all = Vec::new();
        for row in caregiver::of_patient(tx, self.office.practice(), self.id)? {
            let person = open_caregiver(
                self.office.keys(),
                self.office.practice(),
                row.id,
                row.person_sealed.clone(),
            )
            .map_err(RecordError::from)?;
            let name = person.full_name();
            self.carers.insert(row.id, format!("{name}, {}", row.relation));
            all.push(self.carer(&row, name));
        }
        Ok(all)
    }

    fn carer(&self, row: &CaregiverRow, name: String) -> Carer {
        use gate::facts::Scope;
        let scope = scope_from_words(&row.scope);
        let over = row.valid_until.is_some_and(|until| until <= self.now);
        let hears: Vec<&str> = scope.iter().map(|scope| say::scope(*scope)).collect();
        let (tone, may) = if over {
            ("plain", "No longer: it has ended".to_owned())
        } else if row.representative {
            ("ok", "Acts for the patient in law".to_owned())
        } else if row.permission == Permission::None || scope.is_empty() {
            ("stop", "May hear nothing: only ask for a call back".to_owned())
        } else {
            ("ok", format!("May hear of {}", hears.join(", ")))
        };
        let mut detail = Vec::new();
        match row.permission {
            Permission::None => {}
            Permission::Spoken => detail.push("permitted by word".to_owned()),
            Permission::Written => detail.push("permitted in writing".to_owned()),
        }
        detail.extend(row.evidence.as_ref().map(|place| format!("kept: {place}")));
        detail.extend(
            row.valid_until.map(|until| format!("until {}", say::last_day(until, &self.zone))),
        );
        let all = [Scope::CallBack, Scope::Appointments, Scope::Billing, Scope::Clinical];
        Carer {
            id: row.id.to_string(),
            name,
            relation: row.relation.clone(),
            may,
            tone,
            detail: detail.join("; "),
            scopes: all.map(|one| (one.word(), say::scope(one), scope.contains(&one))).to_vec(),
            representative: row.representative,
        }
    }

    fn bounds(&self, tx: &mut Tx<'_>, shows: Shows) -> Result<(Vec<Line>, Vec<Line>), Problem> {
        let practice = self.office.practice();
        let elsewhere = restriction::alternatives_of(tx, practice, self.id)?;
        let bounds = restriction::of_patient(tx, practice, self.id)?;
        Ok((
            elsewhere.iter().rev().map(|row| self.alternative(row)).collect(),
            bounds
                .iter()
                .rev()
                .filter(|row| shows.tags || row.what != RestrictedThing::Part2)
                .map(|row| self.restriction(row))
                .collect(),
        ))
    }

    fn alternative(&self, row: &AlternativeRow) -> Line {
        let in_force =
            row.valid_from <= self.now && row.valid_until.is_none_or(|until| self.now < until);
        let place = row.contact_point_id.map(|id| self.address_by_id(&id.to_string()));
        let what = match (row.channel, place) {
            (Some(channel), Some(place)) => {
                format!("{} {place} and nowhere else", say::by(channel))
            }
            (Some(channel), None) => {
                format!("Nothing by {}", words::channel_words(channel.as_str()).to_lowercase())
            }
            (None, Some(place)) => format!("Everything to {place}, but for the portal"),
            (None, None) => "Nothing but the portal".to_owned(),
        };
        let mut detail = vec![format!("since {}", self.day(row.valid_from))];
        detail.extend(
            row.valid_until.map(|until| format!("until {}", say::last_day(until, &self.zone))),
        );
        detail.extend(row.evidence.as_ref().map(|place| format!("kept: {place}")));
        let tone = if in_force { "stop" } else { "plain" };
        Line { id: row.id.to_string(), what, detail: detail.join("; "), tone, in_force }
    }

    fn restriction(&self, row: &RestrictionRow) -> Line {
        let in_force = row.in_force(self.now);
        let contact = row.value.as_deref().map(|id| self.address_by_id(id)).unwrap_or_default();
        let what = say::restriction(row.what, row.value.as_deref(), &contact);
        let mut detail = vec![format!("{}, {}", say::status(row.status), self.day(row.valid_from))];
        detail.extend(
            row.valid_until.map(|until| format!("until {}", say::last_day(until, &self.zone))),
        );
        let tone = if in_force { "stop" } else { "plain" };
        Line { id: row.id.to_string(), what, detail: detail.join("; "), tone, in_force }
    }

    fn opt_outs(&self) -> Vec<Stopped> {
        let mut all = Vec::new();
        let mut seen: Vec<&[u8]> = Vec::new();
        for point in &self.points {
            if seen.contains(&point.row.address_index.as_slice()) {
                continue;
            }
            seen.push(&point.row.address_index);
            for stop in &point.opt_outs {
                all.push(Stopped {
                    contact: point.row.id.to_string(),
                    address: words::address(&point.address),
                    what: if stop.wrong_number {
                        "everything: somebody else’s number".to_owned()
                    } else {
                        say::opted_out(stop.channel, stop.kind)
                    },
                    since: self.day(stop.since),
                    channel: stop.channel.map_or("", Channel::as_str),
                    kind: stop.kind.map_or("", gate::Kind::as_str),
                    wrong_number: stop.wrong_number,
                });
            }
        }
        all
    }

    fn wishes(&self, tx: &mut Tx<'_>) -> Result<Wishes, Problem> {
        let wishes = preferences::get(tx, self.office.into(), self.id)?;
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let mut said = Vec::new();
        said.extend(wishes.channel.map(|channel| {
            let word = words::channel_words(channel.as_str()).to_lowercase();
            format!("{word} liked best")
        }));
        said.extend(
            wishes
                .hours
                .map(|(from, until)| format!("between {} and {}", clock(from), clock(until))),
        );
        let off: Vec<String> = wishes
            .kinds_off
            .iter()
            .map(|kind| words::kind_words(kind.as_str()).to_lowercase())
            .collect();
        if !off.is_empty() {
            said.push(format!("without: {}", off.join(", ")));
        }
        let programme = gate::Kind::ALL.iter().copied().filter(|kind| {
            crate::compose::kinds::rules(*kind).is_some_and(|rules| rules.programme)
        });
        Ok(Wishes {
            words: if said.is_empty() { "Nothing said.".to_owned() } else { said.join("; ") },
            channel: wishes.channel.map_or("", Channel::as_str),
            from: wishes.hours.map_or(String::new(), |(from, _)| clock(from)),
            until: wishes.hours.map_or(String::new(), |(_, until)| clock(until)),
            kinds: programme
                .map(|kind| {
                    let off = wishes.kinds_off.contains(&kind);
                    (kind.as_str(), words::kind_words(kind.as_str()), off)
                })
                .collect(),
        })
    }

    fn visits(&self, tx: &mut Tx<'_>) -> Result<(Vec<Visit>, Vec<Visit>), Problem> {
        let practice = self.office.practice();
        let span = SignedDuration::from_hours(24 * 730);
        let (first, last) = (
            self.now.checked_sub(span).unwrap_or(Timestamp::MIN),
            self.now.checked_add(span).unwrap_or(Timestamp::MAX),
        );
        let coming = appointment::of_patient(tx, practice, self.id, (self.now, last))?;
        let past = appointment::of_patient(tx, practice, self.id, (first, self.now))?;
        let mut shown = (Vec::new(), Vec::new());
        for row in coming.iter().take(VISITS) {
            shown.0.push(self.visit(tx, row)?);
        }
        for row in past.iter().rev().take(VISITS) {
            shown.1.push(self.visit(tx, row)?);
        }
        Ok(shown)
    }

    fn visit(&self, tx: &mut Tx<'_>, row: &AppointmentRow) -> Result<Visit, Problem> {
        let practice = self.office.practice();
        let doctor = match row.clinician_id {
            Some(id) => clinician::get(tx, practice, id)?,
            None => None,
        };
        let place = match row.site_id {
            Some(id) => site::get(tx, practice, id)?,
            None => None,
        };
        let mut with = Vec::new();
        with.extend(doctor.map(|one| {
            format!("{} {}", one.prefix.unwrap_or_default(), one.family_name).trim().to_owned()
        }));
        with.extend(place.map(|one| one.name));
        Ok(Visit {
            at: When::new(row.starts_at, self.now, &self.zone),
            with: with.join(", "),
            status: match row.status {
                AppointmentStatus::Booked => "booked",
                AppointmentStatus::Cancelled => "cancelled",
                AppointmentStatus::Fulfilled => "came",
                AppointmentStatus::NoShow => "did not come",
            },
            reply: row.reply.map(|reply| match reply {
                AppointmentReply::Confirmed => mark("ok", "Confirmed"),
                AppointmentReply::Declined => mark("stop", "Cannot come"),
                AppointmentReply::Reschedule => mark("wait", "Asks for another time"),
            }),
        })
    }

    /// Where a consent may be for.
    fn places(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for point in self.points.iter().filter(|point| self.usable(&point.row)) {
            let channels: &[Channel] = match point.address {
                Address::Phone(_) => &[Channel::Sms, Channel::Voicemail],
                Address::Email(_) => &[Channel::Email],
                Address::Portal => &[],
            };
            for channel in channels {
                let words = format!("{} {}", say::by(*channel), words::address(&point.address));
                all.push((format!("{} {}", channel.as_str(), point.row.id), words));
            }
        }
        all.push(("portal".to_owned(), "The portal".to_owned()));
        all
    }

    fn choices(&self) -> Vec<(String, String)> {
        let usable = self.points.iter().filter(|point| self.usable(&point.row));
        usable.map(|point| (point.row.id.to_string(), words::address(&point.address))).collect()
    }
}

/// The five things one wants to know before saying a word.
fn summary(sheet: &Sheet) -> Vec<Fact> {
    let reach = sheet.contacts.iter().find(|contact| contact.usable && contact.whose.is_none());
    let reach = match reach {
        Some(contact) => mark("plain", format!("{} {}", contact.kind, contact.address)),
        None => mark("stop", "No number or mailbox in use"),
    };
    let agreed = sheet.consents.iter().map(|on| {
        if on.lines.is_empty() {
            mark("stop", format!("{}: not asked", on.channel))
        } else {
            mark("ok", format!("{}: yes", on.channel))
        }
    });
    let mut never: Vec<Mark> = sheet
        .restrictions
        .iter()
        .chain(&sheet.alternatives)
        .filter(|line| line.in_force)
        .map(|line| mark("stop", line.what.clone()))
        .collect();
    never.extend(
        sheet
            .opt_outs
            .iter()
            .map(|stop| mark("stop", format!("{}: opted out of {}", stop.address, stop.what))),
    );
    if never.is_empty() {
        never.push(mark("plain", "Nothing on file"));
    }
    let mut hears: Vec<Mark> = sheet
        .carers
        .iter()
        .filter(|carer| carer.tone == "ok")
        .map(|carer| {
            mark("ok", format!("{} ({}): {}", carer.name, carer.relation, carer.may.to_lowercase()))
        })
        .collect();
    if hears.is_empty() {
        hears.push(mark("plain", "Nobody but the patient"));
    }
    let next = sheet.coming.iter().find(|visit| visit.status == "booked");
    let next = match next {
        Some(visit) => mark("plain", format!("{} {}", visit.at.absolute, visit.with)),
        None => mark("plain", "None booked"),
    };
    vec![
        Fact { label: "Reach", to: "#contacts", marks: vec![reach] },
        Fact { label: "Agreed to", to: "#consents", marks: agreed.collect() },
        Fact { label: "Next visit", to: "#visits", marks: vec![next] },
        Fact { label: "May hear", to: "#carers", marks: hears },
        Fact { label: "Never", to: "#bounds", marks: never },
    ]
}
