//! The integration tests, in one binary; the modules mirror `src/`.

mod engines;

mod audit;
mod db;
mod people;
