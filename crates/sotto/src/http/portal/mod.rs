//! The window: the pages for patients and those who act for them. A link leads to the proof
//! ([`way_in`]); everything behind it takes a [`Visitor`](crate::portal::Visitor) as its argument
//! ([`visitor`]), and with it the patient. One thing a page, in English and Spanish ([`page`]).

pub mod choices;
pub mod files;
pub mod home;
pub mod letters;
pub mod sealed;
pub mod visits;
pub mod way_in;

pub mod page;
pub mod visitor;
