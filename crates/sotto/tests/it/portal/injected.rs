//! What patients type stands on the pages of the staff as what it is: letters. There is no export as a
//! table of cells, so nothing of it is ever a formula.

use sotto::access::roles::Role;
use sotto::db::form;

use super::files::{at_the_desk, path_in};
use super::forms::{definition, keep};
use super::inside::nonce;
use super::{PHONE, WORDS, come_in, letter};
use crate::access::{Answer, Desk};
use crate::attachments::PAPER;
use crate::on_both_engines;

/// Would be a picture that runs a script, the end of a field, and a formula.
const TYPED: &str = "=HYPERLINK(\"x\")</textarea><img src=x onerror=alert(1)>'\"><b>Thornwick";
const FILE: &str = "<img src=x onerror=alert(2)>.pdf";

/// It stands there, and is nothing but letters; and were it more, it would not run.
#[track_caller]
fn is_letters(path: &str, page: &Answer) -> bool {
    for live in ["<img src=x", "<b>Thornwick", "</textarea><img", "'\"><b>"] {
        assert!(!page.text.contains(live), "{path}: {live}\n{}", page.text);
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe-inline") && policy.contains("script-src 'self'"), "{policy}");
    page.text.contains("Thornwick")
}

on_both_engines! {
    async fn what_patients_type_is_letters_on_every_page_of_the_staff(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let at = desk.clinic.office.clock().now() + jiff::SignedDuration::from_hours(48);
        let visit = desk.clinic.book(ana, "a-1", at).await;
        letter(&desk, ana, WORDS).await;
        keep(&desk, "new", &definition()).await.goes_to("/settings/forms");
        let mut jar = come_in(&desk, PHONE).await;
        // By text, at the window with a file, and in a form.
        desk.clinic.text(PHONE, TYPED).await;
        let page = desk.get("/window/write", &mut jar).await.is(200).text;
        let fields = [("nonce", &*nonce(&page)), ("body", TYPED)];
        desk.upload("/window/write", &fields, &[("files", FILE, PAPER)], &mut jar).await.is(200);
        let home = desk.get("/window", &mut jar).await.is(200).text;
        let to = path_in(&home, &format!("/window/visits/{visit}/forms/"));
        let answers = [("version", "1"), ("1", TYPED)];
        desk.post(&to, &answers, &mut jar).await.is(200);
        let id = desk
            .clinic
            .write(move |tx, office| {
                form::answers_of(tx, office.practice(), ana).unwrap().remove(0).id
            })
            .await;

        let mut nurse = at_the_desk(&desk, Role::Nurse).await;
        let thread = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        for (path, shows) in [
            (thread, true),
            (format!("/people/{ana}/said"), true),
            (format!("/people/{ana}/forms/{id}"), true),
            ("/inbox".to_owned(), false),
            ("/tasks".to_owned(), false),
            ("/".to_owned(), false),
            (format!("/people/{ana}"), false),
            (format!("/people/{ana}/write"), false),
        ] {
            let page = desk.get(&path, &mut nurse).await.is(200);
            let stands = is_letters(&path, &page);
            assert!(stands || !shows, "{path}: what was typed stands there\n{}", page.text);
        }
        // And on the patient's own, also where it comes back as typed.
        let wrote = path_in(&home, "/window/wrote/");
        assert!(is_letters(&wrote, &desk.get(&wrote, &mut jar).await.is(200)));
        let wrong = [("version", "1"), ("1", TYPED), ("2", "9")];
        assert!(is_letters(&to, &desk.post(&to, &wrong, &mut jar).await.is(422)));
        desk.clinic.is_proved().await;
    }
}
