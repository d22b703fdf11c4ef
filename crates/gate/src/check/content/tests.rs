use guard::{Category, Channel, Field, Level, Source};

use super::{check, is_spoken};
use crate::facts::{Consent, ConsentClass, Known, Role};
use crate::kind::{Kind, Purpose};
use crate::passing::{Case, cell, content_consent, id, minutes, pec};
use crate::permit::Cell;
use crate::refusal::Code;

const UNSECURED: [Channel; 4] =
    [Channel::Sms, Channel::Email, Channel::Voicemail, Channel::RinglessVoicemail];

/// A general call-back with these cells.
fn says(channel: Channel, cells: &[Cell]) -> Case {
    Case::by(channel).with(|case| {
        case.draft.kind = Kind::GeneralCallback;
        case.cells = cells.to_vec();
    })
}

fn with_consent(case: Case, consent: Consent) -> Case {
    case.with(|case| case.consents().push(consent))
}

fn medication(channel: Channel) -> Case {
    says(channel, &[cell(Level::Detail, Category::Medication)])
}

#[test]
fn a_content_consent_opens_only_what_it_names() {
    let now = Case::text().now;
    type Change = fn(&mut Consent, jiff::Timestamp);
    fn class(consent: &mut Consent, category: Category, up_to: Level, risk_warned: bool) {
        consent.class = ConsentClass::Content { categories: vec![category], up_to, risk_warned };
    }
    let table: [(Change, bool); 14] = [
        (|_, _| (), true),
        (|c, _| class(c, Category::Procedure, Level::Detail, true), false),
        (|c, _| class(c, Category::Medication, Level::Mention, true), false),
        (|c, _| class(c, Category::Medication, Level::Sensitive, true), true),
        (|c, _| class(c, Category::Medication, Level::Detail, false), false),
        (|c, _| c.class = ConsentClass::Pec, false),
        (|c, _| c.channel = Channel::Email, false),
        (|c, _| c.for_this_address = false, false),
        (|c, _| c.purposes = vec![Purpose::Treatment], true),
        (|c, _| c.purposes = vec![Purpose::Payment], false),
        (|c, now| c.from = now + minutes(1), false),
        (|c, now| c.until = Some(now), true),
        (|c, now| c.until = Some(now - minutes(1)), false),
        (|c, _| c.written = false, true),
    ];
    for (index, (change, opens)) in table.into_iter().enumerate() {
        let mut consent = content_consent(Channel::Sms, Category::Medication, Level::Detail);
        change(&mut consent, now);
        let found = check(&with_consent(medication(Channel::Sms), consent).asked());
        let codes: Vec<Code> = found.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes.is_empty(), opens, "row {index}: {codes:?}");
        assert_eq!(found.consents.is_empty(), !opens, "row {index}");
        assert!(opens || codes == [Code::ContentConsent], "row {index}: {codes:?}");
    }
}

#[test]
fn detail_in_a_recording_is_consented_to_in_writing() {
    for (level, written, opens) in
        [(Level::Mention, false, true), (Level::Detail, false, false), (Level::Detail, true, true)]
    {
        let consent = Consent {
            written,
            ..content_consent(Channel::Voicemail, Category::LabResult, Level::Detail)
        };
        let case = says(Channel::Voicemail, &[cell(level, Category::LabResult)]);
        assert_eq!(with_consent(case, consent).codes(check).is_empty(), opens, "{level:?}");
    }
}

#[test]
fn verified_tls_spares_the_warning_and_not_the_consent() {
    let unwarned = |channel| Consent {
        class: ConsentClass::Content {
            categories: vec![Category::Medication],
            up_to: Level::Detail,
            risk_warned: false,
        },
        ..pec(channel)
    };
    for (channel, verified_tls, opens) in
        [(Channel::Email, true, true), (Channel::Email, false, false), (Channel::Sms, true, false)]
    {
        let case = with_consent(medication(channel), unwarned(channel))
            .with(|case| case.address().verified_tls = verified_tls);
        assert_eq!(case.codes(check).is_empty(), opens, "{channel:?} {verified_tls}");
    }
    let none = medication(Channel::Email).with(|case| case.address().verified_tls = true);
    assert_eq!(none.codes(check), [Code::ContentConsent]);
}

#[test]
fn a_term_of_two_categories_needs_both() {
    let cells =
        [cell(Level::Detail, Category::Medication), cell(Level::Detail, Category::Specialty)];
    let one = with_consent(
        says(Channel::Sms, &cells),
        content_consent(Channel::Sms, Category::Medication, Level::Detail),
    );
    assert_eq!(one.codes(check), [Code::ContentConsent]);
    let both = with_consent(
        one,
        Consent { id: id(5), ..content_consent(Channel::Sms, Category::Specialty, Level::Detail) },
    );
    let found = check(&both.asked());
    assert_eq!((found.reasons, found.consents), (vec![], vec![id(2), id(5)]));
}

#[test]
fn the_worst_cell_decides() {
    let case = says(
        Channel::Sms,
        &[cell(Level::Mention, Category::LabResult), cell(Level::Sensitive, Category::Hiv)],
    );
    assert_eq!(case.codes(check), [Code::ContentBlocked]);
}

#[test]
fn money_by_voice_is_off_until_switched_on() {
    let on = "[rules]\nbilling_by_voice = \"account_callback_with_consent\"";
    for channel in [Channel::Voicemail, Channel::RinglessVoicemail] {
        let case = |level| {
            with_consent(
                says(channel, &[cell(level, Category::Billing)]),
                content_consent(channel, Category::Billing, Level::Detail),
            )
        };
        assert_eq!(case(Level::Administrative).codes(check), []);
        assert_eq!(case(Level::Mention).codes(check), [Code::ContentBlocked]);
        assert_eq!(case(Level::Mention).policy(on).codes(check), []);
        assert_eq!(case(Level::Detail).policy(on).codes(check), [Code::ContentBlocked]);
        let bare = says(channel, &[cell(Level::Mention, Category::Billing)]).policy(on);
        assert_eq!(bare.codes(check), [Code::ContentConsent]);
        for kind in [Kind::AccountCallback, Kind::StatementReady] {
            let silent = says(channel, &[]).with(|case| case.draft.kind = kind);
            assert_eq!(silent.codes(check), [Code::ContentBlocked], "{kind:?}");
            assert_eq!(silent.policy(on).codes(check), [], "{kind:?}");
        }
    }
    let text = says(Channel::Sms, &[cell(Level::Mention, Category::Billing)])
        .with(|case| case.draft.kind = Kind::AccountCallback);
    assert_eq!(text.codes(check), []);
}

#[test]
fn results_notices_can_be_switched_off_by_channel() {
    for (channel, other, key) in [
        (Channel::Sms, Channel::Email, "results_notice_by_text"),
        (Channel::Email, Channel::Sms, "results_notice_by_email"),
    ] {
        let off = format!("[rules]\n{key} = false");
        let lab = |channel| says(channel, &[cell(Level::Mention, Category::LabResult)]);
        let notice = |channel| says(channel, &[]).with(|c| c.draft.kind = Kind::ResultsReady);
        for case in [lab, notice] {
            assert_eq!(case(channel).codes(check), []);
            assert_eq!(case(channel).policy(&off).codes(check), [Code::ContentBlocked]);
            assert_eq!(case(other).policy(&off).codes(check), []);
            assert_eq!(case(Channel::Portal).policy(&off).codes(check), []);
        }
        let specialist = says(channel, &[cell(Level::Mention, Category::Specialty)]).policy(&off);
        assert_eq!(specialist.codes(check), []);
        // Detail is judged by the matrix, as ever.
        let detail = says(channel, &[cell(Level::Detail, Category::LabResult)]).policy(&off);
        assert_eq!(detail.codes(check), [Code::ContentConsent]);
    }
}

#[test]
fn a_shared_number_needs_a_consent_that_names_it() {
    for (patients, shared) in [(2, false), (1, true)] {
        for channel in UNSECURED {
            let category = Category::LabResult;
            let case = |level| {
                says(channel, &[cell(level, category)]).with(|case| {
                    case.address().patients = patients;
                    case.address().shared = shared;
                })
            };
            assert_eq!(case(Level::Administrative).codes(check), [], "{channel:?}");
            let mention = case(Level::Mention);
            assert!(mention.codes(check).contains(&Code::SharedAddress), "{channel:?}");
            let consented =
                with_consent(mention, content_consent(channel, category, Level::Detail));
            let expected: &[Code] =
                if channel == Channel::Email { &[Code::SharedAddress] } else { &[] };
            assert_eq!(consented.codes(check), expected, "{channel:?}");
        }
        for channel in [Channel::Portal, Channel::LiveVoiceVerified] {
            let case = says(channel, &[cell(Level::Sensitive, Category::Hiv)]).with(|case| {
                case.address().patients = patients;
                case.address().shared = shared;
            });
            assert_eq!(case.codes(check), [], "{channel:?}");
        }
    }
}

#[test]
fn an_access_request_release_opens_all_but_level_4_to_the_patient_in_writing() {
    let given = |channel, of_this_message| Consent {
        id: id(9),
        class: ConsentClass::AccessRequestRelease { of_this_message },
        ..pec(channel)
    };
    let release = |channel| given(channel, true);
    let other = with_consent(
        says(Channel::Sms, &[cell(Level::Sensitive, Category::Hiv)]),
        given(Channel::Sms, false),
    );
    assert_eq!(other.codes(check), [Code::ContentBlocked], "of another message");
    for channel in Channel::ALL {
        let case =
            with_consent(says(channel, &[cell(Level::Sensitive, Category::Hiv)]), release(channel));
        let found = check(&case.asked());
        let opened = matches!(channel, Channel::Sms | Channel::Email);
        assert_eq!(found.consents == [id(9)], opened, "{channel:?}");
        let secure = matches!(channel, Channel::Portal | Channel::LiveVoiceVerified);
        assert_eq!(found.reasons.is_empty(), opened || secure, "{channel:?}");
        let never =
            case.with(|case| case.cells = vec![cell(Level::Never, Category::IdentifierSsn)]);
        assert_eq!(never.codes(check), [Code::ContentNever], "{channel:?}");
    }
    let sensitive = || {
        with_consent(
            says(Channel::Sms, &[cell(Level::Sensitive, Category::Hiv)]),
            release(Channel::Sms),
        )
    };
    let shared = sensitive().with(|case| case.address().patients = 2);
    assert_eq!(shared.codes(check), []);
    let representative =
        sensitive().with(|case| case.recipient().role = Role::Representative { of_minor: false });
    assert_eq!(representative.codes(check), []);
    let caregiver = sensitive().with(|case| {
        case.recipient().role = Role::Caregiver { scope: Vec::new(), written: true };
    });
    assert_eq!(caregiver.codes(check), [Code::ContentBlocked]);
    let over = sensitive().with(|case| case.consents()[1].until = Some(case.now - minutes(1)));
    assert_eq!(over.codes(check), [Code::ContentBlocked]);
    let elsewhere = sensitive().with(|case| case.consents()[1].for_this_address = false);
    assert_eq!(elsewhere.codes(check), [Code::ContentBlocked]);
}

#[test]
fn a_live_call_needs_a_verified_listener() {
    let case = says(Channel::LiveVoiceUnverified, &[cell(Level::Mention, Category::LabResult)]);
    assert_eq!(case.codes(check), [Code::ListenerUnverified]);
    let consented = with_consent(
        case,
        content_consent(Channel::LiveVoiceUnverified, Category::LabResult, Level::Detail),
    );
    assert_eq!(consented.codes(check), [Code::ListenerUnverified]);
}

#[test]
fn a_notice_says_nothing_whatever_is_consented_to() {
    for kind in Kind::ALL {
        let case = with_consent(
            says(Channel::Sms, &[cell(Level::Detail, Category::Medication)]),
            content_consent(Channel::Sms, Category::Medication, Level::Detail),
        )
        .with(|case| case.draft.kind = *kind);
        let expected: &[Code] =
            if kind.always_administrative() { &[Code::ContentBlocked] } else { &[] };
        assert_eq!(case.codes(check), expected, "{kind:?}");
        let portal = case.moved_to(Channel::Portal).with(|case| case.draft.kind = *kind);
        assert_eq!(portal.codes(check), [], "{kind:?}");
    }
    let harmless = says(Channel::Sms, &[cell(Level::Administrative, Category::Specialty)])
        .with(|case| case.draft.kind = Kind::SecureMessageNotice);
    assert_eq!(harmless.codes(check), []);
}

#[test]
fn a_subject_says_who_writes_and_no_more() {
    let subject = |channel, text: &str| {
        Case::by(channel).with(|case| case.draft.content.subject = Some(text.to_owned()))
    };
    for (text, fits) in [
        ("New message from Elm Street Clinic", true),
        ("Your appointment", true),
        ("Your results are ready", false),
        ("Your HIV test", false),
        ("Hello\r\nBcc: everyone@example.com", false),
        ("Hello\u{0}", false),
    ] {
        let expected: &[Code] = if fits { &[] } else { &[Code::Subject] };
        assert_eq!(subject(Channel::Email, text).codes(check), expected, "{text:?}");
        assert_eq!(subject(Channel::Sms, text).codes(check), expected, "{text:?}");
        assert_eq!(subject(Channel::Portal, text).codes(check), [], "{text:?}");
    }
    // A consent to such content does not reach the subject, and a field of the body does not
    // excuse it.
    let consented = subject(Channel::Email, "Your lisinopril is waiting").with(|case| {
        case.facts.context.fields = vec![Field { span: 0..26, source: Source::Practice }];
        case.consents().push(content_consent(Channel::Email, Category::Medication, Level::Detail));
    });
    assert_eq!(consented.codes(check), [Code::Subject]);
}

#[test]
fn a_recording_names_the_patient_only_where_nobody_else_hears_it() {
    let named = |channel, source| {
        says(channel, &[])
            .with(|case| case.draft.content.fields = vec![Field { span: 0..5, source }])
    };
    for source in [Source::FirstName, Source::TitleSurname] {
        assert_eq!(named(Channel::Voicemail, source).codes(check), []);
        assert_eq!(named(Channel::RinglessVoicemail, source).codes(check), [Code::NameSpoken]);
        assert_eq!(named(Channel::Sms, source).codes(check), []);
        let none = named(Channel::Voicemail, source).policy("[rules.voicemail]\nname = \"none\"");
        assert_eq!(none.codes(check), [Code::NameSpoken]);
        let two = named(Channel::Voicemail, source).with(|case| case.address().patients = 2);
        assert_eq!(two.codes(check), [Code::NameSpoken]);
        let shared = named(Channel::Voicemail, source).with(|case| case.address().shared = true);
        assert_eq!(shared.codes(check), [Code::NameSpoken]);
        let unknown =
            named(Channel::Voicemail, source).with(|case| case.facts.address = Known::No("no row"));
        assert_eq!(unknown.codes(check), [Code::NameSpoken]);
    }
    assert_eq!(named(Channel::RinglessVoicemail, Source::Practice).codes(check), []);
    let typed = |body: &str| {
        says(Channel::RinglessVoicemail, &[]).with(|case| case.draft.content.body = body.to_owned())
    };
    assert_eq!(typed("Hello Grace, please call.").codes(check), [Code::NameSpoken]);
    assert_eq!(typed("Grateful as ever, please call.").codes(check), []);
}

#[test]
fn a_name_is_a_whole_word_as_written() {
    for (body, name, spoken) in [
        ("Hello Will.", "Will", true),
        ("We will call.", "Will", false),
        ("Willow Street", "Will", false),
        ("AWill", "Will", false),
        ("Will", "Will", true),
        ("AWill, Will", "Will", true),
        ("Señora Núñez", "Núñez", true),
        ("Hello", "", false),
        ("Hello", "  ", false),
        ("Mary Ann, call", " Mary Ann ", true),
    ] {
        assert_eq!(is_spoken(body, name), spoken, "{body:?} {name:?}");
    }
}

#[test]
fn without_the_facts_the_stricter_case_holds() {
    let lab = says(Channel::Sms, &[cell(Level::Mention, Category::LabResult)])
        .with(|case| case.facts.address = Known::No("no row"));
    assert_eq!(lab.codes(check), [Code::SharedAddress]);
    let consented = with_consent(
        medication(Channel::Sms),
        content_consent(Channel::Sms, Category::Medication, Level::Detail),
    )
    .with(|case| case.facts.consents = Known::No("no row"));
    assert_eq!(consented.codes(check), [Code::ContentConsent]);
    let released = with_consent(
        says(Channel::Sms, &[cell(Level::Sensitive, Category::Hiv)]),
        Consent {
            class: ConsentClass::AccessRequestRelease { of_this_message: true },
            ..pec(Channel::Sms)
        },
    )
    .with(|case| case.facts.recipient = Known::No("no row"));
    assert_eq!(released.codes(check), [Code::ContentBlocked]);
}

#[test]
fn a_reason_says_in_words_what_and_where_and_never_the_category() {
    let because = |channel, level, category| {
        check(&says(channel, &[cell(level, category)]).asked()).reasons[0].because.clone()
    };
    for (channel, level, category, expected) in [
        (
            Channel::Sms,
            Level::Sensitive,
            Category::Hiv,
            "The words hold sensitive detail; a text cannot carry that.",
        ),
        (
            Channel::Email,
            Level::Sensitive,
            Category::Sud,
            "The words hold sensitive detail; an email cannot carry that.",
        ),
        (
            Channel::RinglessVoicemail,
            Level::Detail,
            Category::Medication,
            "The words hold health or account detail; a ringless voicemail cannot carry that.",
        ),
        (
            Channel::LiveVoiceUnverified,
            Level::Sensitive,
            Category::Hiv,
            "The words hold sensitive detail; a call cannot carry that.",
        ),
        (
            Channel::Voicemail,
            Level::Mention,
            Category::LabResult,
            "The words hold a hint about the patient's health or account, and no consent to that \
             in a voicemail is on file for this address.",
        ),
    ] {
        assert_eq!(because(channel, level, category), expected);
    }
    let portal = "[[rules.content]]\nchannel = \"portal\"\nlevel = 0\nverdict = \"block\"";
    let strict =
        says(Channel::Portal, &[cell(Level::Administrative, Category::Billing)]).policy(portal);
    assert_eq!(
        check(&strict.asked()).reasons[0].because,
        "The words hold nothing about health; the portal cannot carry that."
    );
}
