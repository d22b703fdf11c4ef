//! Storing what a file says: find, compare, write what differs, with an audit entry for each.

use std::collections::HashMap;

use gate::{ContactPointId, PatientId};
use jiff::Timestamp;

use crate::audit::{self, Actor, Event, Log};
use crate::db::appointment::{AppointmentRow, AppointmentStatus};
use crate::db::caregiver::{CaregiverRow, Permission};
use crate::db::clinician::ClinicianRow;
use crate::db::contact_point::{AddressSource, ContactPointRow};
use crate::db::import_file::ImportFileRow;
use crate::db::patient::{IdentifierRow, PatientRow};
use crate::db::site::SiteRow;
use crate::db::{self, Tx, registry};
use crate::ids::{CaregiverId, ClinicianId, Id as _, SiteId};
use crate::office::Office;
use crate::people::caregivers::{open_caregiver, seal_caregiver};
use crate::people::contact_points::{address_index, seal_address};
use crate::people::home_zones;
use crate::people::import::record::{
    AppointmentRecord, CaregiverRecord, ClinicianRecord, Contacts, FHIR_ID, PatientRecord, Record,
    SiteRecord, SpeaksFor,
};
use crate::people::import::report::{Fate, ImportError, Reason, Report};
use crate::people::patients::{open_person, seal_identifier, seal_person};
use crate::people::person::Person;
use crate::people::search;
use crate::schedule::{Booking, Change, appointments};

/// How many new patients get their keys together.
const BATCH: usize = 64;

/// How many records may wait for others that come later in the file.
const WAITING: usize = 1_000_000;

/// One file to import.
pub struct Job<'a> {
    /// Whose practice.
    pub office: &'a Office,
    /// Who imports.
    pub actor: Actor,
    /// Look, but store nothing.
    pub dry_run: bool,
}

/// Applies records one by one. Dropping it without [`finish`](Self::finish) leaves the
/// transaction half done: return the error, and it is rolled back.
pub(super) struct Applier<'t, 'c, 'j> {
    tx: &'t mut Tx<'c>,
    job: Job<'j>,
    log: Log<'j>,
    pub(super) report: Report,
    patients: Vec<PatientRecord>,
    waiting: Vec<Record>,
    links: Vec<(String, PatientId, Link)>,
    /// In a dry run: patients that would be on file by now.
    would_be: HashMap<(String, [u8; 32]), PatientId>,
}

enum Link {
    ReplacedBy(String),
    Replaces(String),
}

impl<'t, 'c, 'j> Applier<'t, 'c, 'j> {
    pub(super) fn new(tx: &'t mut Tx<'c>, job: Job<'j>) -> Self {
        let report = Report { dry_run: job.dry_run, ..Report::default() };
        Self {
            tx,
            log: Log::from(job.office),
            job,
            report,
            patients: Vec::new(),
            waiting: Vec::new(),
            links: Vec::new(),
            would_be: HashMap::new(),
        }
    }

    /// Takes a record; what refers to patients waits until all of them are known.
    pub(super) fn take(&mut self, record: Record) -> Result<(), ImportError> {
        match record {
            Record::Patient(patient) => {
                self.patients.push(*patient);
                if self.patients.len() >= BATCH {
                    self.store_patients()?;
                }
                Ok(())
            }
            Record::Clinician(clinician) => self.clinician(clinician),
            Record::Site(site) => self.site(site),
            waiting @ (Record::Caregiver(_) | Record::Appointment(_)) => {
                if self.waiting.len() >= WAITING {
                    return Err(ImportError::TooMany { limit: WAITING });
                }
                self.waiting.push(waiting);
                Ok(())
            }
        }
    }

    /// Stores what waited and notes the file itself.
    pub(super) fn finish(mut self, kind: &str, digest: [u8; 32]) -> Result<Report, ImportError> {
        self.store_patients()?;
        for (at, patient, link) in std::mem::take(&mut self.links) {
            self.link(at, patient, &link)?;
        }
        for record in std::mem::take(&mut self.waiting) {
            match record {
                Record::Caregiver(caregiver) => self.caregiver(&caregiver)?,
                Record::Appointment(appointment) => self.appointment(*appointment)?,
                Record::Patient(_) | Record::Clinician(_) | Record::Site(_) => {}
            }
        }
        if self.job.dry_run {
            return Err(ImportError::DryRun(Box::new(self.report)));
        }
        let log = self.log;
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let row = ImportFileRow {
            id: log.clock.new_id(),
            kind: kind.to_owned(),
            digest,
            imported: count(self.report.imported),
            updated: count(self.report.updated),
            unchanged: count(self.report.unchanged),
            skipped: count(self.report.skipped),
            finished_at: log.clock.now(),
        };
        db::import_file::add(self.tx, log.practice, &row)?;
        let event = Event::new(audit::Kind::FileImported, self.job.actor.clone())
            .about(registry::IMPORT_FILE, row.id);
        audit::append(self.tx, log, event)?;
        Ok(self.report)
    }

    // ── patients ────────────────────────────────────────────────────────────────────────────

    fn index(&self, system: &str, value: &str) -> [u8; 32] {
        self.log.keys.blind_index(&format!("identifier {system}"), value.as_bytes())
    }

    fn find(&mut self, system: &str, value: &str) -> Result<Option<PatientId>, ImportError> {
        let index = self.index(system, value);
        if let Some(id) = self.would_be.get(&(system.to_owned(), index)) {
            return Ok(Some(*id));
        }
        Ok(db::patient::by_identifier(self.tx, self.log.practice, system, &index)?)
    }

    fn store_patients(&mut self) -> Result<(), ImportError> {
        let records = std::mem::take(&mut self.patients);
        if !self.job.dry_run {
            let mut fresh = Vec::new();
            for record in &records {
                let mut known = false;
                for (system, value) in &record.identifiers {
                    known = known || self.find(system, value)?.is_some();
                }
                fresh.push((!known).then(|| PatientId::new(self.log.clock)));
            }
            let keys: Vec<String> = fresh.iter().flatten().map(ToString::to_string).collect();
            self.log.keys.prepare_patients(keys.iter().map(String::as_str))?;
            for (record, id) in records.into_iter().zip(fresh) {
                self.patient(record, id)?;
            }
            return Ok(());
        }
        records.into_iter().try_for_each(|record| self.patient(record, None))
    }

    fn patient(
        &mut self,
        record: PatientRecord,
        prepared: Option<PatientId>,
    ) -> Result<(), ImportError> {
        let mut found: Option<PatientId> = None;
        for (system, value) in &record.identifiers {
            if let Some(id) = self.find(system, value)? {
                if found.is_some_and(|other| other != id) {
                    self.report.skip(record.at, Reason::SeveralPatients);
                    return Ok(());
                }
                found = Some(id);
            }
        }
        if record.identifiers.is_empty() {
            self.report.skip(record.at, Reason::NoIdentifier);
            return Ok(());
        }
        let log = self.log;
        let on_file = match found {
            Some(id) => db::patient::get(self.tx, log.practice, id)?,
            None => None,
        };
        if let Some(row) = &on_file
            && row.merged_into.is_some()
            && record.replaced_by.is_none()
        {
            self.report.skip(record.at, Reason::Merged);
            return Ok(());
        }
        let mut person = match &on_file {
            Some(row) => open_person(log.keys, log.practice, row.id, row.person_sealed.clone())?,
            None => Person::default(),
        };
        let before = person.clone();
        record.write_to(&mut person);
        if person.given.is_empty() && person.family.is_empty() {
            self.report.skip(record.at, Reason::NoName);
            return Ok(());
        }
        let id = found.or(prepared).unwrap_or_else(|| PatientId::new(log.clock));
        let new = on_file.is_none();
        let mut changed = self.patient_row(&record, on_file, id, (&before, &person))?;
        changed |= self.identifiers(&record, id)?;
        changed |= self.contacts(id, None, &record.contacts)?;
        if changed {
            self.refresh(id)?;
            let event = Event::new(audit::Kind::PatientChanged, self.job.actor.clone())
                .about(registry::PATIENT, id)
                .patient(id);
            self.audit(event)?;
        }
        if let Some(by) = record.replaced_by {
            self.links.push((record.at.clone(), id, Link::ReplacedBy(by)));
        }
        for old in record.replaces {
            self.links.push((record.at.clone(), id, Link::Replaces(old)));
        }
        self.report.count(match (new, changed) {
            (true, _) => Fate::Imported,
            (false, true) => Fate::Updated,
            (false, false) => Fate::Unchanged,
        });
        Ok(())
    }

    /// Writes the patient's own row where it differs.
    fn patient_row(
        &mut self,
        record: &PatientRecord,
        on_file: Option<PatientRow>,
        id: PatientId,
        (before, person): (&Person, &Person),
    ) -> Result<bool, ImportError> {
        let log = self.log;
        let old = on_file.unwrap_or_else(|| PatientRow {
            id,
            person_sealed: Vec::new(),
            language: None,
            timezone: None,
            deceased_at: None,
            active: true,
            merged_into: None,
            updated_at: Timestamp::UNIX_EPOCH,
        });
        let mut row = old.clone();
        if let Some(language) = &record.language {
            row.language.clone_from(language);
        }
        if record.home.is_some() {
            let zone = person.home.as_ref().and_then(home_zones::zone_of);
            row.timezone = zone.map(str::to_owned);
        }
        if let Some(deceased) = record.deceased {
            row.deceased_at = deceased.column();
        }
        if row.merged_into.is_none() {
            row.active = record.active.unwrap_or(row.active);
        }
        if row == old && before == person {
            return Ok(false);
        }
        if !self.job.dry_run {
            row.person_sealed = seal_person(log.keys, log.practice, id, person)?;
            row.updated_at = log.clock.now();
            db::patient::put(self.tx, log.practice, &row)?;
        }
        Ok(true)
    }

    /// Adds the identifiers that are not on file yet.
    fn identifiers(&mut self, record: &PatientRecord, id: PatientId) -> Result<bool, ImportError> {
        let log = self.log;
        let mut changed = false;
        for (system, value) in &record.identifiers {
            if self.find(system, value)?.is_some() {
                continue;
            }
            changed = true;
            let index = self.index(system, value);
            if self.job.dry_run {
                self.would_be.insert((system.clone(), index), id);
                continue;
            }
            let row_id = log.clock.new_id();
            let sealed = seal_identifier(log.keys, log.practice, (id, row_id), value)?;
            let row = IdentifierRow {
                id: row_id,
                patient_id: id,
                system: system.clone(),
                value_index: index.to_vec(),
                value_sealed: sealed,
            };
            db::patient::add_identifier(self.tx, log.practice, &row)?;
        }
        Ok(changed)
    }

    /// Follows `Patient.link`: the record that was replaced is put out of use, and the stricter
    /// wishes of both hold for the one that stays (RULEBOOK §9).
    fn link(&mut self, at: String, patient: PatientId, link: &Link) -> Result<(), ImportError> {
        let (Link::ReplacedBy(other) | Link::Replaces(other)) = link;
        let Some(other) = self.find(FHIR_ID, other)? else {
            self.report.part(at, Reason::UnknownLink);
            return Ok(());
        };
        let (from, into) = match link {
            Link::ReplacedBy(_) => (patient, other),
            Link::Replaces(_) => (other, patient),
        };
        if from == into || self.job.dry_run {
            return Ok(());
        }
        if crate::people::merge::merge(self.tx, self.log, from, into)? {
            let event = Event::new(audit::Kind::PatientChanged, self.job.actor.clone())
                .about(registry::PATIENT, from)
                .patient(from)
                .patient(into)
                .code("merged");
            self.audit(event)?;
        }
        Ok(())
    }

    // ── addresses ───────────────────────────────────────────────────────────────────────────

    /// Brings the chart's addresses in line. Others stay as they are: those of staff and patients,
    /// what was verified, what failed, and whatever an alternative contact points to (PRIV-05).
    fn contacts(
        &mut self,
        patient: PatientId,
        caregiver: Option<CaregiverId>,
        contacts: &Contacts,
    ) -> Result<bool, ImportError> {
        let log = self.log;
        let now = log.clock.now();
        let mut on_file = db::contact_point::of_patient(self.tx, log.practice, patient)?;
        on_file.retain(|row| row.caregiver_id == caregiver);
        let mut changed = false;
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for (rank, given) in (1_u32..).zip(&contacts.given) {
            let index = address_index(log.keys, &given.address).to_vec();
            if seen.contains(&index) {
                continue;
            }
            let known = on_file.iter().find(|row| row.address_index == index);
            let mut row = match known {
                Some(row) if row.source != AddressSource::Chart => {
                    seen.push(index);
                    continue;
                }
                Some(row) => row.clone(),
                None => {
                    let id = ContactPointId::new(log.clock);
                    let sealed = if self.job.dry_run {
                        Vec::new()
                    } else {
                        seal_address(log.keys, log.practice, patient, id, &given.address)?
                    };
                    ContactPointRow {
                        id,
                        patient_id: patient,
                        caregiver_id: caregiver,
                        kind: given.address.kind(),
                        address_sealed: sealed,
                        address_index: index.clone(),
                        line: given.line,
                        place: None,
                        rank,
                        shared: false,
                        source: AddressSource::Chart,
                        verified_at: None,
                        verified_how: None,
                        valid_from: None,
                        valid_until: None,
                        dead: None,
                        dead_at: None,
                        updated_at: now,
                    }
                }
            };
            // What a look-up found out about a line beats what a chart does not know.
            if row.line == gate::facts::Line::Unknown {
                row.line = given.line;
            }
            row.place = given.place;
            row.rank = rank;
            row.valid_from = given.valid_from;
            row.valid_until = given.valid_until;
            seen.push(index);
            if known != Some(&row) {
                changed = true;
                row.updated_at = now;
                self.put_contact(&row)?;
            }
        }
        Ok(changed | self.end_missing(patient, contacts, &on_file, &seen)?)
    }

    /// Ends the chart's addresses that the record speaks for and no longer gives.
    fn end_missing(
        &mut self,
        patient: PatientId,
        contacts: &Contacts,
        on_file: &[ContactPointRow],
        seen: &[Vec<u8>],
    ) -> Result<bool, ImportError> {
        let log = self.log;
        let now = log.clock.now();
        let mut changed = false;
        for row in on_file {
            let spoken_for = match &contacts.speaks_for {
                SpeaksFor::Given => false,
                SpeaksFor::All => true,
                SpeaksFor::Columns(columns) => columns.contains(&(row.kind, row.place)),
            };
            let ended = row.valid_until.is_some_and(|until| until <= now);
            if !spoken_for
                || ended
                || row.source != AddressSource::Chart
                || seen.contains(&row.address_index)
            {
                continue;
            }
            let alternatives = db::restriction::alternatives_of(self.tx, log.practice, patient)?;
            if alternatives.iter().any(|wish| wish.contact_point_id == Some(row.id)) {
                continue;
            }
            changed = true;
            let row = ContactPointRow { valid_until: Some(now), updated_at: now, ..row.clone() };
            self.put_contact(&row)?;
        }
        Ok(changed)
    }

    /// What the patient is found by follows.
    fn refresh(&mut self, patient: PatientId) -> Result<(), ImportError> {
        if !self.job.dry_run {
            search::index::refresh(self.tx, self.log, patient)?;
        }
        Ok(())
    }

    fn put_contact(&mut self, row: &ContactPointRow) -> Result<(), ImportError> {
        if !self.job.dry_run {
            db::contact_point::put(self.tx, self.log.practice, row)?;
        }
        Ok(())
    }

    // ── people and places ───────────────────────────────────────────────────────────────────

    fn caregiver(&mut self, record: &CaregiverRecord) -> Result<(), ImportError> {
        let log = self.log;
        let Some(patient) = self.find(FHIR_ID, &record.patient)? else {
            self.report.skip(record.at.clone(), Reason::UnknownPatient);
            return Ok(());
        };
        let now = log.clock.now();
        let on_file = db::caregiver::of_patient(self.tx, log.practice, patient)?
            .into_iter()
            .find(|row| row.external_id.as_deref() == Some(&record.external_id));
        let new = on_file.is_none();
        let before = match &on_file {
            Some(row) => {
                Some(open_caregiver(log.keys, log.practice, row.id, row.person_sealed.clone())?)
            }
            None => None,
        };
        let old = on_file.unwrap_or_else(|| CaregiverRow {
            id: CaregiverId::new(log.clock),
            patient_id: patient,
            external_id: Some(record.external_id.clone()),
            person_sealed: Vec::new(),
            relation: record.relation.to_owned(),
            representative: false,
            scope: String::new(),
            permission: Permission::None,
            evidence: None,
            valid_from: record.valid_from,
            valid_until: record.valid_until,
            recorded_by: self.job.actor.to_string(),
            updated_at: now,
        });
        let mut row = CaregiverRow { relation: record.relation.to_owned(), ..old.clone() };
        // The period of a permission is the staff's; without one, the chart's.
        if row.permission == Permission::None && !row.representative {
            row.valid_from = record.valid_from;
            row.valid_until = record.valid_until;
        }
        if record.ended && row.valid_until.is_none_or(|until| until > now) {
            row.valid_until = old.valid_until.filter(|until| *until <= now).or(Some(now));
        }
        let mut changed = new || row != old || before.as_ref() != Some(&record.person);
        if changed && !self.job.dry_run {
            let whom = (patient, row.id);
            row.person_sealed = seal_caregiver(log.keys, log.practice, whom, &record.person)?;
            row.updated_at = now;
            db::caregiver::put(self.tx, log.practice, &row)?;
        }
        changed |= self.contacts(patient, Some(row.id), &record.contacts)?;
        if changed {
            self.refresh(patient)?;
            let event = Event::new(audit::Kind::PatientChanged, self.job.actor.clone())
                .about(registry::CAREGIVER, row.id)
                .patient(patient);
            self.audit(event)?;
        }
        self.count(new, changed);
        Ok(())
    }

    fn clinician(&mut self, record: ClinicianRecord) -> Result<(), ImportError> {
        let log = self.log;
        let old = db::clinician::by_external_id(self.tx, log.practice, &record.external_id)?;
        let new = old.is_none();
        let row = ClinicianRow {
            id: old.as_ref().map_or_else(|| ClinicianId::new(log.clock), |row| row.id),
            external_id: Some(record.external_id),
            prefix: record.prefix,
            given_name: record.given,
            family_name: record.family,
            active: record.active,
            updated_at: old.as_ref().map_or_else(|| log.clock.now(), |row| row.updated_at),
        };
        let changed = old.as_ref() != Some(&row);
        if changed && !self.job.dry_run {
            let row = ClinicianRow { updated_at: log.clock.now(), ..row };
            db::clinician::put(self.tx, log.practice, &row)?;
            let event = Event::new(audit::Kind::PracticeChanged, self.job.actor.clone())
                .about(registry::CLINICIAN, row.id);
            self.audit(event)?;
        }
        self.count(new, changed);
        Ok(())
    }

    fn site(&mut self, record: SiteRecord) -> Result<(), ImportError> {
        let log = self.log;
        let old = db::site::by_external_id(self.tx, log.practice, &record.external_id)?;
        let new = old.is_none();
        let zone = record.home.as_ref().and_then(home_zones::zone_of).map(str::to_owned);
        let home = record.home.unwrap_or_default();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let row = SiteRow {
            id: old.as_ref().map_or_else(|| SiteId::new(log.clock), |row| row.id),
            external_id: Some(record.external_id),
            name: record.name,
            street: some(home.street),
            city: some(home.city),
            region: some(home.region),
            postal_code: some(home.postal_code),
            phone: record.phone,
            timezone: zone,
            updated_at: old.as_ref().map_or_else(|| log.clock.now(), |row| row.updated_at),
        };
        let changed = old.as_ref() != Some(&row);
        if changed && !self.job.dry_run {
            let row = SiteRow { updated_at: log.clock.now(), ..row };
            db::site::put(self.tx, log.practice, &row)?;
            let event = Event::new(audit::Kind::PracticeChanged, self.job.actor.clone())
                .about(registry::SITE, row.id);
            self.audit(event)?;
        }
        self.count(new, changed);
        Ok(())
    }

    // ── schedule ────────────────────────────────────────────────────────────────────────────

    fn appointment(&mut self, record: AppointmentRecord) -> Result<(), ImportError> {
        let log = self.log;
        if record.ends_at.is_some_and(|end| end < record.starts_at) {
            self.report.skip(record.at, Reason::BadTime);
            return Ok(());
        }
        let (system, value) = &record.patient;
        let Some(patient) = self.find(system, value)? else {
            self.report.skip(record.at, Reason::UnknownPatient);
            return Ok(());
        };
        let clinician = self.clinician_of(&record)?;
        let site = self.site_of(&record)?;
        let old = db::appointment::by_external_id(self.tx, log.practice, &record.external_id)?;
        if old.is_none() && record.status == AppointmentStatus::Cancelled {
            self.report.skip(record.at, Reason::NotBooked);
            return Ok(());
        }
        let booking = Booking {
            external_id: record.external_id,
            patient,
            // A file that names no clinician or site takes none away.
            clinician: clinician.or(old.as_ref().and_then(|row| row.clinician_id)),
            site: site.or(old.as_ref().and_then(|row| row.site_id)),
            starts_at: record.starts_at,
            ends_at: record.ends_at,
            status: record.status,
        };
        let change = if self.job.dry_run {
            match &old {
                None => Change::Added,
                Some(row) if same(row, &booking) => Change::Unchanged,
                Some(_) => Change::Updated,
            }
        } else {
            // Reminders follow in this same transaction.
            appointments::upsert(self.tx, self.job.office, &booking, &self.job.actor)?.1
        };
        self.report.count(match change {
            Change::Added => Fate::Imported,
            Change::Updated => Fate::Updated,
            Change::Unchanged => Fate::Unchanged,
        });
        Ok(())
    }

    fn clinician_of(
        &mut self,
        record: &AppointmentRecord,
    ) -> Result<Option<ClinicianId>, ImportError> {
        let Some((external_id, name)) = &record.clinician else { return Ok(None) };
        let practice = self.log.practice;
        let found = db::clinician::by_external_id(self.tx, practice, external_id)?;
        if let (None, Some(name)) = (&found, name) {
            self.clinician(ClinicianRecord {
                at: record.at.clone(),
                external_id: external_id.clone(),
                prefix: None,
                given: None,
                family: name.clone(),
                active: true,
            })?;
            let made = db::clinician::by_external_id(self.tx, practice, external_id)?;
            return Ok(made.map(|row| row.id));
        }
        Ok(found.map(|row| row.id))
    }

    fn site_of(&mut self, record: &AppointmentRecord) -> Result<Option<SiteId>, ImportError> {
        let Some((external_id, name)) = &record.site else { return Ok(None) };
        let practice = self.log.practice;
        let found = db::site::by_external_id(self.tx, practice, external_id)?;
        if let (None, Some(name)) = (&found, name) {
            self.site(SiteRecord {
                at: record.at.clone(),
                external_id: external_id.clone(),
                name: name.clone(),
                home: None,
                phone: None,
            })?;
            let made = db::site::by_external_id(self.tx, practice, external_id)?;
            return Ok(made.map(|row| row.id));
        }
        Ok(found.map(|row| row.id))
    }

    fn count(&mut self, new: bool, changed: bool) {
        self.report.count(match (new, changed) {
            (true, _) => Fate::Imported,
            (false, true) => Fate::Updated,
            (false, false) => Fate::Unchanged,
        });
    }

    fn audit(&mut self, event: Event) -> Result<(), ImportError> {
        if !self.job.dry_run {
            audit::append(self.tx, self.log, event)?;
        }
        Ok(())
    }
}

/// Whether a booking says what is on file.
fn same(row: &AppointmentRow, booking: &Booking) -> bool {
    row.patient_id == booking.patient
        && row.clinician_id == booking.clinician
        && row.site_id == booking.site
        && row.starts_at == booking.starts_at
        && row.ends_at == booking.ends_at
        && row.status == booking.status
}
