//! Patients, the ways to reach them, who may hear what, and what they agreed to.

pub mod person;

pub mod addresses;
pub mod area_codes;
pub mod home_zones;

pub mod alternatives;
pub mod caregivers;
pub mod consent_texts;
pub mod consents;
pub mod contact_points;
pub mod contacts;
pub mod merge;
pub mod patients;
pub mod preferences;
pub mod releases;
pub mod restrictions;
pub mod search;
pub mod suppressions;

pub mod card;
pub mod test_patient;
pub mod told;

pub mod import;
