//! Who may do what: `policies.cedar`, decided by Cedar (docs/decisions/0007).
//!
//! The policies are validated against the schema, strictly, when they are loaded; a test loads
//! them, so that a wrong one does not leave the house. What cannot be decided is denied. A
//! [`Permit`] carries the ids of the policies that gave it, for the audit entry of the deed.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicyId, PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};

use super::break_glass::Reason;
use super::records::Whose;
use super::roles::{Role, Roles};
use super::staff::Staff;
use crate::audit::Event;
use crate::db::Word as _;
use crate::ids::{SiteId, StaffId};

const POLICIES: &str = include_str!("policies.cedar");
const SCHEMA: &str = include_str!("schema.cedarschema");

macro_rules! actions {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal on $on:ident; )+) => {
        /// Something somebody wants to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $( $(#[$doc])* $variant, )+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word in the policies.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What it is done to.
            #[must_use]
            pub const fn on(self) -> On {
                match self { $( Self::$variant => On::$on, )+ }
            }
        }
    };
}

/// What kind of thing an action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The practice as a whole.
    Practice,
    /// A patient's record.
    Patient,
    /// What was said with a patient.
    Conversation,
}

actions! {
    /// See what goes out and comes in.
    SeeOverview = "see_overview" on Practice;
    /// See what must be done.
    SeeTasks = "see_tasks" on Practice;
    /// Look for a patient.
    FindPatients = "find_patients" on Practice;
    /// Take down who called.
    TakeIntake = "take_intake" on Practice;
    /// Read the words in force, and what is proposed.
    SeeTemplates = "see_templates" on Practice;
    /// Write templates.
    EditTemplates = "edit_templates" on Practice;
    /// Approve what another wrote.
    ApproveTemplates = "approve_templates" on Practice;
    /// Send to many.
    RunCampaigns = "run_campaigns" on Practice;
    /// Change hours, channels, forms.
    ChangeSettings = "change_settings" on Practice;
    /// Write down vendors, and sign and end agreements with them.
    ManageVendors = "manage_vendors" on Practice;
    /// See how long records are kept, what is held, and what ended.
    SeeRetention = "see_retention" on Practice;
    /// Hold the whole practice's records, and lift that.
    HoldPractice = "hold_practice" on Practice;
    /// Invite, disable, give roles.
    ManageStaff = "manage_staff" on Practice;
    /// Rotate and destroy keys.
    ManageKeys = "manage_keys" on Practice;
    /// Search the audit log.
    ReadAudit = "read_audit" on Practice;
    /// See who may do what.
    SeeAccess = "see_access" on Practice;
    /// Work on a suspected breach.
    HandleBreach = "handle_breach" on Practice;
    /// See and end one's own sessions, devices and keys.
    OwnAccount = "own_account" on Practice;
    /// Review what was opened in an emergency.
    ReviewBreakGlass = "review_break_glass" on Practice;
    /// Open a record in an emergency that is closed otherwise.
    BreakGlass = "break_glass" on Patient;
    /// See who a patient is and how to reach them.
    SeePatient = "see_patient" on Patient;
    /// Change how to reach them.
    ChangeContacts = "change_contacts" on Patient;
    /// Record and revoke consents.
    RecordConsent = "record_consent" on Patient;
    /// Put a tablet of the practice's into a patient's hands.
    HandOver = "hand_over" on Patient;
    /// Record restrictions and confidential contacts.
    ManageRestrictions = "manage_restrictions" on Patient;
    /// Release records a patient asks for.
    ReleaseRecords = "release_records" on Patient;
    /// Hold a record beyond its time, and lift that.
    HoldRecord = "hold_record" on Patient;
    /// Book, move and cancel appointments.
    Book = "book" on Patient;
    /// Begin and write in a sealed conversation.
    WriteSealed = "write_sealed" on Patient;
    /// Read what was said.
    ReadConversation = "read_conversation" on Conversation;
    /// Answer.
    Reply = "reply" on Conversation;
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Principal {
    id: StaffId,
    roles: Roles,
    sites: Vec<SiteId>,
    emergency: Option<Reason>,
}

impl Principal {
    /// Somebody with these roles at these sites; no site means every site.
    #[must_use]
    pub const fn new(id: StaffId, roles: Roles, sites: Vec<SiteId>) -> Self {
        Self { id, roles, sites, emergency: None }
    }

    /// The same, before a record that they opened in an emergency. Which one that is, the caller
    /// knows: [`SignedIn::before`](super::sessions::SignedIn::before) answers for one patient.
    #[must_use]
    pub fn in_emergency(self, reason: Reason) -> Self {
        Self { emergency: Some(reason), ..self }
    }
}

impl From<&Staff> for Principal {
    fn from(staff: &Staff) -> Self {
        Self::new(staff.id, staff.roles.clone(), staff.sites.clone())
    }
}

/// What a conversation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// Care.
    Clinical,
    /// Bills and insurance.
    Account,
    /// When and where.
    Schedule,
}

impl About {
    /// The word in the policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clinical => "clinical",
            Self::Account => "account",
            Self::Schedule => "schedule",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Clinical, Self::Account, Self::Schedule]
            .into_iter()
            .find(|about| about.as_str() == word)
    }
}

/// What is closed to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Substance use disorder records (42 CFR Part 2).
    Part2,
    /// Psychotherapy notes.
    Psychotherapy,
}

impl Tag {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Part2 => "part2",
            Self::Psychotherapy => "psychotherapy",
        }
    }
}

/// What it is done to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The practice as a whole.
    Practice,
    /// A patient's record.
    Patient(Whose),
    /// What was said with a patient.
    Conversation {
        /// With whom.
        whose: Whose,
        /// What it is about.
        about: About,
    },
}

/// Leave to do one thing, and by which policies. Only [`may`] gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    action: Action,
    policies: Vec<String>,
}

impl Permit {
    /// To do what.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// The policies that gave it.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// The event of the deed, with the policies that allowed it.
    #[must_use]
    pub fn of(&self, event: Event) -> Event {
        self.policies.iter().cloned().fold(event, Event::code)
    }
}

/// No leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("none of your roles may do this; an administrator can change roles")]
pub struct Denied {
    /// To do what.
    pub action: Action,
    /// The policies that forbid it; none where none permits it.
    pub policies: Vec<String>,
}

/// The policies cannot be used. They are part of the program, so a test finds this, not a user.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the access policies are wrong: {0}")]
pub struct PolicyError(String);

struct Loaded {
    schema: Schema,
    policies: PolicySet,
}

static LOADED: LazyLock<Result<Loaded, PolicyError>> = LazyLock::new(|| load(POLICIES, SCHEMA));

/// Whether the policies can be used. Without it, everything is denied.
///
/// # Errors
/// [`PolicyError`].
pub fn check() -> Result<(), PolicyError> {
    LOADED.as_ref().map(|_| ()).map_err(Clone::clone)
}

fn load(policies: &str, schema: &str) -> Result<Loaded, PolicyError> {
    let wrong = |error: &dyn std::fmt::Display| PolicyError(error.to_string());
    let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|e| wrong(&e))?;
    let read = PolicySet::from_str(policies).map_err(|e| wrong(&e))?;
    let named = read.policies().map(|policy| {
        let id = policy.annotation("id").ok_or_else(|| wrong(&"a policy has no @id"))?;
        Ok(policy.new_id(PolicyId::new(id)))
    });
    let named: Vec<Policy> = named.collect::<Result<_, PolicyError>>()?;
    let policies = PolicySet::from_policies(named).map_err(|e| wrong(&e))?;
    let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        return Err(wrong(error));
    }
    if let Some(warning) = result.validation_warnings().next() {
        return Err(wrong(warning));
    }
    Ok(Loaded { schema, policies })
}

/// May they?
///
/// # Errors
/// [`Denied`], also where it cannot be decided.
pub fn may(who: &Principal, action: Action, what: &Resource) -> Result<Permit, Denied> {
    let undecided = || Denied { action, policies: Vec::new() };
    let Ok(loaded) = LOADED.as_ref() else { return Err(undecided()) };
    let Some((request, entities)) = asked(&loaded.schema, who, action, what) else {
        tracing::error!(action = action.as_str(), "access.undecided");
        return Err(undecided());
    };
    let response = Authorizer::new().is_authorized(&request, &loaded.policies, &entities);
    let mut policies: Vec<String> =
        response.diagnostics().reason().map(ToString::to_string).collect();
    policies.sort_unstable();
    let erred = response.diagnostics().errors().next().is_some();
    if response.decision() == Decision::Allow && !erred {
        Ok(Permit { action, policies })
    } else {
        Err(Denied { action, policies })
    }
}

/// The question, checked against the schema.
fn asked(
    schema: &Schema,
    who: &Principal,
    action: Action,
    what: &Resource,
) -> Option<(Request, Entities)> {
    let principal = uid("Staff", &who.id.to_string())?;
    let roles = who.roles.iter().map(|role| uid("Role", role.as_str()));
    let roles: HashSet<EntityUid> = roles.collect::<Option<_>>()?;
    let attributes = HashMap::from([
        ("every_site".to_owned(), RestrictedExpression::new_bool(who.sites.is_empty())),
        ("sites".to_owned(), sites_of(&who.sites)?),
    ]);
    let mut entities = vec![Entity::new(principal.clone(), attributes, roles).ok()?];
    for role in Role::ALL {
        entities.push(Entity::new_no_attrs(uid("Role", role.as_str())?, HashSet::new()));
    }
    let resource = resource(what)?;
    let request = Request::new(
        principal,
        uid("Action", action.as_str())?,
        resource.uid(),
        context(who, action)?,
        Some(schema),
    );
    entities.push(resource);
    Some((request.ok()?, Entities::from_entities(entities, Some(schema)).ok()?))
}

/// How they ask: of a record, whether they opened it in an emergency, and why.
fn context(who: &Principal, action: Action) -> Option<Context> {
    match who.emergency.filter(|_| action.on() != On::Practice && action != Action::BreakGlass) {
        None => Some(Context::empty()),
        Some(reason) => {
            let reason = RestrictedExpression::new_string(reason.word().to_owned());
            Context::from_pairs([("break_glass".to_owned(), reason)]).ok()
        }
    }
}

fn resource(what: &Resource) -> Option<Entity> {
    let tags_of = |tags: &[Tag]| {
        let tags = tags.iter().map(|tag| RestrictedExpression::new_string(tag.as_str().to_owned()));
        RestrictedExpression::new_set(tags)
    };
    let entity = |name, attributes| Entity::new(uid(name, "it")?, attributes, HashSet::new()).ok();
    match what {
        Resource::Practice => entity("Practice", HashMap::new()),
        Resource::Patient(Whose { sites, tags }) => entity(
            "Patient",
            HashMap::from([
                ("sites".to_owned(), sites_of(sites)?),
                ("tags".to_owned(), tags_of(tags)),
            ]),
        ),
        Resource::Conversation { whose: Whose { sites, tags }, about } => entity(
            "Conversation",
            HashMap::from([
                ("sites".to_owned(), sites_of(sites)?),
                ("tags".to_owned(), tags_of(tags)),
                ("about".to_owned(), RestrictedExpression::new_string(about.as_str().to_owned())),
            ]),
        ),
    }
}

fn sites_of(sites: &[SiteId]) -> Option<RestrictedExpression> {
    let sites = sites.iter().map(|site| uid("Site", &site.to_string()));
    let sites: Option<Vec<EntityUid>> = sites.collect();
    let sites = sites?.into_iter().map(RestrictedExpression::new_entity_uid);
    Some(RestrictedExpression::new_set(sites))
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind = EntityTypeName::from_str(kind).ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

#[cfg(test)]
mod tests;
