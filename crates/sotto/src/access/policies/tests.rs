use proptest::prelude::*;

use super::*;

fn with(roles: &[Role]) -> Principal {
    at(roles, &[])
}

fn at(roles: &[Role], sites: &[u128]) -> Principal {
    let row: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let id = StaffId(uuid::Uuid::from_u128(7));
    Principal::new(id, Roles::from_row(&row.join(" ")), sites.iter().copied().map(site).collect())
}

fn site(id: u128) -> SiteId {
    SiteId(uuid::Uuid::from_u128(id))
}

fn patient() -> Resource {
    Resource::Patient(Whose::seen_at(vec![site(1)]))
}

fn thread(about: About, tags: &[Tag]) -> Resource {
    Resource::Conversation { whose: Whose { sites: vec![site(1)], tags: tags.to_vec() }, about }
}

/// An everyday thing of the kind that an action is done to.
fn everyday(action: Action) -> Resource {
    match action.on() {
        On::Practice => Resource::Practice,
        On::Patient => patient(),
        On::Conversation => thread(About::Schedule, &[]),
    }
}

#[test]
fn the_policies_are_valid() {
    check().unwrap();
}

#[test]
fn a_policy_that_speaks_of_what_is_not_there_is_not_loaded() {
    for wrong in [
        r#"@id("a") permit (principal in Role::"nurse", action == Action::"fly", resource);"#,
        r#"@id("a") permit (principal, action == Action::"reply", resource) when { resource.nme == "x" };"#,
        r#"@id("a") permit (principal, action == Action::"reply", resource) when { resource.about == 3 };"#,
        r#"permit (principal, action, resource);"#,
        "permit (",
    ] {
        assert!(load(wrong, SCHEMA).is_err(), "{wrong}");
    }
}

/// Everything each role may do with everyday things; what is not here it may not.
#[test]
fn each_role_may_do_this_and_nothing_else() {
    use Action::*;
    let desk = [
        SeeOverview,
        SeeTasks,
        FindPatients,
        SeePatient,
        ChangeContacts,
        RecordConsent,
        HandOver,
        Book,
        SeeTemplates,
    ];
    let mut front = desk.to_vec();
    front.extend([ReadConversation, Reply]);
    let mut care = front.clone();
    care.extend([Action::BreakGlass, WriteSealed]);
    let mut provider = care.clone();
    provider.push(ApproveTemplates);
    let table: [(Role, Vec<Action>); 11] = [
        (Role::FrontDesk, front),
        (Role::Nurse, care),
        (Role::Provider, provider),
        (Role::Billing, vec![SeeTasks, FindPatients, SeePatient, SeeTemplates]),
        (Role::CampaignManager, vec![SeeTemplates, EditTemplates, RunCampaigns]),
        (
            Role::PrivacyOfficer,
            vec![
                SeeOverview,
                SeeTasks,
                FindPatients,
                ReadAudit,
                SeeAccess,
                HandleBreach,
                SeeTemplates,
                ReviewBreakGlass,
                ManageVendors,
                SeeRetention,
                HoldPractice,
                ApproveTemplates,
                SeePatient,
                RecordConsent,
                ManageRestrictions,
                ReleaseRecords,
                HoldRecord,
                ReadConversation,
            ],
        ),
        (
            Role::Administrator,
            vec![ChangeSettings, ManageVendors, SeeRetention, ManageStaff, SeeAccess, SeeTemplates],
        ),
        (Role::Auditor, vec![ReadAudit, SeeAccess, SeeTemplates]),
        (Role::AnsweringService, vec![TakeIntake]),
        (Role::KeyCustodian, vec![ManageKeys]),
        (Role::Integration, vec![]),
    ];
    assert_eq!(table.len(), Role::ALL.len());
    for (role, allowed) in table {
        for action in Action::ALL {
            let expected = allowed.contains(action) || *action == OwnAccount;
            let answer = may(&with(&[role]), *action, &everyday(*action));
            assert_eq!(answer.is_ok(), expected, "{role} {}", action.as_str());
        }
    }
}

#[test]
fn the_sealed_mode_is_for_who_treats_at_their_own_sites_and_no_emergency_opens_it() {
    let sealed = |who: &Principal| may(who, Action::WriteSealed, &patient()).is_ok();
    assert!(sealed(&at(&[Role::Nurse], &[1])) && sealed(&at(&[Role::Provider], &[1])));
    for elsewhere in [at(&[Role::Nurse], &[2]), at(&[Role::Provider], &[2])] {
        assert!(!sealed(&elsewhere));
        assert!(!sealed(&elsewhere.in_emergency(Reason::MedicalEmergency)));
    }
}

#[test]
fn threads_open_by_what_they_are_about() {
    use About::{Account, Clinical, Schedule};
    use Tag::{Part2, Psychotherapy};
    for (role, about, tags, reads) in [
        (Role::FrontDesk, Schedule, vec![], true),
        (Role::FrontDesk, Clinical, vec![], false),
        (Role::FrontDesk, Account, vec![], false),
        (Role::Nurse, Clinical, vec![], true),
        (Role::Nurse, Clinical, vec![Part2], false),
        (Role::Nurse, Account, vec![], false),
        (Role::Provider, Clinical, vec![Part2], true),
        (Role::Provider, Clinical, vec![Psychotherapy], true),
        (Role::Billing, Account, vec![], true),
        (Role::Billing, Clinical, vec![], false),
        (Role::Billing, Schedule, vec![], false),
        (Role::CampaignManager, Schedule, vec![], false),
        (Role::PrivacyOfficer, Clinical, vec![Part2], true),
        (Role::PrivacyOfficer, Clinical, vec![Psychotherapy], false),
        (Role::Administrator, Schedule, vec![], false),
        (Role::Administrator, Clinical, vec![], false),
        (Role::Auditor, Clinical, vec![], false),
        (Role::AnsweringService, Schedule, vec![], false),
    ] {
        let answer = may(&with(&[role]), Action::ReadConversation, &thread(about, &tags));
        assert_eq!(answer.is_ok(), reads, "{role} {about:?} {tags:?}");
    }
}

#[test]
fn another_site_is_closed() {
    let nurse = |sites: &[u128]| at(&[Role::Nurse], sites);
    assert!(may(&nurse(&[]), Action::SeePatient, &patient()).is_ok());
    assert!(may(&nurse(&[1, 2]), Action::SeePatient, &patient()).is_ok());
    let denied = may(&nurse(&[2]), Action::SeePatient, &patient()).unwrap_err();
    assert_eq!(denied.policies, ["closed.other_sites"]);
    let denied = may(&nurse(&[2]), Action::Reply, &thread(About::Clinical, &[])).unwrap_err();
    assert_eq!(denied.policies, ["closed.other_sites_threads"]);
}

#[test]
fn a_permit_names_the_policies_that_gave_it() {
    let both = with(&[Role::Nurse, Role::FrontDesk]);
    let permit = may(&both, Action::SeePatient, &patient()).unwrap();
    assert_eq!(permit.policies(), ["front_desk.desk", "nurse.care"]);
    assert_eq!(
        may(&with(&[]), Action::SeeTasks, &Resource::Practice).unwrap_err().policies,
        [""; 0]
    );
}

#[test]
fn an_action_on_the_wrong_kind_of_thing_is_denied() {
    for role in Role::ALL {
        assert!(may(&with(&[*role]), Action::Reply, &Resource::Practice).is_err());
        assert!(may(&with(&[*role]), Action::ManageStaff, &patient()).is_err());
    }
}

#[test]
fn an_emergency_opens_a_record_to_who_treats_to_be_read_and_nothing_else() {
    use Tag::{Part2, Psychotherapy};
    let reasons = [Reason::MedicalEmergency, Reason::StandingIn, Reason::DangerToOthers];
    for reason in reasons {
        for role in Role::ALL {
            let closed = at(&[*role], &[2]);
            let opened = closed.clone().in_emergency(reason);
            let treats = matches!(role, Role::Nurse | Role::Provider);
            assert!(may(&closed, Action::SeePatient, &patient()).is_err(), "{role}");
            assert_eq!(may(&opened, Action::SeePatient, &patient()).is_ok(), treats, "{role}");
            for about in [About::Clinical, About::Schedule, About::Account] {
                let read = may(&opened, Action::ReadConversation, &thread(about, &[]));
                assert_eq!(read.is_ok(), treats && about != About::Account, "{role} {about:?}");
            }
            let writes = Action::ALL.iter().filter(|action| action.on() != On::Practice);
            for action in writes.copied().filter(|action| {
                !matches!(
                    action,
                    Action::SeePatient | Action::ReadConversation | Action::BreakGlass
                )
            }) {
                let answer = may(&opened, action, &everyday(action));
                assert!(answer.is_err(), "{role} {}", action.as_str());
            }
        }
        // What the law opens in a medical emergency alone stays closed in any other.
        for tag in [Part2, Psychotherapy] {
            let nurse = at(&[Role::Nurse], &[]).in_emergency(reason);
            let read = may(&nurse, Action::ReadConversation, &thread(About::Clinical, &[tag]));
            assert_eq!(read.is_ok(), reason == Reason::MedicalEmergency, "{tag:?} {reason:?}");
        }
    }
    let nurse = at(&[Role::Nurse], &[2]).in_emergency(Reason::StandingIn);
    let permit = may(&nurse, Action::SeePatient, &patient()).unwrap();
    assert_eq!(permit.policies(), ["break_glass.record", "nurse.care"]);
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    proptest::sample::subsequence(Role::ALL.to_vec(), 0..=Role::ALL.len())
}

fn resources() -> impl Strategy<Value = Resource> {
    let sites = proptest::sample::subsequence(vec![1_u128, 2, 3], 0..=3)
        .prop_map(|ids| ids.into_iter().map(site).collect::<Vec<_>>());
    let tags = proptest::sample::subsequence(vec![Tag::Part2, Tag::Psychotherapy], 0..=2);
    let about = proptest::sample::select(vec![About::Clinical, About::Account, About::Schedule]);
    (sites, tags, about).prop_map(|(sites, tags, about)| Resource::Conversation {
        whose: Whose { sites, tags },
        about,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Nobody without a role that treats or oversees reads a clinical thread, whatever else they
    /// are; nobody outside the site reads anything; psychotherapy opens to who treats alone.
    #[test]
    fn no_sum_of_roles_opens_what_is_closed(
        roles in roles(),
        mine in proptest::sample::subsequence(vec![1_u128, 2, 3], 0..=3),
        what in resources(),
    ) {
        let Resource::Conversation { whose: Whose { sites, tags }, about } = &what else { unreachable!() };
        let reads = may(&at(&roles, &mine), Action::ReadConversation, &what).is_ok();
        let has = |role| roles.contains(&role);
        if *about == About::Clinical && !has(Role::Nurse) && !has(Role::Provider) && !has(Role::PrivacyOfficer) {
            prop_assert!(!reads);
        }
        if !mine.is_empty() && !sites.iter().any(|s| mine.iter().any(|m| site(*m) == *s)) {
            prop_assert!(!reads);
        }
        if tags.contains(&Tag::Psychotherapy) && !has(Role::Provider) {
            prop_assert!(!reads);
        }
    }

    /// A campaign manager approves nothing, whatever else they are.
    #[test]
    fn an_author_does_not_approve(mut roles in roles()) {
        roles.push(Role::CampaignManager);
        prop_assert!(may(&with(&roles), Action::ApproveTemplates, &Resource::Practice).is_err());
    }
}
