//! Messages that follow from the calendar, as steps over time.

pub mod reminders;
