//! The schedule: appointments as the practice's own system tells them, and office hours.
//!
//! Every change of an appointment plans its reminders anew and withdraws what waits in the outbox,
//! in the same transaction.

pub mod appointments;
pub mod holidays;
pub mod office_hours;
pub mod places;

pub use appointments::{Booking, Change, ScheduleError};
pub use office_hours::OfficeHours;
