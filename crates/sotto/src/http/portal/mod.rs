//! The window: the pages for patients and those who act for them. A link leads to the proof
//! ([`way_in`]); everything behind it takes [`Inside`](inside::Inside) as its argument, and with it a
//! [`Visitor`](crate::portal::Visitor) ([`visitor`]), which knows the patient. One thing a page, in
//! English and Spanish ([`page`]).

pub mod choices;
pub mod files;
pub mod forms;
pub mod home;
pub mod letters;
pub mod phones;
pub mod sealed;
pub mod tablet;
pub mod visits;
pub mod way_in;
pub mod way_in_by_phone;

pub mod inside;
pub mod page;
pub mod visitor;
