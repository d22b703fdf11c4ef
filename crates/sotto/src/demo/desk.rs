//! The people who work in the demo, one for each role, and a link in for each. The links are drawn
//! anew at each start and kept in memory alone: they open the made-up practice and nothing else.

use crate::access::roles::{Role, Roles};
use crate::access::staff::{self, NewStaff};
use crate::access::{AccessError, tokens::Secret};
use crate::audit::Actor;
use crate::db::Db;
use crate::http::Pages;
use crate::ids::StaffId;
use crate::office::Office;

const PEOPLE: [(Role, &str); 10] = [
    (Role::FrontDesk, "Rosa Delgado"),
    (Role::Nurse, "Ines Abara"),
    (Role::Provider, "Dr. Samuel Okafor"),
    (Role::Billing, "Bea Lindqvist"),
    (Role::CampaignManager, "Cam Whitfield"),
    (Role::PrivacyOfficer, "Priya Raman"),
    (Role::Administrator, "Alex Moreau"),
    (Role::Auditor, "Audrey Stone"),
    (Role::AnsweringService, "Nightline Answering"),
    (Role::KeyCustodian, "Kofi Mensah"),
];

/// Who works here, and their links, for pages at this origin.
///
/// # Errors
/// [`AccessError`].
pub async fn pages(db: &Db, office: &Office, origin: url::Url) -> Result<Pages, AccessError> {
    let its = office.clone();
    let people = db
        .write(move |tx| {
            let mut people = Vec::with_capacity(PEOPLE.len());
            for (role, name) in PEOPLE {
                let email = format!("{}@riverbend.example", role.as_str());
                let id = match staff::by_email(tx, &its, &email)? {
                    Some(there) => there.id,
                    None => {
                        let roles = Roles::from_row(role.as_str());
                        let new = NewStaff { name: name.to_owned(), email, roles, sites: vec![] };
                        staff::invite(tx, &its, &new, Actor::service("demo"))?.0
                    }
                };
                people.push((id, role));
            }
            Ok::<Vec<(StaffId, Role)>, AccessError>(people)
        })
        .await?;
    let mut demo_links = Vec::with_capacity(people.len());
    for (id, role) in people {
        let secret = Secret::draw("").ok_or(AccessError::Randomness)?;
        demo_links.push((secret.reveal().to_owned(), id, role.words()));
    }
    let window = Some(origin.clone());
    Ok(Pages { origin: Some(origin), window, demo_links, ..Pages::default() })
}
