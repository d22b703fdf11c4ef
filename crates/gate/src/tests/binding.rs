//! A stored clearance is the one that was cleared, to the last field.

use guard::{Category, Channel, Field, Level, Source};
use uuid::Uuid;

use crate::draft::{Draft, Origin, TemplateRef};
use crate::id::{ContactPointId, MessageId, PatientId, PracticeId};
use crate::kind::{Kind, Language, Purpose};
use crate::passing::{Case, at, content_consent, id, minutes, stop};
use crate::permit::{Basis, Cell, Cleared, Decision, Release, release, reload};
use crate::policy::PolicyVersion;
use crate::{Address, BindingKey, Code, EmailAddress, Known, PhoneNumber, ReloadError};

fn key() -> BindingKey {
    BindingKey::new(&[7; 32])
}

/// With something in every field.
fn cleared() -> Cleared {
    let case = Case::text().with(|case| {
        case.draft.content.body = "Hello. Your lisinopril is here.".to_owned();
        case.draft.content.subject = Some("Elm Street Clinic".to_owned());
        case.draft.content.fields = vec![Field { span: 0..5, source: Source::Practice }];
        case.template().max_level = Level::Detail;
        case.consents().push(content_consent(Channel::Sms, Category::Medication, Level::Detail));
        case.now = at("2026-11-18T10:00:00Z");
    });
    match case.decide() {
        Decision::Clear(cleared) => cleared,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_comes_back() {
    let cleared = cleared();
    assert!(cleared.basis().not_before.is_some());
    let logged = cleared.binding(&key());
    let (draft, basis) = (cleared.draft().clone(), cleared.basis().clone());
    let again = reload(draft.clone(), basis.clone(), &logged, &key()).unwrap();
    assert_eq!((again.draft(), again.basis()), (&draft, &basis));
    assert_eq!(again.binding(&key()), logged);
}

#[test]
fn another_key_or_tag_is_refused() {
    let cleared = cleared();
    let logged = cleared.binding(&key());
    let parts = || (cleared.draft().clone(), cleared.basis().clone());
    let (draft, basis) = parts();
    let other = BindingKey::new(&[8; 32]);
    assert_eq!(reload(draft, basis, &logged, &other).unwrap_err(), ReloadError);
    for byte in 0..32 {
        let (draft, basis) = parts();
        let mut forged = logged;
        forged.0[byte] ^= 1;
        assert_eq!(reload(draft, basis, &forged, &key()).unwrap_err(), ReloadError);
    }
}

#[test]
fn a_change_of_any_field_is_refused() {
    type Change = fn(&mut Draft, &mut Basis);
    let changes: &[(&str, Change)] = &[
        ("message", |d, _| d.message = MessageId(Uuid::from_u128(99))),
        ("practice", |d, _| d.practice = PracticeId(Uuid::from_u128(99))),
        ("patient", |d, _| d.patient = Some(PatientId(Uuid::from_u128(99)))),
        ("no patient", |d, _| d.patient = None),
        ("contact point", |d, _| d.contact_point = Some(ContactPointId(Uuid::from_u128(99)))),
        ("no contact point", |d, _| d.contact_point = None),
        ("number", |d, _| {
            d.address = Address::Phone(PhoneNumber::from_e164("+12025550124").unwrap());
        }),
        ("mailbox", |d, _| {
            d.address = Address::Email(EmailAddress::parse("a@example.com").unwrap());
        }),
        ("portal", |d, _| d.address = Address::Portal),
        ("channel", |d, _| d.channel = Channel::Voicemail),
        ("kind", |d, _| d.kind = Kind::Recall),
        ("purpose", |d, _| d.purpose = Purpose::Operations),
        ("origin", |d, _| d.origin = Origin::Staff),
        ("origin, a reply", |d, _| {
            d.origin = Origin::Reply { to_message_at: at("2026-11-18T10:00:00Z") };
        }),
        ("no subject", |d, _| d.content.subject = None),
        ("subject", |d, _| d.content.subject = Some("Elm Street Clinic!".to_owned())),
        ("body", |d, _| d.content.body.push(' ')),
        ("a field's start", |d, _| d.content.fields[0].span = 1..5),
        ("a field's end", |d, _| d.content.fields[0].span = 0..6),
        ("a field's source", |d, _| d.content.fields[0].source = Source::Clinical),
        ("no fields", |d, _| d.content.fields.clear()),
        ("no template", |d, _| d.content.template = None),
        ("template", |d, _| {
            d.content.template =
                Some(TemplateRef { name: "appt_reminder.sms.es".into(), version: 3 });
        }),
        ("template version", |d, _| {
            d.content.template =
                Some(TemplateRef { name: "appt_reminder.sms.en".into(), version: 4 });
        }),
        ("language", |d, _| d.content.language = Language::Spanish),
        ("useless after", |d, _| d.useless_after = d.useless_after.map(|t| t + minutes(1))),
        ("never useless", |d, _| d.useless_after = None),
        ("cleared at", |_, b| b.cleared_at += minutes(1)),
        ("not before", |_, b| b.not_before = b.not_before.map(|t| t + minutes(1))),
        ("at any time", |_, b| b.not_before = None),
        ("policy", |_, b| b.policy = PolicyVersion::from_stored("other".to_owned())),
        ("level", |_, b| b.level = Level::Mention),
        ("no categories", |_, b| b.categories.clear()),
        ("category", |_, b| b.categories = vec![Category::Billing]),
        ("no rules", |_, b| b.rules.clear()),
        ("rule", |_, b| b.rules[0] = "another.rule".into()),
        ("no cells", |_, b| b.cells.clear()),
        ("a cell's level", |_, b| b.cells[0].level = Level::Administrative),
        ("a cell's category", |_, b| b.cells[0].category = Category::Billing),
        ("a cell's readiness", |_, b| b.cells[0].ready = !b.cells[0].ready),
        ("a cell more", |_, b| {
            b.cells.push(Cell { level: Level::Mention, category: Category::Sud, ready: false });
        }),
        ("no consents", |_, b| b.consents.clear()),
        ("consent", |_, b| b.consents[0] = id(99)),
        ("consents in another order", |_, b| b.consents.reverse()),
    ];
    let cleared = cleared();
    let logged = cleared.binding(&key());
    for (what, change) in changes {
        let (mut draft, mut basis) = (cleared.draft().clone(), cleared.basis().clone());
        change(&mut draft, &mut basis);
        assert!((&draft, &basis) != (cleared.draft(), cleared.basis()), "{what} changed nothing");
        assert_eq!(reload(draft, basis, &logged, &key()).err(), Some(ReloadError), "{what}");
    }
}

#[test]
fn no_two_categories_or_sources_share_a_tag() {
    let cleared = cleared();
    let mut tags = Vec::new();
    let category = |number: u8| -> Category {
        use Category::*;
        [
            Diagnosis,
            Medication,
            LabResult,
            Procedure,
            Specialty,
            MentalHealth,
            Sud,
            Reproductive,
            Hiv,
            Billing,
            IdentifierSsn,
            IdentifierMrn,
            IdentifierDob,
            IdentifierAddress,
            IdentifierOther,
        ][usize::from(number)]
    };
    for number in 0..15 {
        let mut basis = cleared.basis().clone();
        basis.categories = vec![category(number)];
        tags.push(crate::binding::bind(&key(), cleared.draft(), &basis).0);
    }
    use Source::*;
    for source in [
        FirstName,
        TitleSurname,
        Practice,
        Site,
        ClinicianSurname,
        Phone,
        When,
        Hours,
        Link,
        Code,
        BirthDate,
        Clinical,
        Amount,
        FreeText,
    ] {
        let mut draft = cleared.draft().clone();
        draft.content.fields[0] = Field { span: 0..4, source };
        tags.push(crate::binding::bind(&key(), &draft, cleared.basis()).0);
    }
    let count = tags.len();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), count);
}

#[test]
fn a_tag_is_the_same_tomorrow() {
    // Stored tags depend on the encoding: a change here is a migration.
    let case = Case::text();
    let Decision::Clear(cleared) = case.decide() else { panic!("refused") };
    let hex: String = cleared.binding(&key()).0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "b3506b8bc50236b7baea692ddd47fc1d654893cd976c5d9f27aac0071c306222");
}

#[test]
fn secrets_and_words_stay_out_of_debug() {
    assert_eq!(format!("{:?}", key()), "BindingKey(…)");
    let shown = format!("{:?}", cleared());
    for secret in ["+1202", "lisinopril", "Hello"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn release_asks_again() {
    let case = Case::text();
    let Decision::Clear(cleared) = case.decide() else { panic!("refused") };
    let again = |case: &Case| match release(&cleared, &case.facts, &case.policy, case.now) {
        Release::Go(released) => {
            assert_eq!(released.draft(), cleared.draft());
            assert_eq!(released.content(), &cleared.draft().content);
            Ok(None)
        }
        Release::NotBefore(instant) => Ok(Some(instant)),
        Release::Refuse(refusal) => Err(refusal.reasons().map(|r| r.code).collect::<Vec<_>>()),
    };
    assert_eq!(again(&case), Ok(None));
    let night = case.clone().with(|case| case.now = at("2026-11-19T02:00:00Z"));
    assert_eq!(again(&night), Ok(Some(at("2026-11-19T14:00:00Z"))));
    let stopped = case.clone().with(|case| case.facts.opt_outs = Known::Yes(vec![stop(case.now)]));
    assert_eq!(again(&stopped), Err(vec![Code::OptedOut]));
    let revoked = case.with(|case| case.consents().clear());
    assert_eq!(again(&revoked), Err(vec![Code::ConsentMissing]));
}

#[test]
fn release_judges_the_words_by_todays_consents() {
    let case = Case::text().with(|case| {
        case.draft.content.body = "Your lisinopril is here.".to_owned();
        case.template().max_level = Level::Detail;
        case.consents().push(content_consent(Channel::Sms, Category::Medication, Level::Detail));
    });
    let Decision::Clear(cleared) = case.decide() else { panic!("refused") };
    let without = case.with(|case| {
        case.consents().pop();
    });
    match release(&cleared, &without.facts, &without.policy, without.now) {
        Release::Refuse(refusal) => assert_eq!(refusal.first().code, Code::ContentConsent),
        other => panic!("{other:?}"),
    }
}
