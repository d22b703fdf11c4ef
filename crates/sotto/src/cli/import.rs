//! `sotto import`: patients and appointments from FHIR bundles and CSV files.

use std::collections::HashMap;
use std::fs::File;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::open::{self, Which};
use crate::audit::Actor;
use crate::db::{Db, Tx};
use crate::office::Office;
use crate::people::import::report::Places;
use crate::people::import::{
    CsvKind, ImportError, Job, Mapping, Reason, Report, csv_file, fhir, record::MRN,
};

/// Bring in patients and appointments. One file is one transaction: all of it or nothing. Importing
/// a file again changes nothing. Alternative contacts and opt-outs are never overwritten.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// FHIR R4 bundles: Patient, RelatedPerson, Practitioner, Organization, Location, Appointment.
    #[command(after_help = "Example:\n  sotto import fhir --config sotto.toml bundle.json")]
    Fhir {
        #[command(flatten)]
        common: Common,
    },
    /// CSV files with a header line, in UTF-8.
    #[command(
        after_help = "Columns of patients:\n  mrn, given_name, family_name (needed), prefix, \
            birth_date (1980-12-31), language (en, es), mobile_phone, home_phone, work_phone, \
            email, street, city, state, postal_code, deceased (yes, no or a date), active\n\n\
            Columns of appointments:\n  id, mrn, starts_at (needed; 2027-03-01T09:00:00-05:00, or \
            2027-03-01 09:00 in the practice's zone), ends_at or minutes, status (booked, \
            cancelled, fulfilled, noshow), clinician_id, clinician_name, site_id, site_name\n\n\
            A column that the file does not have leaves what is on file; an empty cell takes it \
            away.\n\n\
            Example:\n  sotto import csv --config sotto.toml --kind patients \
            --map \"Chart Number=mrn\" --dry-run patients.csv"
    )]
    Csv {
        /// What the rows are.
        #[arg(long)]
        kind: Kind,
        /// A column's name in the file and ours, as THEIRS=OURS; once for each.
        #[arg(long = "map", value_name = "THEIRS=OURS", value_parser = pair)]
        map: Vec<(String, String)>,
        /// The system that record numbers belong to; the EHR's own to meet its FHIR patients.
        #[arg(long, value_name = "URI", default_value = MRN)]
        mrn_system: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    which: Which,
    /// Look and report, but store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Answer with one line of JSON for each file.
    #[arg(long)]
    json: bool,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Patients,
    Appointments,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (theirs, ours) = text.split_once('=').ok_or("write THEIRS=OURS")?;
    let known = csv_file::PATIENT_COLUMNS.iter().chain(csv_file::APPOINTMENT_COLUMNS);
    if known.into_iter().any(|(name, ..)| *name == ours) {
        Ok((theirs.to_owned(), ours.to_owned()))
    } else {
        Err("the name behind = is none of our columns; see sotto import csv --help".to_owned())
    }
}

/// How each file is read.
#[derive(Clone)]
enum Form {
    Fhir,
    Csv(Mapping),
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal. Files before it are imported.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (What::Fhir { common } | What::Csv { common, .. }) = &args.what;
    let opened = open::open_which(&common.which)?;
    let form = match &args.what {
        What::Fhir { .. } => Form::Fhir,
        What::Csv { kind, map, mrn_system, .. } => Form::Csv(Mapping {
            kind: match kind {
                Kind::Patients => CsvKind::Patients,
                Kind::Appointments => CsvKind::Appointments,
            },
            renamed: map.iter().cloned().collect::<HashMap<_, _>>(),
            mrn_system: mrn_system.clone(),
            zone: opened.office.profile().timezone.clone(),
        }),
    };
    for path in &common.files {
        let report = one(&opened.db, &opened.office, &form, (path, common.dry_run))
            .with_context(|| path.display().to_string())?;
        if common.json {
            println!(
                "{}",
                serde_json::json!({ "file": path.display().to_string(), "report": report })
            );
        } else {
            tell(path, &report);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one(db: &Db, office: &Office, form: &Form, (path, dry_run): (&Path, bool)) -> Result<Report> {
    let file = File::open(path)?;
    let bar = progress(file.metadata()?.len());
    let reader = bar.wrap_read(file);
    let (office, form) = (office.clone(), form.clone());
    let work = move |tx: &mut Tx<'_>| {
        let job = Job { office: &office, actor: Actor::operator(), dry_run };
        match &form {
            Form::Fhir => fhir::import(tx, job, reader),
            Form::Csv(mapping) => csv_file::import(tx, job, mapping, reader),
        }
    };
    let result = db.write_blocking(work);
    bar.finish_and_clear();
    match result {
        Err(ImportError::DryRun(report)) => Ok(*report),
        other => Ok(other?),
    }
}

fn progress(length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

fn tell(path: &Path, report: &Report) {
    let Report { imported, updated, unchanged, skipped, .. } = report;
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let dry = if report.dry_run { " (dry run: nothing was stored)" } else { "" };
    println!(
        "{name}: {imported} imported, {updated} updated, {unchanged} unchanged, \
         {skipped} skipped{dry}"
    );
    for (reason, places) in &report.reasons {
        line("skipped", *reason, places);
    }
    for (reason, places) in &report.parts {
        line("left out", *reason, places);
    }
}

fn line(what: &str, reason: Reason, places: &Places) {
    let shown: Vec<_> = places.first.iter().take(5).map(String::as_str).collect();
    let more = if places.count > 5 { ", …" } else { "" };
    println!("  {} {what}: {} [{}{more}]", places.count, reason.remedy(), shown.join(", "));
}
