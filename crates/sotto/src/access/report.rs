//! Who can see and do what, told from the policies themselves: each question that the report
//! answers is put to [`policies::may`] (SPEC AC-06; 45 CFR 164.308(a)(4)).

use serde::Serialize;

use super::policies::{self, About, Action, On, Principal, Resource, Tag};
use super::records::Whose;
use super::roles::{Role, Roles};
use super::staff::Staff;
use crate::ids::{SiteId, StaffId};

/// A question: an action, and what it is done to.
#[derive(Debug, Clone)]
pub struct Question {
    /// The action.
    pub action: Action,
    /// To what, in plain words; empty for the practice as a whole.
    pub what: &'static str,
    resource: Resource,
}

/// A role's answer to a question.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The action's word.
    pub action: &'static str,
    /// To what.
    pub what: &'static str,
    /// May they?
    pub allowed: bool,
    /// The policies that decided; none where no policy speaks of it.
    pub policies: Vec<String>,
}

/// Everything asked about one role.
#[derive(Debug, Clone, Serialize)]
pub struct OfRole {
    /// The role.
    pub role: Role,
    /// The answers, in the order of [`questions`].
    pub lines: Vec<Line>,
}

/// Who has which roles.
#[derive(Debug, Clone, Serialize)]
pub struct OfStaff {
    /// Their id.
    pub id: StaffId,
    /// Their name.
    pub name: String,
    /// Their roles.
    pub roles: Vec<Role>,
    /// At how many sites; 0 for every site.
    pub sites: usize,
    /// May they come in?
    pub enabled: bool,
}

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Roles and what they may.
    pub roles: Vec<OfRole>,
    /// People and their roles.
    pub staff: Vec<OfStaff>,
}

fn here() -> Vec<SiteId> {
    vec![SiteId(uuid::Uuid::from_u128(1))]
}

/// Every question of the report.
#[must_use]
pub fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    for action in Action::ALL {
        match action.on() {
            On::Practice => {
                all.push(Question { action: *action, what: "", resource: Resource::Practice });
            }
            On::Patient => all.push(Question {
                action: *action,
                what: "a patient",
                resource: Resource::Patient(Whose::seen_at(here())),
            }),
            On::Conversation => {
                for (what, about, tags) in [
                    ("a thread about the schedule", About::Schedule, vec![]),
                    ("a thread about the account", About::Account, vec![]),
                    ("a clinical thread", About::Clinical, vec![]),
                    ("a thread under 42 CFR Part 2", About::Clinical, vec![Tag::Part2]),
                    ("psychotherapy", About::Clinical, vec![Tag::Psychotherapy]),
                ] {
                    let resource =
                        Resource::Conversation { whose: Whose { sites: here(), tags }, about };
                    all.push(Question { action: *action, what, resource });
                }
            }
        }
    }
    all
}

/// The report about these people.
#[must_use]
pub fn report(staff: &[Staff]) -> Report {
    let questions = questions();
    let nobody = StaffId(uuid::Uuid::nil());
    let of_role = |role: Role| {
        let who = Principal::new(nobody, Roles::from_row(role.as_str()), vec![]);
        let lines = questions.iter().map(|question| {
            let answer = policies::may(&who, question.action, &question.resource);
            let (allowed, policies) = match answer {
                Ok(permit) => (true, permit.policies().to_vec()),
                Err(denied) => (false, denied.policies),
            };
            Line { action: question.action.as_str(), what: question.what, allowed, policies }
        });
        OfRole { role, lines: lines.collect() }
    };
    let of_staff = |staff: &Staff| OfStaff {
        id: staff.id,
        name: staff.named.name.clone(),
        roles: staff.roles.iter().collect(),
        sites: staff.sites.len(),
        enabled: staff.disabled_at.is_none(),
    };
    Report {
        roles: Role::ALL.iter().copied().map(of_role).collect(),
        staff: staff.iter().map(of_staff).collect(),
    }
}

impl Report {
    /// As Markdown: a table of roles, a table of people.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("# Who may do what\n\n| |");
        for of_role in &self.roles {
            out.push_str(&format!(" {} |", of_role.role.words()));
        }
        out.push_str("\n|---|");
        out.push_str(&"---|".repeat(self.roles.len()));
        out.push('\n');
        for (row, question) in questions().iter().enumerate() {
            let deed = question.action.as_str().replace('_', " ");
            let of = if question.what.is_empty() { "" } else { ": " };
            out.push_str(&format!("| {deed}{of}{} |", question.what));
            for of_role in &self.roles {
                let allowed = of_role.lines.get(row).is_some_and(|line| line.allowed);
                out.push_str(if allowed { " yes |" } else { " |" });
            }
            out.push('\n');
        }
        out.push_str("\n# Who has which roles\n\n| Name | Roles | Sites | |\n|---|---|---|---|\n");
        for one in &self.staff {
            let roles: Vec<&str> = one.roles.iter().map(|role| role.words()).collect();
            let sites = if one.sites == 0 { "every".to_owned() } else { one.sites.to_string() };
            let name = one.name.replace('|', "/");
            let standing = if one.enabled { "" } else { "disabled" };
            out.push_str(&format!("| {name} | {} | {sites} | {standing} |\n", roles.join(", ")));
        }
        out
    }
}
