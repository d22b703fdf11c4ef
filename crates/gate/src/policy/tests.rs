use guard::{Category, Channel, Level, Verdict, default_verdict};

use super::{MAX_FILE_BYTES, Policy, PolicyError, Rules};

const EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.example.toml"));

fn parse(rules: &str) -> Result<Policy, PolicyError> {
    Policy::from_toml(&format!("name = \"elm-street\"\n{rules}"))
}

#[test]
fn the_example_is_the_rulebook() {
    assert_eq!(Policy::from_toml(EXAMPLE).unwrap().rules(), &Rules::default());
}

#[test]
fn the_example_names_every_key() {
    let rules = toml::Table::try_from(Rules::default()).unwrap();
    let file: toml::Table = EXAMPLE.parse().unwrap();
    let shown = file["rules"].as_table().unwrap();
    for (key, value) in &rules {
        // The list of cells is shown as a comment.
        if key == "content" {
            assert!(EXAMPLE.contains("# [[rules.content]]"));
            continue;
        }
        assert_eq!(shown.get(key), Some(value), "rules.{key}");
    }
    assert_eq!(shown.len() + 1, rules.len());
}

#[test]
fn the_commented_cell_of_the_example_parses() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let cell = ["[[rules.content]]", "channel =", "level =", "category =", "verdict ="];
            if cell.iter().any(|start| bare.starts_with(start)) { bare } else { line }
        })
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(Policy::from_toml(&uncommented).unwrap().rules().content.len(), 1);
}

#[test]
fn an_empty_file_is_the_rulebook_under_its_own_name() {
    let policy = parse("").unwrap();
    assert_eq!(policy.rules(), &Rules::default());
    assert_eq!(policy.rules(), Policy::rulebook().rules());
    // printf 'name = "elm-street"\n' | sha256sum
    assert_eq!(policy.version().as_str(), "elm-street+5f212dcd2eff");
    assert_eq!(Policy::rulebook().version().as_str(), "rulebook-2026-11-21");
    assert_ne!(parse("# a word more").unwrap().version(), policy.version());
}

#[test]
fn an_unknown_key_or_value_is_named() {
    for (rules, named) in [
        ("quiet = true", "quiet"),
        ("[rules]\nquiet = true", "quiet"),
        ("[rules.caps]\nper_month = 3", "per_month"),
        ("[rules.quiet_hours]\nfrom = 9", "from"),
        ("[rules]\nconsent_mode = \"none\"", "none"),
        ("[rules]\nopt_out = \"off\"", "opt_out"),
        ("[rules.caps]\nper_day = -1", "per_day"),
        ("[[rules.content]]\nchannel = \"fax\"\nlevel = 1\nverdict = \"block\"", "fax"),
        ("[[rules.content]]\nchannel = \"sms\"\nlevel = 5\nverdict = \"block\"", "level 5"),
        ("[[rules.content]]\nchannel = \"sms\"\nlevel = 1", "verdict"),
        ("[rules", "expected"),
    ] {
        match parse(rules).unwrap_err() {
            PolicyError::Syntax(text) => assert!(text.contains(named), "{named}: {text}"),
            floor @ PolicyError::Floor { .. } => panic!("{floor}"),
        }
    }
    assert!(
        matches!(Policy::from_toml(""), Err(PolicyError::Syntax(text)) if text.contains("name"))
    );
    let error = parse("quiet = true").unwrap_err().to_string();
    assert!(error.contains("docs/policy.example.toml"), "{error}");
}

#[test]
fn a_policy_file_is_short() {
    let padded = |bytes: usize| {
        let start = "name = \"elm-street\"\n#";
        Policy::from_toml(&format!("{start}{}", " ".repeat(bytes - start.len())))
    };
    assert!(padded(MAX_FILE_BYTES).is_ok());
    assert!(matches!(padded(MAX_FILE_BYTES + 1), Err(PolicyError::Syntax(_))));
}

#[test]
fn no_practice_goes_below_the_floor() {
    for (rules, key) in [
        ("[rules.caps]\nper_day = 0", "rules.caps.per_day"),
        ("[rules.caps]\nper_day = 4\nper_week = 9", "rules.caps.per_day"),
        ("[rules.caps]\nper_week = 0", "rules.caps.per_week"),
        ("[rules.caps]\nper_week = 22", "rules.caps.per_week"),
        ("[rules.caps]\nper_day = 3\nper_week = 2", "rules.caps.per_week"),
        ("[rules.caps]\nsms_segments = 0", "rules.caps.sms_segments"),
        ("[rules.caps]\nsms_segments = 11", "rules.caps.sms_segments"),
        ("[rules.caps]\nemail_characters = 199", "rules.caps.email_characters"),
        ("[rules.caps]\nemail_characters = 20001", "rules.caps.email_characters"),
        ("[rules.caps]\nvoice_seconds = 0", "rules.caps.voice_seconds"),
        ("[rules.caps]\nvoice_seconds = 61", "rules.caps.voice_seconds"),
        ("[rules.quiet_hours]\nfrom = \"07:59:00\"", "rules.quiet_hours.from"),
        ("[rules.quiet_hours]\nuntil = \"21:00:01\"", "rules.quiet_hours.until"),
        (
            "[rules.quiet_hours]\nfrom = \"12:00:00\"\nuntil = \"12:00:00\"",
            "rules.quiet_hours.until",
        ),
        (
            "[rules.quiet_hours]\nsunday_marketing_from = \"11:59:00\"",
            "rules.quiet_hours.sunday_marketing_from",
        ),
    ] {
        match parse(rules) {
            Err(PolicyError::Floor { key: found, .. }) => assert_eq!(found, key, "{rules}"),
            other => panic!("{rules}: {other:?}"),
        }
    }
    for rules in [
        "[rules.caps]\nper_day = 3\nper_week = 3",
        "[rules.caps]\nper_day = 1\nper_week = 1\nsms_segments = 1\nemail_characters = 200\nvoice_seconds = 1",
        "[rules.caps]\nper_day = 3\nper_week = 21\nsms_segments = 10\nemail_characters = 20000",
        "[rules.quiet_hours]\nfrom = \"08:00:00\"\nuntil = \"21:00:00\"",
        "[rules.quiet_hours]\nfrom = \"08:00\"\nuntil = \"08:01\"\nsunday_marketing_from = \"15:00\"",
    ] {
        assert!(parse(rules).is_ok(), "{rules}");
    }
}

#[test]
fn a_cell_can_be_stricter_and_never_looser() {
    let verdicts = [Verdict::Pass, Verdict::NeedsConsent, Verdict::Block];
    for channel in Channel::ALL {
        for level in Level::ALL {
            for (verdict, word) in verdicts.into_iter().zip(["pass", "needs_consent", "block"]) {
                let cell = format!(
                    "[[rules.content]]\nchannel = \"{}\"\nlevel = {}\nverdict = \"{word}\"",
                    channel.as_str(),
                    u8::from(level)
                );
                let floor = default_verdict(channel, level, Category::Diagnosis, false);
                match parse(&cell) {
                    Ok(policy) => {
                        assert!(verdict >= floor, "{channel:?} {level:?} {word}");
                        for category in [Category::Diagnosis, Category::Billing] {
                            let default = default_verdict(channel, level, category, false);
                            assert_eq!(
                                policy.verdict(channel, level, category, false),
                                verdict.max(default)
                            );
                        }
                    }
                    Err(PolicyError::Floor { key, because, .. }) => {
                        assert!(verdict < floor, "{channel:?} {level:?} {word}");
                        assert_eq!(key, "rules.content[0].verdict");
                        assert_eq!(because.contains("level 4"), level == Level::Never);
                        assert_eq!(because.contains("level 3"), level == Level::Sensitive);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}

#[test]
fn a_floor_says_what_may_be_written() {
    let remedy = |channel: &str, level: u8| {
        let cell = format!(
            "[[rules.content]]\nchannel = \"{channel}\"\nlevel = {level}\nverdict = \"pass\""
        );
        parse(&cell).unwrap_err().to_string()
    };
    assert!(remedy("sms", 2).contains("needs_consent or block"));
    assert!(!remedy("sms", 3).contains("needs_consent"));
    assert!(remedy("sms", 3).contains("write block"));
}

#[test]
fn a_cell_touches_only_its_channel_level_and_category() {
    let policy = parse(
        "[[rules.content]]\nchannel = \"sms\"\nlevel = 1\ncategory = \"lab_result\"\n\
         verdict = \"block\"\n\
         [[rules.content]]\nchannel = \"sms\"\nlevel = 1\nverdict = \"needs_consent\"",
    )
    .unwrap();
    let verdict = |channel, level, category| policy.verdict(channel, level, category, false);
    use Category::{LabResult, Medication};
    assert_eq!(verdict(Channel::Sms, Level::Mention, LabResult), Verdict::Block);
    assert_eq!(verdict(Channel::Sms, Level::Mention, Medication), Verdict::NeedsConsent);
    assert_eq!(verdict(Channel::Email, Level::Mention, LabResult), Verdict::Pass);
    assert_eq!(verdict(Channel::Sms, Level::Detail, LabResult), Verdict::NeedsConsent);
}

#[test]
fn a_billing_cell_is_held_against_billings_own_floor() {
    let cell = "[[rules.content]]\nchannel = \"voicemail\"\nlevel = 2\ncategory = \"billing\"\n\
                verdict = \"needs_consent\"";
    assert!(matches!(parse(cell), Err(PolicyError::Floor { .. })));
}

#[test]
fn a_name_is_fit_for_the_audit_log() {
    let named = |name: &str| Policy::from_toml(&format!("name = \"{name}\""));
    for good in ["a", "elm-street-2026", &"x".repeat(64)] {
        assert!(named(good).is_ok(), "{good}");
    }
    for bad in ["", "Elm", "elm street", "elm+1", "rulebook-2026-11-21", &"x".repeat(65)] {
        assert!(
            matches!(named(bad), Err(PolicyError::Floor { key, .. }) if key == "name"),
            "{bad}"
        );
    }
}
