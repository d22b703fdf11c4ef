//! Reminders over time.

mod reminders;
