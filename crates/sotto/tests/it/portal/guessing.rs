//! What a stranger could tell by the time an answer takes: nothing, since what is there and what is not
//! lead to the same questions to the database, or are answered before anybody looks.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use sotto::access::roles::Role;
use sotto::db::{DatabaseUrl, Db, DbError, Threads};

use super::tablet::{hand_over, nurse, open};
use super::{BORN, OTHER, PHONE, WORDS, letter, of_kind, token};
use crate::access::{Answer, Desk, Jar};
use crate::engines::TestDb;
use crate::on_both_engines;

/// Hears each statement that is asked of the database.
pub(super) struct Ears(Arc<Mutex<Vec<&'static str>>>);

/// How many transactions can write at once.
const WRITERS: usize = 4;

impl Ears {
    /// The same database, heard.
    pub(super) fn on(mut db: TestDb) -> (TestDb, Self) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let url: DatabaseUrl = db.url.parse().unwrap();
        let (threads, now) = (Threads { readers: 2, writers: WRITERS }, db.clock.now());
        let note = Arc::new(move |sql| heard.lock().unwrap().push(sql));
        db.db = Db::open_heard(&url, threads, now, note).unwrap();
        (db, Self(said))
    }

    /// What is asked until this is done.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<&'static str>) {
        self.0.lock().unwrap().clear();
        let done = work.await;
        (done, std::mem::take(&mut *self.0.lock().unwrap()))
    }
}

/// All are answered alike, letter for letter, after the same questions.
#[track_caller]
fn alike(all: &[(String, Answer, Vec<&'static str>)]) {
    let (_, first, asked) = &all[0];
    assert!(!asked.is_empty(), "nothing was looked up");
    for (what, answer, its) in all {
        assert_eq!(answer.status, first.status, "{what}");
        assert_eq!(answer.text, first.text, "{what}");
        assert_eq!(its, asked, "{what}");
    }
}

on_both_engines! {
    async fn a_name_that_nobody_has_is_looked_for_like_any_other(db: TestDb) {
        let (db, ears) = Ears::on(db);
        let desk = Desk::open(db).await;
        let mut own = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut own).await;
        // Nobody set up a password with this one yet; these roles never have one.
        desk.invite("new@harborview.example", &[Role::Nurse]).await;
        desk.invite("head@harborview.example", &[Role::Administrator]).await;
        let right = desk.code_of(&rosa);
        let mut all = Vec::new();
        for email in [
            "nobody@harborview.example", &rosa.email, "new@harborview.example",
            "head@harborview.example", "not a mailbox at all",
        ] {
            let form = [("email", email), ("password", "a guess of mine"), ("code", &right)];
            let mut jar = Jar::default();
            let (mut answer, asked) = ears.during(desk.post("/sign-in", &form, &mut jar)).await;
            answer.text = answer.text.replace(&format!("value=\"{email}\""), "");
            all.push((email.to_owned(), answer.is(422), asked));
        }
        alike(&all);
        desk.clinic.is_proved().await;
    }

    async fn a_link_that_is_over_is_looked_for_like_one_that_never_was(db: TestDb) {
        let (db, ears) = Ears::on(db);
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ana, WORDS).await;
        letter(&desk, ben, WORDS).await;
        let (cut, old) = (token(&desk, PHONE).await, token(&desk, OTHER).await);
        let (id, _) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        desk.post(&format!("/people/{ana}/cut-off"), &[], &mut desk.let_in(id).await).await.is(303);
        desk.pass(15 * 24 * 3600);
        for (way, path, form) in [
            ("get", "", None),
            ("post", "", Some(&BORN[..])),
            ("get", "/code", None),
            ("post", "/code", Some(&[("code", "123456")][..])),
        ] {
            let mut all = Vec::new();
            for token in [&"f".repeat(22), &cut, &old] {
                let (at, mut jar) = (format!("/w/{token}{path}"), Jar::default());
                let ask = async {
                    match form {
                        None => desk.get(&at, &mut jar).await,
                        Some(form) => desk.post(&at, form, &mut jar).await,
                    }
                };
                let (mut answer, asked) = ears.during(ask).await;
                answer.text = answer.text.replace(token, "…");
                all.push((format!("{way} {at}"), answer.is(410), asked));
            }
            alike(&all);
        }
        desk.clinic.is_proved().await;
    }

    async fn an_invitation_and_a_tablets_code_that_are_over_are_as_if_they_never_were(db: TestDb) {
        let (db, ears) = Ears::on(db);
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let (_, mut ines) = nurse(&desk).await;
        let used = hand_over(&desk, ana, &mut ines).await;
        open(&desk, &used, &mut Jar::default()).await.goes_to("/window");
        let taken_back = hand_over(&desk, ana, &mut ines).await;
        hand_over(&desk, ana, &mut ines).await;
        let mut all = Vec::new();
        for code in ["AAAA BBBB", &used, &taken_back] {
            let (answer, asked) = ears.during(open(&desk, code, &mut Jar::default())).await;
            all.push((code.to_owned(), answer.is(422), asked));
        }
        alike(&all);

        let (_, link) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        desk.pass(4 * 24 * 3600);
        let mut all = Vec::new();
        // As long as any, and of the same letters.
        for link in [link.chars().rev().collect::<String>(), link] {
            let at = format!("/invite/{link}");
            let (mut answer, asked) = ears.during(desk.get(&at, &mut Jar::default())).await;
            answer.text = answer.text.replace(&link, "…");
            all.push((at, answer.is(410), asked));
        }
        alike(&all);
        desk.clinic.is_proved().await;
    }

    async fn whether_a_number_is_on_file_is_looked_up_after_the_answer(db: TestDb) {
        let (db, _) = Ears::on(db);
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let link = token(&desk, PHONE).await;
        let before = of_kind(&desk, PHONE, "secure_message_notice").await.len();
        // Nobody can write, and so nobody can look with the intent to send: all writers are busy.
        let mut held = Vec::new();
        let mut busy = Vec::new();
        let (entered, enters) = mpsc::channel();
        for _ in 0..WRITERS {
            let (hold, until) = mpsc::channel::<()>();
            let (db, entered) = (desk.clinic.db.db.clone(), entered.clone());
            busy.push(tokio::spawn(async move {
                db.write(move |_| {
                    entered.send(()).unwrap();
                    // An error: it was let go.
                    let _ = until.recv();
                    Ok::<_, DbError>(())
                })
                .await
            }));
            held.push(hold);
        }
        let most = if desk.clinic.db.engine() == "sqlite" { 1 } else { WRITERS };
        let enters = tokio::task::spawn_blocking(move || {
            (0..most).for_each(|_| enters.recv().unwrap());
            enters
        })
        .await
        .unwrap();
        let patience = Duration::from_secs(60);
        let mut pages = Vec::new();
        for address in [PHONE, OTHER, "nobody@example.com", "no address at all"] {
            let mut jar = Jar::default();
            let form = [("address", address)];
            let asked = tokio::time::timeout(patience, desk.post("/window/in", &form, &mut jar));
            pages.push(asked.await.expect("answered before anything is looked up").is(200).text);
        }
        for token in [&link, &"f".repeat(22)] {
            let (path, mut jar) = (format!("/w/{token}/again"), Jar::default());
            let asked = tokio::time::timeout(patience, desk.post(&path, &[], &mut jar));
            pages.push(asked.await.expect("answered before anything is looked up").is(200).text);
        }
        assert!(pages.iter().all(|page| *page == pages[0]), "{pages:#?}");
        drop(held);
        for task in busy {
            task.await.unwrap().unwrap();
        }
        drop(enters);
        // Afterwards it goes to whoever has the number, and to nobody else.
        while of_kind(&desk, PHONE, "secure_message_notice").await.len() < before + 2 {
            tokio::task::yield_now().await;
        }
        assert!(of_kind(&desk, OTHER, "secure_message_notice").await.is_empty());
        desk.clinic.is_proved().await;
    }
}
