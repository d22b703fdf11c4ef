//! The register of vendors, and what the gate does because of it.

use gate::facts::Agreement;
use gate::{Channel, Level};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use sotto::access::roles::Role;
use sotto::agreements::{self, standing::Agreed};
use sotto::audit::{self, Event, Kind};
use sotto::conversations::tasks::TaskKind;
use sotto::db::vendor::{self, NewVendor};
use sotto::doctor::{Verdict, records};

use crate::access::{Desk, Jar};
use crate::attachments::{PAPER, links};
use crate::clinic::staff;
use crate::on_both_engines;

const VENDORS: &str = "/settings/vendors";
const SMS: &str = "/settings/vendors/sms_smpp";

async fn as_a(desk: &Desk, role: Role) -> Jar {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * n)
}

/// What the configuration file says of who carries texts, read anew: in force from and until so many
/// days from now.
async fn file_says(desk: &Desk, status: &'static str, from: i64, until: Option<i64>) {
    let now = desk.clinic.office.clock().now();
    desk.clinic
        .write(move |tx, office| {
            let says = NewVendor {
                adapter: "sms_smpp",
                legal_name: "Carrier One",
                service: "text messages",
                max_level: Level::Mention,
                agreement: status,
                effective_at: Some(now + days(from)),
                expires_at: until.map(|until| now + days(until)),
                reason: None,
            };
            vendor::put(tx, office.practice(), &says, now).unwrap();
            audit::append(tx, office, Event::new(Kind::VendorChanged, staff())).unwrap();
        })
        .await;
}

/// What the gate is told.
async fn gate_asks(desk: &Desk) -> gate::facts::Vendor {
    desk.clinic
        .write(|tx, office| {
            vendor::for_channel(tx, office.practice(), Channel::Sms).unwrap().unwrap()
        })
        .await
}

async fn stands(desk: &Desk) -> Agreed {
    let all =
        desk.clinic.write(|tx, office| vendor::agreements(tx, office.practice()).unwrap()).await;
    all.into_iter().find(|one| one.adapter == "sms_smpp").unwrap()
}

/// A day so many days from today, as a form has it.
fn on(desk: &Desk, n: i64) -> String {
    let zone = desk.clinic.office.profile().timezone.clone();
    let today = desk.clinic.office.clock().now().to_zoned(zone).date();
    today.checked_add(n.days()).unwrap().to_string()
}

/// Signed some days ago, until some days from now, with its scan.
async fn sign(
    desk: &Desk,
    to: &str,
    (on_day, until): (i64, i64),
    jar: &mut Jar,
) -> crate::access::Answer {
    let (signed, until) = (on(desk, on_day), on(desk, until));
    let form = [
        ("signed", signed.as_str()),
        ("until", until.as_str()),
        ("signer", "R. Delgado; M. Okafor for them"),
        ("notice", "10"),
        ("subcontractors", "One that keeps their computers"),
    ];
    let scan: [(&str, &str, &[u8]); 1] = [("scan", "agreement.pdf", PAPER)];
    desk.upload(&format!("{to}/sign"), &form, &scan, jar).await
}

async fn open_tasks(desk: &Desk, kind: TaskKind) -> usize {
    let tasks = desk
        .clinic
        .write(|tx, office| sotto::conversations::tasks::open_ones(tx, office, 50).unwrap());
    tasks.await.into_iter().filter(|task| task.kind == kind).count()
}

on_both_engines! {
    async fn a_renewal_holds_at_once_and_stays_when_the_file_is_read_again(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::Administrator).await;
        file_says(&desk, "active", -360, Some(20)).await;
        let page = desk.get(SMS, &mut jar).await.is(200).text;
        assert!(page.contains("Ends in 20 days: renew it") && page.contains("20 days left"), "{page}");
        sign(&desk, SMS, (-1, 400), &mut jar).await.goes_to(SMS);
        let page = desk.get(SMS, &mut jar).await.is(200).text;
        assert!(page.contains("400 days left") && page.contains("The gate lets text through."), "{page}");
        for said in ["R. Delgado; M. Okafor for them", "10 days", "One that keeps their computers"] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let now = desk.clinic.office.clock().now();
        for _ in 0..2 {
            let asked = gate_asks(&desk).await;
            let Agreement::Active { from, until } = asked.agreement else { panic!("{asked:?}") };
            assert!(from < now && until.unwrap() > now + days(400), "{asked:?}");
            assert_eq!(asked.max_level, Level::Mention, "as the file says, whatever is signed");
            let found = records::agreement(&stands(&desk).await, now);
            assert_eq!(found.verdict, Verdict::Ok, "sotto doctor: {found:?}");
            // The old words of the file again, as at each start and reload.
            file_says(&desk, "active", -360, Some(20)).await;
        }
        // A later agreement in the file counts.
        file_says(&desk, "active", 0, Some(30)).await;
        desk.pass(2 * 86_400);
        file_says(&desk, "active", 0, Some(30)).await;
        let until = now + days(32);
        assert!(matches!(gate_asks(&desk).await.agreement, Agreement::Active { until: Some(at), .. } if at == until));
        // And what the file closes is closed.
        file_says(&desk, "terminated", -360, None).await;
        assert_eq!(gate_asks(&desk).await.agreement, Agreement::Ended);
        desk.clinic.is_proved().await;
    }

    async fn an_end_is_an_end_until_it_is_signed_anew_whatever_the_file_says(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::PrivacyOfficer).await;
        file_says(&desk, "active", -360, None).await;
        let end = format!("{SMS}/end");
        let page = desk.post(&end, &[("reason", " ")], &mut jar).await.is(422).text;
        assert!(page.contains("Write in a sentence why it ends."), "{page}");
        desk.post(&end, &[("reason", "They sold our numbers.")], &mut jar).await.goes_to(SMS);
        assert_eq!(gate_asks(&desk).await.agreement, Agreement::Ended);
        let found = records::agreement(&stands(&desk).await, desk.clinic.office.clock().now());
        assert_eq!(found.verdict, Verdict::Fail, "{found:?}");
        let page = desk.get(SMS, &mut jar).await.is(200).text;
        assert!(page.contains("Ended: nothing goes") && page.contains("The gate stops text"), "{page}");
        assert!(page.contains("They sold our numbers.") && !page.contains("Carrier twin"), "{page}");
        // The task leads here; the overview says which.
        let tasks = desk.get("/tasks", &mut jar).await.is(200).text;
        assert!(tasks.contains("certificate of return or destruction") && tasks.contains(VENDORS), "{tasks}");
        let board = desk.get("/", &mut jar).await.is(200).text;
        assert!(board.contains("Carrier One: Ended: nothing goes"), "{board}");
        // The file names a newer one: it stays ended. So it does after a restart.
        desk.pass(3 * 86_400);
        let mut jar = as_a(&desk, Role::Administrator).await;
        file_says(&desk, "active", -1, Some(900)).await;
        desk.clinic.reopened(&desk.clinic.db).await;
        assert_eq!(gate_asks(&desk).await.agreement, Agreement::Ended);
        let page = desk.post(&end, &[("reason", "Again.")], &mut jar).await.is(409).text;
        assert!(page.contains("no agreement in force to end"), "{page}");
        // The certificate comes, once.
        assert_eq!(open_tasks(&desk, TaskKind::Certificate).await, 1);
        let returned = format!("{SMS}/returned");
        let none = desk.upload(&returned, &[], &[], &mut jar).await.is(422).text;
        assert!(none.contains("Add a scan of the certificate."), "{none}");
        let scan: [(&str, &str, &[u8]); 1] = [("scan", "certificate.pdf", PAPER)];
        desk.upload(&returned, &[], &scan, &mut jar).await.goes_to(SMS);
        assert_eq!(open_tasks(&desk, TaskKind::Certificate).await, 0);
        assert_eq!(gate_asks(&desk).await.agreement, Agreement::Ended, "a certificate opens nothing");
        // Signed anew.
        sign(&desk, SMS, (0, 100), &mut jar).await.goes_to(SMS);
        assert!(matches!(gate_asks(&desk).await.agreement, Agreement::Active { .. }));
        desk.upload(&returned, &[], &scan, &mut jar).await.is(409);
        desk.clinic.is_proved().await;
    }

    async fn a_renewal_takes_back_an_end_and_its_task(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::Administrator).await;
        // A simulated carrier can be ended too, and is then as it was.
        desk.post(&format!("{SMS}/end"), &[("reason", "To try it.")], &mut jar).await.goes_to(SMS);
        assert_eq!(gate_asks(&desk).await.agreement, Agreement::Ended);
        sign(&desk, SMS, (0, 100), &mut jar).await.goes_to(SMS);
        assert_eq!(gate_asks(&desk).await.agreement, Agreement::Sandbox);
        assert_eq!(open_tasks(&desk, TaskKind::Certificate).await, 0);
        desk.clinic.is_proved().await;
    }

    async fn what_the_file_does_not_name_in_force_no_signature_opens(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::Administrator).await;
        for (status, stands) in [("missing", Agreement::Missing), ("terminated", Agreement::Ended)] {
            file_says(&desk, status, -10, None).await;
            let page = sign(&desk, SMS, (0, 100), &mut jar).await.is(409).text;
            assert!(page.contains("opens no channel"), "{page}");
            assert_eq!(gate_asks(&desk).await.agreement, stands);
        }
        // The file names a later one: what is older renews nothing.
        file_says(&desk, "active", -10, Some(50)).await;
        let page = sign(&desk, SMS, (-100, 100), &mut jar).await.is(409).text;
        assert!(page.contains("names a later agreement"), "{page}");
        let page = desk.get(SMS, &mut jar).await.is(200).text;
        assert!(page.contains("Nothing yet") && links(&page).is_empty(), "nothing was kept: {page}");
        // The portal is no vendor, and nobody is one by his name alone.
        for path in ["portal", "loopback", "sms_http", "01890000-0000-7000-8000-000000000001"] {
            desk.get(&format!("{VENDORS}/{path}"), &mut jar).await.is(404);
            sign(&desk, &format!("{VENDORS}/{path}"), (0, 100), &mut jar).await.is(404);
        }
        desk.clinic.is_proved().await;
    }

    async fn a_slip_keeps_what_was_typed_and_changes_nothing(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::Administrator).await;
        file_says(&desk, "active", -360, Some(20)).await;
        let (today, tomorrow) = (on(&desk, 0), on(&desk, 1));
        let (yesterday, far) = (on(&desk, -1), on(&desk, 365 * 40));
        let right = [("signed", today.as_str()), ("until", far.as_str()), ("signer", "R. Delgado"), ("notice", "")];
        let scan: [(&str, &str, &[u8]); 1] = [("scan", "agreement.pdf", PAPER)];
        for (name, value, says) in [
            ("signed", "", "Write the day it was signed"),
            ("signed", "3 May", "Write the day as 2027-12-31."),
            ("signed", tomorrow.as_str(), "today or before"),
            ("until", yesterday.as_str(), "That day is over"),
            ("until", far.as_str(), "Check the year"),
            ("signer", "", "Write who signed it."),
            ("notice", "61", "1 to 60 days"),
        ] {
            let form = right.map(|(field, begin)| {
                let begin = if field == "until" { tomorrow.as_str() } else { begin };
                (field, if field == name { value } else { begin })
            });
            let page = desk.upload(&format!("{SMS}/sign"), &form, &scan, &mut jar).await.is(422).text;
            assert!(page.contains(says) && page.contains(&format!("href=\"#sign-{name}\"")), "{name} {value}: {page}");
        }
        let form = [("signed", today.as_str()), ("until", tomorrow.as_str()), ("signer", "R. Delgado")];
        let page = desk.upload(&format!("{SMS}/sign"), &form, &[], &mut jar).await.is(422).text;
        assert!(page.contains("Add a scan") && page.contains("value=\"R. Delgado\""), "{page}");
        let active = b"%PDF-1.4\n<</S /JavaScript /JS (app.alert(1))>>\n%%EOF\n";
        let bad: [(&str, &str, &[u8]); 1] = [("scan", "agreement.pdf", active)];
        let page = desk.upload(&format!("{SMS}/sign"), &form, &bad, &mut jar).await.is(422).text;
        assert!(page.contains("href=\"#sign-scan\""), "{page}");
        assert!(matches!(gate_asks(&desk).await.agreement, Agreement::Active { until: Some(_), .. }));
        let page = desk.get(SMS, &mut jar).await.is(200).text;
        assert!(page.contains("20 days left") && page.contains("Nothing yet"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn who_carries_nothing_is_warned_of_too(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::Administrator).await;
        let slip = [("name", "Night Line LLC"), ("service", ""), ("level", "2")];
        let page = desk.post(VENDORS, &slip, &mut jar).await.is(422).text;
        assert!(page.contains("in a line what they do") && page.contains("value=\"Night Line LLC\""), "{page}");
        for level in ["", "4", "9", "much"] {
            let form = [("name", "Night Line LLC"), ("service", "answers at night"), ("level", level)];
            desk.post(VENDORS, &form, &mut jar).await.is(422);
        }
        let form = [("name", "Night Line LLC"), ("service", "answers at night"), ("level", "2")];
        let to = desk.post(VENDORS, &form, &mut jar).await.is(303).to().to_owned();
        let page = desk.get(VENDORS, &mut jar).await.is(200).text;
        assert!(page.contains("Night Line LLC: No agreement: nothing goes"), "{page}");
        sign(&desk, &to, (-1, 95), &mut jar).await.goes_to(&to);
        let page = desk.get(&to, &mut jar).await.is(200).text;
        assert!(page.contains("the gate asks nothing of them") && page.contains("95 days left"), "{page}");
        // It is called otherwise now; what was signed says how it was called then.
        let form = [("name", "Night Line Inc."), ("service", "answers at night"), ("level", "1")];
        desk.post(&to, &form, &mut jar).await.goes_to(&to);
        let page = desk.get(&to, &mut jar).await.is(200).text;
        assert!(page.contains("<h1>Night Line Inc.</h1>") && page.contains("Night Line LLC"), "{page}");
        let tick = || desk.clinic.write(|tx, office| agreements::tick(tx, office).unwrap());
        assert_eq!(tick().await, 0, "96 days are left");
        for left in [90, 60, 30, 7] {
            let now = desk.clinic.office.clock().now();
            desk.pass((ends(&desk).await - days(left)).duration_since(now).as_secs());
            assert_eq!([tick().await, tick().await], [1, 0], "{left} days");
        }
        let now = desk.clinic.office.clock().now();
        let other = desk.clinic.write(|tx, office| vendor::others(tx, office.practice()).unwrap()).await;
        let found = records::other_agreement(&other[0], now).unwrap();
        assert_eq!(found.verdict, Verdict::Warn, "{found:?}");
        // Whoever sees tasks and may do nothing about it is not led here.
        let mut desk_jar = as_a(&desk, Role::FrontDesk).await;
        let tasks = desk.get("/tasks", &mut desk_jar).await.is(200).text;
        assert!(tasks.contains("ends soon: renew it") && !tasks.contains(VENDORS), "{tasks}");
        desk.clinic.is_proved().await;
    }

    async fn a_scan_is_for_who_may_and_stands_with_its_vendor(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = as_a(&desk, Role::Administrator).await;
        file_says(&desk, "active", -360, Some(20)).await;
        sign(&desk, SMS, (0, 100), &mut jar).await.goes_to(SMS);
        let page = desk.get(SMS, &mut jar).await.is(200).text;
        let [scan] = links(&page)[..] else { panic!("{page}") };
        let answer = desk.get(scan, &mut jar).await.is(200);
        assert_eq!(answer.bytes.as_ref(), PAPER);
        let elsewhere = scan.replace("sms_smpp", "email_smtp");
        desk.get(&elsewhere, &mut jar).await.is(404);
        for role in [Role::FrontDesk, Role::Nurse, Role::Auditor] {
            let mut other = as_a(&desk, role).await;
            desk.get(scan, &mut other).await.is(403);
        }
        // Five minutes on, a change asks for the second factor again.
        desk.pass(301);
        let answer = desk.post(&format!("{SMS}/end"), &[("reason", "Enough.")], &mut jar).await;
        answer.goes_to("/lock?to=/settings/vendors");
        assert!(matches!(gate_asks(&desk).await.agreement, Agreement::Active { .. }));
        desk.clinic.is_proved().await;
    }
}

/// When the agreement with the one vendor that carries nothing ends.
async fn ends(desk: &Desk) -> Timestamp {
    let all = desk.clinic.write(|tx, office| vendor::others(tx, office.practice()).unwrap()).await;
    all[0].expires_at.unwrap()
}
