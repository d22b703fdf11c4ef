//! Words that one person proposes and another approves.

use gate::{Channel, Kind, Language};
use sotto::access::roles::Role;
use sotto::compose::Variant;
use sotto::compose::template::Key;
use sotto::{params, sql};

use crate::access::{Desk, Jar};
use crate::on_both_engines;

const HELP: &str = "/templates/help.sms.en";
const WORDS: &str = "{practice}: texts about visits. Questions? Call {phone}. STOP ends texts.";
const PHONE: &str = "+12125550181";

const KEY: Key = Key {
    kind: Kind::Help,
    variant: Variant::Plain,
    channel: Channel::Sms,
    language: Language::English,
};

async fn somebody(desk: &Desk, role: Role) -> Jar {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

async fn propose(desk: &Desk, words: &str, jar: &mut Jar) -> crate::access::Answer {
    let form = [("body", words), ("reason", "Says whom to call."), ("act", "propose")];
    desk.post(&format!("{HELP}/propose"), &form, jar).await
}

/// The proposal that the page offers to judge or take back.
fn proposal(page: &str) -> String {
    let from = page.split("name=\"proposal\" value=\"").nth(1).expect(page);
    from.split('"').next().unwrap().to_owned()
}

fn in_force(desk: &Desk) -> (String, u32) {
    let templates = desk.clinic.office.templates();
    let template = templates.find(KEY).unwrap();
    (template.body_source.clone(), template.version)
}

on_both_engines! {
    async fn words_are_sent_once_another_person_approved_them(db: TestDb) {
        let desk = Desk::open(db).await;
        let built_in = in_force(&desk);
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let mut priya = somebody(&desk, Role::PrivacyOfficer).await;
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        assert_eq!(in_force(&desk), built_in, "nobody has approved them");
        // Whoever wrote them sees them wait, and cannot judge them.
        let page = desk.get(HELP, &mut cam).await.is(200).text;
        assert!(page.contains("Somebody else must approve your words."), "{page}");
        let id = proposal(&page);
        let judgement = [("proposal", id.as_str())];
        desk.post(&format!("{HELP}/approve"), &judgement, &mut cam).await.is(403);
        let second = propose(&desk, WORDS, &mut cam).await.is(409).text;
        assert!(second.contains("wait already"), "{second}");
        // Another sees what changes, and approves.
        let page = desk.get(HELP, &mut priya).await.is(200).text;
        assert!(page.contains("<ins>Questions? Call </ins>") && page.contains("Says whom to call."), "{page}");
        desk.post(&format!("{HELP}/approve"), &judgement, &mut priya).await.goes_to(HELP);
        assert_eq!(in_force(&desk), (WORDS.to_owned(), 2));
        desk.post(&format!("{HELP}/approve"), &judgement, &mut priya).await.is(409);
        // They are what goes out.
        desk.clinic.patient("Ana", "en", PHONE).await;
        desk.clinic.text(PHONE, "HELP").await;
        let sent = desk.clinic.sent_to(PHONE).await.pop().unwrap();
        assert!(sent.body.contains("Questions? Call"), "{}", sent.body);
        let page = desk.get(HELP, &mut cam).await.is(200).text;
        assert!(page.contains("your own, version 2") && page.contains("approved by Rosa Delgado"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn withdrawn_words_are_not_sent_and_the_built_in_ones_are_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let built_in = in_force(&desk);
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let mut priya = somebody(&desk, Role::PrivacyOfficer).await;
        let withdraw = format!("{HELP}/withdraw");
        let nothing = desk.post(&withdraw, &[], &mut priya).await.is(409).text;
        assert!(nothing.contains("No words of your own are in force here."), "{nothing}");
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        let page = desk.get(HELP, &mut priya).await.is(200).text;
        let judgement = [("proposal", proposal(&page))];
        let judgement = [("proposal", judgement[0].1.as_str())];
        desk.post(&format!("{HELP}/approve"), &judgement, &mut priya).await.goes_to(HELP);
        desk.post(&withdraw, &[], &mut cam).await.is(403);
        desk.post(&withdraw, &[], &mut priya).await.goes_to(HELP);
        assert_eq!(in_force(&desk), built_in);
        let page = desk.get(HELP, &mut cam).await.is(200).text;
        assert!(page.contains("withdrawn <time"), "{page}");
        // Another process that starts now finds the same.
        let office = desk.clinic.office.clone();
        desk.clinic.db.read(move |tx| office.refresh(tx)).await.unwrap();
        assert_eq!(in_force(&desk), built_in);
        desk.clinic.is_proved().await;
    }

    async fn declined_words_are_told_why_and_ones_own_are_taken_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let mut doctor = somebody(&desk, Role::Provider).await;
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        let id = proposal(&desk.get(HELP, &mut doctor).await.is(200).text);
        let decline = format!("{HELP}/decline");
        desk.post(&decline, &[("proposal", id.as_str())], &mut doctor).await.is(422);
        let form = [("proposal", id.as_str()), ("because", "Say when we answer.")];
        desk.post(&decline, &form, &mut doctor).await.goes_to(HELP);
        let page = desk.get(HELP, &mut cam).await.is(200).text;
        assert!(page.contains("Say when we answer.") && page.contains("Declined"), "{page}");
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        let id = proposal(&desk.get(HELP, &mut cam).await.is(200).text);
        desk.post(&format!("{HELP}/take-back"), &[("proposal", id.as_str())], &mut doctor).await.is(403);
        desk.post(&format!("{HELP}/take-back"), &[("proposal", id.as_str())], &mut cam).await.goes_to(HELP);
        let page = desk.get(HELP, &mut doctor).await.is(200).text;
        assert!(page.contains("written and taken back by") && !page.contains("Waits for approval"), "{page}");
        assert_eq!(in_force(&desk).1, 1);
        desk.clinic.is_proved().await;
    }

    async fn words_are_held_against_the_rules_while_they_are_typed_and_when_they_are_proposed(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let table = [
            ("Your HIV test at {practice} is back, call {phone}. STOP ends texts.", "They tell too much: “Sensitive”"),
            ("{practice}: call {phone}.", "Must say how to stop"),
            ("{practice}: call {phone}. See https://x.example. STOP ends texts.", "A link is a variable"),
            ("Hi {first_name}, {practice}: {phone}. STOP ends texts.", "may not stand in this kind"),
            ("{practice}: {phon}. STOP ends texts.", "There is no variable"),
            ("{practice}: call {phone. STOP ends texts.", "never closed"),
        ];
        for (words, says) in table {
            let form = [("body", words)];
            let page = desk.post(&format!("{HELP}/propose/look"), &form, &mut cam).await.is(200).text;
            let page = page.replace("&#34;", "\"").replace("&#39;", "'");
            let said = page.to_lowercase().contains(&says.to_lowercase());
            assert!(said && !page.contains("value=\"propose\""), "{words}: {page}");
            assert!(!page.contains("RULEBOOK"), "{page}");
            propose(&desk, words, &mut cam).await.is(422);
        }
        let page = desk.post(&format!("{HELP}/propose/look"), &[("body", WORDS)], &mut cam).await;
        let page = page.is(200).text;
        assert!(page.contains("value=\"propose\"") && page.contains("1 part,"), "{page}");
        assert!(page.contains("Fine for anyone to hear") && page.contains("<ins>"), "{page}");
        let kept: i64 = desk.clinic.write(|tx, office| {
            tx.query_one(
                sql!("SELECT COUNT(*) FROM template_proposal WHERE practice_id = $1"),
                params![office.practice()],
                |row| row.get(0),
            ).unwrap()
        }).await;
        assert_eq!(kept, 0, "what breaks a rule is not kept");
    }

    async fn the_database_itself_keeps_author_and_judge_apart(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        let practice = desk.clinic.office.practice();
        let forged = desk.clinic.db.write(move |tx| {
            tx.execute(
                sql!("UPDATE template_proposal SET judge = author WHERE practice_id = $1"),
                params![practice],
            )
        }).await;
        assert!(forged.is_err());
    }

    async fn words_that_were_changed_behind_our_back_are_not_in_force(db: TestDb) {
        let desk = Desk::open(db).await;
        let built_in = in_force(&desk);
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let mut priya = somebody(&desk, Role::PrivacyOfficer).await;
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        let id = proposal(&desk.get(HELP, &mut priya).await.is(200).text);
        desk.post(&format!("{HELP}/approve"), &[("proposal", id.as_str())], &mut priya).await.goes_to(HELP);
        let office = desk.clinic.office.clone();
        desk.clinic.db.write(move |tx| {
            tx.execute(
                sql!("UPDATE template_version SET body = 'Call {phone}.' WHERE practice_id = $1
                       AND name = 'help.sms.en' AND version = 2"),
                params![office.practice()],
            )?;
            office.refresh(tx)
        }).await.unwrap();
        assert_eq!(in_force(&desk), built_in);
    }

    async fn the_list_shows_what_is_ours_what_waits_and_what_is_missing(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let mut rosa = somebody(&desk, Role::FrontDesk).await;
        propose(&desk, WORDS, &mut cam).await.goes_to(HELP);
        let waiting = desk.get("/templates?show=waiting", &mut rosa).await.is(200).text;
        assert!(waiting.contains("href=\"/templates/help.sms.en\""), "{waiting}");
        assert!(!waiting.contains("recall.sms.en"), "{waiting}");
        let ours = desk.get("/templates?show=ours", &mut rosa).await.is(200).text;
        assert!(ours.contains("came with the program"), "{ours}");
        let missing = desk.get("/templates?show=missing", &mut cam).await.is(200).text;
        assert!(missing.contains("href=\"/templates/rx_ready.email.en/propose\""), "{missing}");
        let missing = desk.get("/templates?show=missing", &mut rosa).await.is(200).text;
        assert!(!missing.contains("/propose"), "the front desk does not write templates");
        for nothing in ["marketing.sms.en", "survey.with_site.sms.en", "help.voicemail.en", "x"] {
            desk.get(&format!("/templates/{nothing}"), &mut rosa).await.is(404);
        }
        desk.get("/templates/help.sms.en/propose", &mut rosa).await.is(403);
    }

    async fn after_the_last_day_the_built_in_words_are_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let built_in = in_force(&desk);
        let mut cam = somebody(&desk, Role::CampaignManager).await;
        let mut priya = somebody(&desk, Role::PrivacyOfficer).await;
        let today = desk.clinic.office.clock().now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let day = today.tomorrow().unwrap().to_string();
        let form = [("body", WORDS), ("reason", "For the move."), ("expires", &day), ("act", "propose")];
        desk.post(&format!("{HELP}/propose"), &form, &mut cam).await.goes_to(HELP);
        let id = proposal(&desk.get(HELP, &mut priya).await.is(200).text);
        desk.post(&format!("{HELP}/approve"), &[("proposal", id.as_str())], &mut priya).await.goes_to(HELP);
        assert_eq!(in_force(&desk).1, 2);
        desk.pass(3 * 86_400);
        let office = desk.clinic.office.clone();
        desk.clinic.db.read(move |tx| office.refresh_if_changed(tx)).await.unwrap();
        assert_eq!(in_force(&desk), built_in);
    }
}
