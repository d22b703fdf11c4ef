use super::*;
use std::sync::LazyLock;

use jiff::tz::TimeZone;

use crate::portal::link;

fn builtin() -> Templates {
    static ONCE: LazyLock<Templates> = LazyLock::new(|| match Templates::builtin() {
        Ok(templates) => templates,
        Err(ComposeError::Lint(broken)) => {
            let lines: Vec<_> = broken.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        }
        Err(error) => panic!("{error}"),
    });
    ONCE.clone()
}

fn own(text: &str) -> Result<Templates, ComposeError> {
    let mut templates = builtin();
    let own = template::parse(Path::new("own.toml"), text, false)?;
    templates.0.clear();
    templates.add(own);
    templates.linted(&lint::Samples::default())
}

fn reminder_values() -> Values {
    let zone = TimeZone::get("America/Chicago").unwrap();
    Values::new()
        .when("2026-12-01T20:30:00Z".parse().unwrap(), &zone, false)
        .set(Variable::FirstName, "Ana")
        .unwrap()
        .set(Variable::Practice, "Harborview Family Health")
        .unwrap()
        .set(Variable::Phone, "202-555-0123")
        .unwrap()
}

#[test]
fn the_built_in_templates_keep_every_rule() {
    assert!(builtin().iter().count() > 80);
}

#[test]
fn a_text_with_a_link_to_the_window_is_one_part() {
    let (templates, samples) = (builtin(), lint::Samples::default());
    for &language in Language::ALL {
        for kind in [Kind::SecureMessageNotice, Kind::ResultsReady] {
            let key = Key { kind, variant: Variant::Plain, channel: Channel::Sms, language };
            let sample = lint::sample(&templates, templates.find(key).unwrap(), &samples).unwrap();
            assert_eq!(smpp::segment::count(&sample.content.body).parts, 1, "{}", key.name());
        }
        let practice = gate::facts::Practice {
            portal_url: format!("{}/w/{}", samples.portal_url, "1".repeat(link::LENGTH)),
            name: samples.practice.clone(),
            phone: samples.phone.clone(),
        };
        let notice = gate::notice(&practice, Channel::Sms, language);
        assert_eq!(smpp::segment::count(&notice.body).parts, 1, "{}", notice.body);
    }
}

#[test]
fn every_kind_of_the_rulebook_is_said_in_every_language_on_its_channels() {
    let templates = builtin();
    for &kind in Kind::ALL {
        let said: Vec<_> = templates.iter().filter(|t| t.key.kind == kind).collect();
        assert_eq!(said.is_empty(), kinds::rules(kind).is_none(), "{kind:?}");
        for template in said {
            for &language in Language::ALL {
                let key = Key { language, ..template.key };
                assert!(templates.find(key).is_some(), "{} in {language:?}", key.name());
            }
        }
    }
}

#[test]
fn the_same_message_in_each_language_and_channel() {
    let templates = builtin();
    let say = |channel, language| {
        render(&templates, Kind::AppointmentReminder, channel, language, &reminder_values())
            .unwrap()
    };
    let text = say(Channel::Sms, Language::English);
    assert_eq!(
        text.body,
        "Hi Ana. Harborview Family Health: visit Tue Dec 1, 2:30 pm. C = I will come, R = other \
         time, X = cannot come, or call 202-555-0123. STOP ends texts."
    );
    assert_eq!(text.template.as_ref().unwrap().name, "appt_reminder.sms.en");
    assert_eq!(
        say(Channel::Sms, Language::Spanish).body,
        "Hola Ana. Cita el mar 1 dic, 2:30 p. m., en Harborview Family Health. C = iré, R = otra \
         hora, X = no iré, o llame al 202-555-0123. STOP para salir."
    );
    let mail = say(Channel::Email, Language::Spanish);
    assert_eq!(mail.subject.as_deref(), Some("Su cita en Harborview Family Health"));
    assert!(mail.body.contains("el martes 1 de diciembre, 2:30 p. m.\n"), "{}", mail.body);
}

#[test]
fn the_fields_point_at_the_values() {
    let templates = builtin();
    for &language in Language::ALL {
        let content = render(
            &templates,
            Kind::AppointmentReminder,
            Channel::Sms,
            language,
            &reminder_values().set(Variable::FirstName, "Begoña José").unwrap(),
        )
        .unwrap();
        let body: Vec<char> = content.body.chars().collect();
        let named: Vec<String> =
            content.fields.iter().map(|f| body[f.span.clone()].iter().collect()).collect();
        assert!(named.contains(&"Begoña José".to_owned()), "{named:?}");
        assert!(named.contains(&"202-555-0123".to_owned()), "{named:?}");
        assert_eq!(content.fields.len(), 6);
    }
}

#[test]
fn a_missing_translation_is_an_error_and_not_english() {
    let mut templates = builtin();
    templates.0.retain(|key, _| key.kind != Kind::RxReady || key.language != Language::Spanish);
    let values = reminder_values();
    let error = render(&templates, Kind::RxReady, Channel::Sms, Language::Spanish, &values);
    assert!(matches!(error, Err(ComposeError::NoTranslation { .. })), "{error:?}");
    let error = render(&templates, Kind::RxReady, Channel::Email, Language::Spanish, &values);
    assert!(matches!(error, Err(ComposeError::NoTemplate { .. })), "{error:?}");
}

#[test]
fn values_are_named_when_they_are_missing_unlisted_or_unknown() {
    let templates = builtin();
    let say = |kind, values: &Values| {
        render(&templates, kind, Channel::Sms, Language::English, values).unwrap_err().to_string()
    };
    let without = Values::new().set(Variable::FirstName, "Ana").unwrap();
    assert!(say(Kind::AppointmentReminder, &without).contains("`practice` is missing"));
    assert!(say(Kind::RxReady, &without).contains("`first_name` may not stand"));
    let unknown = Values::from_words([("diagnosis", "x")], &TimeZone::UTC).unwrap_err();
    assert!(unknown.to_string().contains("no variable `diagnosis`"));
}

#[test]
fn a_default_fills_a_place_and_is_never_refused() {
    let templates = builtin();
    let values = Values::new()
        .default_to(Variable::FirstName, "Ana")
        .unwrap()
        .default_to(Variable::Practice, "Harborview Family Health")
        .unwrap()
        .default_to(Variable::Phone, "202-555-0123")
        .unwrap();
    let help = render(&templates, Kind::Help, Channel::Sms, Language::English, &values).unwrap();
    assert!(help.body.starts_with("Harborview Family Health: "));
    assert!(!help.body.contains("Ana"));
}

#[test]
fn values_that_do_not_fit_their_place_are_refused_and_never_quoted() {
    let cases = [
        (Variable::FirstName, "Ana\r\nBcc: x@example.com"),
        (Variable::FirstName, "Ana https://example.test"),
        (Variable::FirstName, "A\u{202E}na"),
        (Variable::FirstName, "  "),
        (Variable::Phone, "call me"),
        (Variable::Link, "javascript:alert(1)"),
        (Variable::Link, "http://portal.example.com/x"),
        (Variable::Link, "https://portal.example.com/a b"),
        (Variable::Code, "12 34"),
        (Variable::Site, "https://example.test"),
        (Variable::Time, "2:30 pm"),
    ];
    for (variable, text) in cases {
        let error = Values::new().set(variable, text).unwrap_err().to_string();
        assert!(error.contains(variable.as_str()), "{error}");
        assert!(text.trim().is_empty() || !error.contains(text.trim()), "{error}");
    }
    assert!(Values::new().set(Variable::FirstName, "x".repeat(41)).is_err());
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let templates = builtin();
    let values = reminder_values().set(Variable::Practice, "{phone} {first_name}").unwrap();
    let text =
        render(&templates, Kind::AppointmentReminder, Channel::Sms, Language::English, &values);
    assert!(text.unwrap().body.contains("{phone} {first_name}"));
}

#[test]
fn typographic_signs_do_not_double_the_price_of_a_text() {
    let templates = builtin();
    let values = reminder_values().set(Variable::FirstName, "D’Angelo").unwrap();
    let text =
        render(&templates, Kind::AppointmentReminder, Channel::Sms, Language::English, &values);
    let body = text.unwrap().body;
    assert!(body.starts_with("Hi D'Angelo."));
    assert_eq!(smpp::segment::count(&body).parts, 1);
}

const OWN: &str = "kind = \"help\"\nauthor = \"R. Alvarez\"\napproved_by = \"T. Osei\"\n";

#[test]
fn each_rule_catches_what_it_is_for() {
    let sms = |kind: &str, body: &str| {
        let who = OWN.replace("help", kind);
        format!("{who}[[text]]\nchannel = \"sms\"\nlanguage = \"en\"\nbody = \"{body}\"\n")
    };
    let email = |subject: &str, body: &str| {
        let who = OWN.replace("help", "statement_ready");
        format!(
            "{who}[[text]]\nchannel = \"email\"\nlanguage = \"en\"\nsubject = \"{subject}\"\n\
             body = \"{body}\"\n"
        )
    };
    let good = "{practice}: call {phone}. STOP ends texts.";
    let cases = [
        ("allowed", sms("rx_ready", "{practice}: hi {first_name}, call {phone}. STOP ends texts.")),
        ("required", sms("help", "{practice}: STOP ends texts.")),
        ("opt_out", sms("help", "{practice}: call {phone}.")),
        ("must_say", sms("emergency_autoreply", "If you are very ill call 911. We are told.")),
        ("reply_words", sms("help", &format!("{good} Or reply CANCEL."))),
        ("reply_keys", sms("help", &format!("{good} C = I will come."))),
        ("links", sms("help", &format!("{good} See www.example.com"))),
        ("numbers", sms("help", &format!("{good} Or 202 555-0199."))),
        ("gsm7", sms("help", &format!("{good} ✓"))),
        ("characters", sms("help", &format!("{good}\\nBye."))),
        ("characters", sms("help", &format!("{good}\\u200B Bye."))),
        ("segments", sms("help", &format!("{good} {}", "We are here. ".repeat(12)))),
        ("level", sms("help", &format!("{good} It is about your HIV test."))),
        ("level", sms("help", &format!("{good} You have diabetes."))),
        (
            "grade",
            sms(
                "help",
                "{practice} communicates administrative notifications regarding \
             rescheduling possibilities, telephone {phone} immediately. STOP ends texts.",
            ),
        ),
        ("subject", sms("help", good).replace("body =", "subject = \"Hello\"\nbody =")),
        ("subject", email("Hello {phone}", "{practice} {phone} {link} To stop these emails call.")),
        ("subject", email("Your diabetes", "{practice} {phone} {link} To stop these emails call.")),
    ];
    assert!(own(&sms("help", good)).is_ok());
    for (rule, text) in cases {
        match own(&text) {
            Err(ComposeError::Lint(broken)) => {
                assert!(broken.iter().any(|b| b.rule == rule), "{rule}: {broken:?}");
            }
            other => panic!("{rule}: {:?}", other.map(|_| "accepted")),
        }
    }
}

#[test]
fn a_file_that_is_not_in_form_says_where() {
    let text = |body: &str| {
        format!("{OWN}[[text]]\nchannel = \"sms\"\nlanguage = \"en\"\nbody = \"{body}\"\n")
    };
    let cases = [
        (text("{practice"), "never closed"),
        (text("practice}"), "never opened"),
        (text("{surname}"), "no variable `surname`"),
        (text("x").replace("\"sms\"", "\"fax\""), "channel"),
        (text("x").replace("body", "boddy"), "boddy"),
        (text("x").replace("help", "marketing"), "no text, email or portal template"),
        (text("x").replace("T. Osei", "R. Alvarez"), "someone other than author"),
        (text("x").replace("author", "#"), "say who wrote"),
        ("[".repeat(300_000), "256 KiB"),
        ("[".repeat(200_000), ""),
    ];
    for (text, expected) in cases {
        let error = own(&text).unwrap_err();
        assert!(matches!(error, ComposeError::Syntax { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn the_digest_sees_every_change() {
    let templates = builtin();
    let template = templates.iter().find(|t| t.subject.is_some()).unwrap();
    let mut changed = vec![template.clone(); 4];
    changed[0].body_source.push(' ');
    changed[1].subject_source = None;
    changed[2].key.language = Language::Spanish;
    changed[3].max_level = guard::Level::Detail;
    for other in &changed {
        assert_ne!(other.digest(), template.digest());
    }
    assert_eq!(template.clone().digest(), template.digest());
}

#[test]
fn values_show_no_value() {
    let shown = format!("{:?}", reminder_values());
    assert!(!shown.contains("Ana") && !shown.contains("555"), "{shown}");
    assert!(shown.contains("FirstName"), "{shown}");
}
