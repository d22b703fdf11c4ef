//! sotto

pub mod clock;
pub mod db;
pub mod ids;

pub mod people;

pub mod compose;
pub mod people;
