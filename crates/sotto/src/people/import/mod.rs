//! Data in: patients, people around them and the schedule, from FHIR bundles and CSV files.
//!
//! A file is read as a stream and applied in one transaction: all of it or nothing. What the
//! practice was told by staff or patients is never overwritten: alternative contacts (PRIV-05),
//! opt-outs (TEL-18), permissions of caregivers, addresses that staff wrote down. A patient is
//! found by identifiers, never by a telephone number (RULEBOOK §9).

pub mod apply;
pub mod csv_file;
pub mod fhir;
mod fhir_resource;
pub mod record;
pub mod report;
mod source;

pub use apply::Job;
pub use csv_file::{CsvKind, Mapping};
pub use report::{ImportError, Reason, Report};
