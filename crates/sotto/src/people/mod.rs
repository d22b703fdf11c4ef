//! Patients, the ways to reach them, who may hear what, and what they agreed to.

pub mod person;

pub mod area_codes;

pub mod contact_points;
pub mod patients;
pub mod suppressions;
