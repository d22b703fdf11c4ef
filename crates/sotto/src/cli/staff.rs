//! `sotto staff`: the people who work here, from the machine's own command line.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::open::{self, Place, Which};
use crate::access::roles::{Role, Roles};
use crate::access::staff::{self, NewStaff, Staff};
use crate::access::{AccessError, tokens::Secret};
use crate::audit::{self, Actor, Event, Kind};
use crate::config::Config;
use crate::db::Tx;
use crate::ids::SiteId;
use crate::office::Office;

/// Invite, list, disable and enable the people who work here.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Invite somebody, or make a new link for somebody who is locked out.
    #[command(
        after_help = "Example:\n  sotto staff invite --config sotto.toml --name \"Rosa Delgado\" \
        --email rosa@example.org --role front_desk --role nurse\n  \
        sotto staff invite --config sotto.toml --again --email rosa@example.org"
    )]
    Invite {
        #[command(flatten)]
        which: Which,
        /// Their name, as colleagues see it.
        #[arg(long, required_unless_present = "again")]
        name: Option<String>,
        /// The mailbox they sign in with.
        #[arg(long)]
        email: String,
        /// What they do; once for each.
        #[arg(long = "role", value_name = "ROLE", value_parser = role,
              required_unless_present = "again")]
        roles: Vec<Role>,
        /// A site they work at, by its id; once for each. Without it, every site.
        #[arg(long = "site", value_name = "SITE")]
        sites: Vec<SiteId>,
        /// They are here already: everything they proved themselves with stops working once the new
        /// link is accepted.
        #[arg(long, conflicts_with_all = ["name", "roles", "sites"])]
        again: bool,
        /// Answer with one line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the people who work here.
    #[command(after_help = "Example:\n  sotto staff list --config sotto.toml")]
    List {
        #[command(flatten)]
        which: Which,
        /// Answer with one line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Somebody left: they are out within a second, everywhere.
    #[command(after_help = "Example:\n  sotto staff disable --config sotto.toml rosa@example.org")]
    Disable {
        #[command(flatten)]
        which: Which,
        /// The mailbox they sign in with.
        email: String,
    },
    /// Let somebody in again, with what they had.
    #[command(after_help = "Example:\n  sotto staff enable --config sotto.toml rosa@example.org")]
    Enable {
        #[command(flatten)]
        which: Which,
        /// The mailbox they sign in with.
        email: String,
    },
    /// Give somebody other roles, at once.
    #[command(after_help = "Example:\n  sotto staff roles --config sotto.toml rosa@example.org \
        --role billing")]
    Roles {
        #[command(flatten)]
        which: Which,
        /// The mailbox they sign in with.
        email: String,
        /// What they do from now on; once for each.
        #[arg(long = "role", value_name = "ROLE", value_parser = role, required = true)]
        roles: Vec<Role>,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("the roles are {}", all.join(", "))
    })
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Invite { which, name, email, roles, sites, again, json } => {
            let email = email.clone();
            let secret = if *again {
                to_somebody(which, &email, |tx, office, somebody| {
                    staff::invite_again(tx, office, somebody.id, Actor::operator())
                })?
            } else {
                let name = name.clone().unwrap_or_default();
                let roles = Roles::new(roles.clone())?;
                let new = NewStaff { name, email, roles, sites: sites.clone() };
                let opened = open::open_which(which)?;
                let office = opened.office;
                let invited = opened
                    .db
                    .write_blocking(move |tx| staff::invite(tx, &office, &new, Actor::operator()));
                invited?.1
            };
            show_link(which, &secret, *json)?;
        }
        Deed::List { which, json } => list(which, *json)?,
        Deed::Disable { which, email } => {
            to_somebody(which, email, |tx, office, somebody| {
                staff::disable(tx, office, somebody.id, Actor::operator())
            })?;
            eprintln!("{email} is out, and every session of theirs has ended");
        }
        Deed::Enable { which, email } => {
            to_somebody(which, email, |tx, office, somebody| {
                staff::enable(tx, office, somebody.id, Actor::operator())
            })?;
            eprintln!("{email} may come in again");
        }
        Deed::Roles { which, email, roles } => {
            let roles = Roles::new(roles.clone())?;
            let words = roles.words();
            to_somebody(which, email, move |tx, office, somebody| {
                staff::set_roles(tx, office, (somebody.id, &roles), Actor::operator())
            })?;
            eprintln!("{email}: {words}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn to_somebody<T: Send + 'static>(
    which: &Which,
    email: &str,
    deed: impl FnOnce(&mut Tx<'_>, &Office, &Staff) -> Result<T, AccessError> + Send + 'static,
) -> Result<T> {
    let opened = open::open_which(which)?;
    let (office, email) = (opened.office, email.to_owned());
    let done = opened.db.write_blocking(move |tx| {
        let somebody = staff::by_email(tx, &office, &email)?.ok_or(AccessError::NoSuchStaff)?;
        deed(tx, &office, &somebody)
    });
    Ok(done?)
}

/// The link, at the address that the settings name.
fn show_link(which: &Which, secret: &Secret, json: bool) -> Result<()> {
    let base = match which.place() {
        Place::Config(file) => {
            let http = Config::load(&file)?.http;
            http.public_base.unwrap_or_else(|| format!("http://localhost:{}", http.listen.port()))
        }
        Place::Demo(_) => "http://localhost:8080".to_owned(),
    };
    let link = format!("{}/invite/{}", base.trim_end_matches('/'), secret.reveal());
    if json {
        println!("{}", serde_json::json!({ "link": link }));
    } else {
        println!("{link}");
        eprintln!("good once, for three days; shown this once");
    }
    Ok(())
}

fn list(which: &Which, json: bool) -> Result<()> {
    let opened = open::open_which(which)?;
    let office = opened.office;
    let all = opened.db.write_blocking(move |tx| {
        let all = staff::list(tx, &office)?;
        let event = Event::new(Kind::StaffChanged, Actor::operator()).code("viewed");
        audit::append(tx, &office, event)?;
        Ok::<_, AccessError>(all)
    })?;
    if all.is_empty() && !json {
        bail!("nobody works here yet: `sotto staff invite --help` shows how to invite the first");
    }
    for one in all {
        let standing = if one.disabled_at.is_some() { "disabled" } else { "enabled" };
        let roles: Vec<&str> = one.roles.iter().map(Role::as_str).collect();
        if json {
            let line = serde_json::json!({
                "id": one.id, "name": one.named.name, "email": one.named.email, "roles": roles,
                "sites": one.sites, "standing": standing, "created_at": one.created_at,
                "disabled_at": one.disabled_at,
            });
            println!("{line}");
        } else {
            let (roles, named) = (roles.join(" "), one.named);
            println!("{}  {standing:8} {}  {}  ({roles})", one.id, named.email, named.name);
        }
    }
    Ok(())
}
