//! The sealed mode: what the server takes, what it gives to whom, and what opens it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use gate::PatientId;
use jiff::SignedDuration;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{Hpke as _, HpkePublicKey};
use sotto::access::roles::Role;
use sotto::access::staff;
use sotto::audit::Actor;
use sotto::conversations::tasks::TaskKind;
use sotto::db::sealed_thread as rows;
use sotto::db::task::TaskState;
use sotto::ids::{SealedMessageId, SealedThreadId, StaffId};
use sotto::sealed::PublicKey;
use sotto::sealed::envelope::{Envelope, KEY_INFO, Sealed};
use sotto::sealed::recovery::RecoveryKey;
use sotto::sealed::threads;
use sotto::{params, sql};

use super::{OTHER, PHONE, come_in, of_kind};
use crate::access::{Desk, Jar};
use crate::on_both_engines;

const SECRET: &str = "The Quillfeather result is back: it is good news.";

/// A browser's public half. Only the recovery key is opened with here.
fn device() -> PublicKey {
    RecoveryKey::generate().unwrap().public().clone()
}

/// Two who write, their browsers, and the practice's recovery key.
pub(super) struct Pair {
    pub(super) desk: Desk,
    pub(super) recovery: RecoveryKey,
    pub(super) nurse: StaffId,
    pub(super) nurse_jar: Jar,
    pub(super) nurse_key: PublicKey,
    pub(super) ana: PatientId,
    pub(super) ana_jar: Jar,
    pub(super) ana_key: PublicKey,
    pub(super) thread: SealedThreadId,
}

impl Pair {
    /// Begun by the nurse, opened by the patient, with a key of each.
    pub(super) async fn open(db: crate::engines::TestDb) -> Self {
        let mut desk = Desk::open(db).await;
        let recovery = RecoveryKey::generate().unwrap();
        desk.with_recovery(recovery.public().clone());
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let (nurse, _) = desk.invite("nurse@harborview.example", &[Role::Nurse]).await;
        let mut nurse_jar = desk.let_in(nurse).await;
        let (nurse_key, ana_key) = (device(), device());
        let list = format!("/people/{ana}/sealed");
        // Before there is a key nothing can be begun.
        desk.post(&list, &[], &mut nurse_jar).await.is(409);
        let form = [("public_key", nurse_key.to_text())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        desk.post(&format!("{list}/key"), &form, &mut nurse_jar).await.goes_to(&list);
        let answer = desk.post(&list, &[], &mut nurse_jar).await.is(303);
        let thread: SealedThreadId = answer.to().rsplit('/').next().unwrap().parse().unwrap();
        let mut ana_jar = come_in(&desk, PHONE).await;
        let here = format!("/window/sealed/{thread}");
        desk.get(&here, &mut ana_jar).await.is(200);
        let form = [("public_key", ana_key.to_text())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        desk.post(&format!("{here}/key"), &form, &mut ana_jar).await.goes_to(&here);
        Self { desk, recovery, nurse, nurse_jar, nurse_key, ana, ana_jar, ana_key, thread }
    }

    fn readers(&self) -> [&PublicKey; 3] {
        [&self.nurse_key, &self.ana_key, self.recovery.public()]
    }

    fn now(&self) -> i64 {
        self.desk.clinic.db.clock.now().as_millisecond()
    }

    fn by_nurse(&self, words: &str) -> Envelope {
        seal(self.thread, &self.nurse_key, self.now(), self.readers(), words)
    }

    pub(super) fn by_ana(&self, words: &str) -> Envelope {
        seal(self.thread, &self.ana_key, self.now(), self.readers(), words)
    }

    async fn nurse_sends(&mut self, body: &str) -> u16 {
        let path = format!("/people/{}/sealed/{}", self.ana, self.thread);
        self.desk.hand_in(&path, body, &mut self.nurse_jar).await.status.as_u16()
    }

    async fn ana_sends(&mut self, body: &str) -> u16 {
        let path = format!("/window/sealed/{}", self.thread);
        self.desk.hand_in(&path, body, &mut self.ana_jar).await.status.as_u16()
    }

    async fn stored(&self) -> usize {
        let thread = self.thread;
        let all = self.desk.clinic.write(move |tx, office| {
            rows::messages_of(tx, office.practice(), (thread, 100)).unwrap()
        });
        all.await.len()
    }
}

pub(super) fn text(envelope: &Envelope) -> String {
    String::from_utf8(envelope.to_bytes()).unwrap()
}

/// As a browser seals.
fn seal(
    thread: SealedThreadId,
    from: &PublicKey,
    at: i64,
    readers: [&PublicKey; 3],
    words: &str,
) -> Envelope {
    let b64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let mut envelope = Envelope {
        v: 1,
        thread,
        id: SealedMessageId(uuid::Uuid::from_bytes(random())),
        from: from.fingerprint(),
        at,
        to: readers.map(|key| Sealed {
            key: key.fingerprint(),
            enc: String::new(),
            ct: String::new(),
        }),
        iv: String::new(),
        ct: String::new(),
    };
    let bound = envelope.bound();
    let (key, iv) = (random::<32>(), random::<12>());
    for (sealed, reader) in envelope.to.iter_mut().zip(readers) {
        let reader = HpkePublicKey(reader.as_bytes().to_vec());
        let (enc, ct) = SUITE.seal(KEY_INFO, bound.as_bytes(), &key, &reader).unwrap();
        (sealed.enc, sealed.ct) = (b64(&enc.0), b64(&ct));
    }
    let mut filled = words.as_bytes().to_vec();
    filled.push(0x80);
    filled.resize(filled.len().next_multiple_of(256), 0);
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap())
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(bound.as_bytes()),
            &mut filled,
        )
        .unwrap();
    (envelope.iv, envelope.ct) = (b64(&iv), b64(&filled));
    envelope
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

on_both_engines! {
    async fn both_write_and_the_recovery_key_reads_what_is_stored(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let before = of_kind(&pair.desk, PHONE, "secure_message_notice").await.len();
        assert_eq!(pair.nurse_sends(&text(&pair.by_nurse(SECRET))).await, 201);
        pair.desk.pass(1);
        assert_eq!(pair.ana_sends(&text(&pair.by_ana("¡Gracias! 😀"))).await, 201);
        // The patient hears that something is here, and not of what; the words are nowhere.
        let notices = of_kind(&pair.desk, PHONE, "secure_message_notice").await;
        assert_eq!(notices.len(), before + 1);
        assert!(!notices.last().unwrap().body.contains("Quillfeather"));
        let here = format!("/window/sealed/{}", pair.thread);
        let page = pair.desk.get(&here, &mut pair.ana_jar).await.is(200).text;
        assert_eq!(page.matches("data-envelope=").count(), 2);
        assert!(!page.contains("Quillfeather"), "{page}");
        let at_desk = format!("/people/{}/sealed/{}", pair.ana, pair.thread);
        let page = pair.desk.get(&at_desk, &mut pair.nurse_jar).await.is(200).text;
        assert!(page.find("emergency reader can’t read").unwrap() < page.find("<textarea").unwrap());
        // The recovery key opens both; another does not.
        let thread = pair.thread;
        let all = pair.desk.clinic.write(move |tx, office| {
            threads::hand_out(tx, office, thread, &Actor::operator()).unwrap()
        });
        let all = all.await;
        let opened: Vec<String> = all
            .iter()
            .map(|one| {
                let envelope = Envelope::read(one.envelope.as_ref().unwrap().as_bytes()).unwrap();
                assert!(RecoveryKey::generate().unwrap().open(&envelope).is_err());
                pair.recovery.open(&envelope).unwrap().to_string()
            })
            .collect();
        assert_eq!(opened, [SECRET, "¡Gracias! 😀"]);
        let mut changed = Envelope::read(all[0].envelope.as_ref().unwrap().as_bytes()).unwrap();
        changed.at += 1;
        assert!(pair.recovery.open(&changed).is_err(), "the time is bound");
        // Each step is on the log, and the rows are vouched for.
        pair.desk.clinic.is_proved().await;
    }

    async fn the_export_has_more_than_a_page_shows(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let written = 203;
        for n in 1..=written {
            pair.desk.pass(1);
            assert_eq!(pair.ana_sends(&text(&pair.by_ana(&n.to_string()))).await, 201);
        }
        let here = format!("/window/sealed/{}", pair.thread);
        let page = pair.desk.get(&here, &mut pair.ana_jar).await.is(200).text;
        assert_eq!(page.matches("data-envelope=").count(), 200);
        // A page says that there are earlier ones, and leads to them, on both sides.
        let desk_side = format!("/people/{}/sealed/{}", pair.ana, pair.thread);
        for (at, nurse) in [(&here, false), (&desk_side, true)] {
            let jar = if nurse { &mut pair.nurse_jar } else { &mut pair.ana_jar };
            let page = pair.desk.get(at, jar).await.is(200).text;
            assert!(page.contains("data-write") && !page.contains("To the last messages"), "{page}");
            let earlier = page.split(&format!("href=\"{at}?before=")).nth(1).unwrap();
            let earlier = format!("{at}?before={}", &earlier[..36]);
            let older = pair.desk.get(&earlier, jar).await.is(200).text;
            assert_eq!(older.matches("data-envelope=").count(), 3, "{older}");
            assert!(!older.contains("Earlier messages") && !older.contains("data-write"), "{older}");
            assert!(older.contains(&format!("href=\"{at}\"")), "{older}");
            // None of them stands on both pages.
            let ids = |page: &str| -> Vec<String> {
                let ids = page.split("&#34;id&#34;:&#34;").skip(1);
                ids.map(|rest| rest[..36].to_owned()).collect()
            };
            let (newer, older) = (ids(&page), ids(&older));
            assert_eq!((newer.len(), older.len()), (200, 3));
            assert!(older.iter().all(|id| !newer.contains(id)));
            // What is no message of this conversation leads nowhere.
            for before in ["01890000-0000-7000-8000-000000000001", "x"] {
                pair.desk.get(&format!("{at}?before={before}"), jar).await.is(404);
            }
        }
        let thread = pair.thread;
        let all = pair.desk.clinic.write(move |tx, office| {
            threads::hand_out(tx, office, thread, &Actor::operator()).unwrap()
        });
        let all = all.await;
        assert_eq!(all.len(), written);
        let first = Envelope::read(all[0].envelope.as_ref().unwrap().as_bytes()).unwrap();
        assert_eq!(pair.recovery.open(&first).unwrap().as_str(), "1");
    }

    async fn what_the_patient_wrote_is_one_task_until_it_is_answered(db: TestDb) {
        let mut pair = Pair::open(db).await;
        for words in ["one", "two"] {
            assert_eq!(pair.ana_sends(&text(&pair.by_ana(words))).await, 201);
        }
        let open = |tasks: Vec<sotto::db::task::TaskRow>| {
            let sealed = tasks.into_iter().filter(|task| {
                task.kind == TaskKind::SealedMessage && task.state == TaskState::Open
            });
            sealed.map(|task| task.patient_id).collect::<Vec<_>>()
        };
        assert_eq!(open(pair.desk.clinic.tasks().await), [Some(pair.ana)]);
        assert_eq!(pair.nurse_sends(&text(&pair.by_nurse(SECRET))).await, 201);
        assert_eq!(open(pair.desk.clinic.tasks().await), []);
        assert_eq!(pair.ana_sends(&text(&pair.by_ana("three"))).await, 201);
        assert_eq!(open(pair.desk.clinic.tasks().await), [Some(pair.ana)]);
        pair.desk.clinic.is_proved().await;
    }

    async fn what_does_not_have_the_form_is_not_taken(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let good = pair.by_ana(SECRET);
        let changed = |change: &dyn Fn(&mut Envelope)| {
            let mut envelope = good.clone();
            change(&mut envelope);
            text(&envelope)
        };
        let short = BASE64_URL_SAFE_NO_PAD.encode([0; 20]);
        let odd = BASE64_URL_SAFE_NO_PAD.encode([0; 300]);
        let long = BASE64_URL_SAFE_NO_PAD.encode(vec![0; 16 * 1024 + 256 + 16]);
        for (name, body, status) in [
            ("nothing", String::new(), 400),
            ("no JSON", "{".to_owned(), 400),
            ("version", changed(&|one| one.v = 2), 400),
            ("another way to write it", text(&good).replacen(',', ", ", 1), 400),
            ("more fields", text(&good).replacen("{\"v\":1", "{\"v\":1,\"note\":\"x\"", 1), 400),
            ("capital letters", changed(&|one| one.from = one.from.to_uppercase()), 400),
            ("no base64", changed(&|one| one.iv = "****".to_owned()), 400),
            ("short key", changed(&|one| one.to[1].enc.clone_from(&short)), 400),
            ("short sealed key", changed(&|one| one.to[2].ct.clone_from(&short)), 400),
            ("short nonce", changed(&|one| one.iv.truncate(8)), 400),
            ("odd words", changed(&|one| one.ct.clone_from(&odd)), 400),
            ("no words", changed(&|one| one.ct = BASE64_URL_SAFE_NO_PAD.encode([0; 16])), 400),
            ("long words", changed(&|one| one.ct.clone_from(&long)), 413),
            ("much too large", "x".repeat(30 * 1024), 413),
            ("beyond every limit", "x".repeat(70 * 1024), 413),
        ] {
            assert_eq!(pair.ana_sends(&body).await, status, "{name}");
        }
        assert_eq!(pair.stored().await, 0);
        assert_eq!(pair.ana_sends(&text(&good)).await, 201);
    }

    async fn it_is_sealed_to_the_two_and_the_recovery_key_and_to_nobody_else(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let stranger = device();
        let (nurse, ana, recovery) =
            (pair.nurse_key.clone(), pair.ana_key.clone(), pair.recovery.public().clone());
        for (name, from, readers) in [
            ("a stranger for the nurse", &ana, [&stranger, &ana, &recovery]),
            ("a stranger for the patient", &ana, [&nurse, &stranger, &recovery]),
            ("a stranger for the recovery key", &ana, [&nurse, &ana, &stranger]),
            ("another order", &ana, [&ana, &nurse, &recovery]),
            ("one twice", &ana, [&nurse, &nurse, &recovery]),
            ("in the nurse's name", &nurse, [&nurse, &ana, &recovery]),
            ("in a stranger's name", &stranger, [&nurse, &ana, &recovery]),
        ] {
            let sealed = seal(pair.thread, from, pair.now(), readers, SECRET);
            assert_eq!(pair.ana_sends(&text(&sealed)).await, 409, "{name}");
        }
        for (name, minutes) in [("old", -11), ("ahead", 3)] {
            let at = pair.now() + minutes * 60_000;
            let sealed = seal(pair.thread, &ana, at, [&nurse, &ana, &recovery], SECRET);
            assert_eq!(pair.ana_sends(&text(&sealed)).await, 422, "{name}");
        }
        assert_eq!(pair.stored().await, 0);
    }

    async fn an_id_is_good_once_and_the_same_again_is_the_same(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let first = pair.by_ana(SECRET);
        for _ in 0..2 {
            assert_eq!(pair.ana_sends(&text(&first)).await, 201);
        }
        assert_eq!(pair.stored().await, 1);
        let other = Envelope { id: first.id, ..pair.by_ana("something else") };
        assert_eq!(pair.ana_sends(&text(&other)).await, 409);
        // The other side cannot hand it in as theirs either.
        assert_eq!(pair.nurse_sends(&text(&first)).await, 409);
        assert_eq!(pair.stored().await, 1);
    }

    async fn nobody_else_s_conversation_can_be_named(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let ben = pair.desk.clinic.patient("Ben", "en", OTHER).await;
        let list = format!("/people/{ben}/sealed");
        let begun = pair.desk.post(&list, &[], &mut pair.nurse_jar).await.is(303);
        let his: SealedThreadId = begun.to().rsplit('/').next().unwrap().parse().unwrap();
        let mut ben_jar = come_in(&pair.desk, OTHER).await;
        let hers = format!("/window/sealed/{}", pair.thread);
        let never = "/window/sealed/01890000-0000-7000-8000-000000000001";
        let nothing = pair.desk.get(never, &mut ben_jar).await.is(404).text;
        assert_eq!(pair.desk.get(&hers, &mut ben_jar).await.is(404).text, nothing);
        assert_eq!(pair.desk.get("/window/sealed/x", &mut ben_jar).await.is(404).text, nothing);
        pair.desk.hand_in(&hers, &text(&pair.by_ana(SECRET)), &mut ben_jar).await.is(404);
        let key = device().to_text();
        let form = [("public_key", key.as_str())];
        pair.desk.post(&format!("{hers}/key"), &form, &mut ben_jar).await.is(404);
        let page = pair.desk.get("/window/sealed", &mut ben_jar).await.is(200).text;
        assert!(page.contains(&his.to_string()) && !page.contains(&pair.thread.to_string()));
        // Hers, handed in to his, and the other way round.
        let there = format!("/people/{ben}/sealed/{his}");
        let crossed = text(&pair.by_nurse(SECRET));
        pair.desk.hand_in(&there, &crossed, &mut pair.nurse_jar).await.is(404);
        // The path names one patient and the conversation of another.
        let mixed = format!("/people/{ben}/sealed/{}", pair.thread);
        pair.desk.get(&mixed, &mut pair.nurse_jar).await.is(404);
        pair.desk.hand_in(&mixed, &crossed, &mut pair.nurse_jar).await.is(404);
        // A colleague of the same role sees that it is there, and cannot open it.
        let (colleague, _) = pair.desk.invite("two@harborview.example", &[Role::Nurse]).await;
        let mut jar = pair.desk.let_in(colleague).await;
        let list = format!("/people/{}/sealed", pair.ana);
        let seen = pair.desk.get(&list, &mut jar).await.is(200).text;
        assert!(!seen.contains(&pair.thread.to_string()), "{seen}");
        pair.desk.get(&format!("{list}/{}", pair.thread), &mut jar).await.is(404);
        let (front, _) = pair.desk.invite("front@harborview.example", &[Role::FrontDesk]).await;
        let mut jar = pair.desk.let_in(front).await;
        pair.desk.get(&list, &mut jar).await.is(403);
        assert_eq!(pair.stored().await, 0);
        pair.desk.clinic.is_proved().await;
    }

    async fn a_lost_device_is_sealed_to_no_more(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let sealed = text(&pair.by_nurse(SECRET));
        let path = format!("/people/{}/cut-off", pair.ana);
        pair.desk.post(&path, &[], &mut pair.nurse_jar).await.is(303);
        assert_eq!(pair.nurse_sends(&sealed).await, 409, "there is no key of the patient");
        // A new device, by a new link; what was sealed for the old one is of no use.
        let list = format!("/people/{}/sealed", pair.ana);
        pair.desk.clinic.write({
            let ana = pair.ana;
            move |tx, office| {
                let actor = Actor::staff("s-1", "nurse");
                assert!(sotto::portal::letters::invite(tx, office, ana, &actor).unwrap());
            }
        }).await;
        pair.ana_jar = come_in(&pair.desk, PHONE).await;
        let fresh = device();
        let key = fresh.to_text();
        let here = format!("/window/sealed/{}", pair.thread);
        pair.desk
            .post(&format!("{here}/key"), &[("public_key", &key)], &mut pair.ana_jar)
            .await
            .goes_to(&here);
        assert_eq!(pair.nurse_sends(&sealed).await, 409, "sealed to the lost one");
        let old = std::mem::replace(&mut pair.ana_key, fresh);
        assert_eq!(pair.nurse_sends(&text(&pair.by_nurse(SECRET))).await, 201);
        // No point of the curve is no key.
        for wrong in ["", "AAAA", &BASE64_URL_SAFE_NO_PAD.encode([4; 65])] {
            let form = [("public_key", wrong)];
            pair.desk.post(&format!("{here}/key"), &form, &mut pair.ana_jar).await.is(422);
        }
        let ends = pair.desk.clinic.write(move |tx, office| {
            tx.query(
                sql!("SELECT public_key, ended_why FROM sealed_key
                       WHERE practice_id = $1 AND ended_at IS NOT NULL"),
                params![office.practice()],
                |row| Ok((row.get::<Vec<u8>>(0)?, row.get::<String>(1)?)),
            ).unwrap()
        });
        assert_eq!(ends.await, [(old.as_bytes().to_vec(), "cut_off".to_owned())]);
        pair.desk.get(&list, &mut pair.nurse_jar).await.is(200);
        pair.desk.clinic.is_proved().await;
    }

    async fn whoever_works_here_no_more_is_written_to_no_more(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let nurse = pair.nurse;
        pair.desk.clinic.write(move |tx, office| {
            staff::disable(tx, office, nurse, Actor::operator()).unwrap();
        }).await;
        assert_eq!(pair.ana_sends(&text(&pair.by_ana(SECRET))).await, 409);
        let here = format!("/window/sealed/{}", pair.thread);
        let page = pair.desk.get(&here, &mut pair.ana_jar).await.is(200).text;
        assert!(page.contains("data-here=\"no\""), "{page}");
    }

    async fn a_patient_who_does_not_come_is_called(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let ask = async |pair: &Pair| {
            threads::look(&pair.desk.clinic.db.db, &pair.desk.clinic.office).await.unwrap()
        };
        // They were there after the first notice: nothing to do, however late.
        pair.desk.pass(72 * 60 * 60);
        assert_eq!(ask(&pair).await, 0);
        pair.nurse_jar = pair.desk.let_in(pair.nurse).await;
        let sealed = text(&pair.by_nurse(SECRET));
        assert_eq!(pair.nurse_sends(&sealed).await, 201);
        pair.desk.clinic.db.clock.advance(SignedDuration::from_hours(47));
        assert_eq!(ask(&pair).await, 0);
        pair.desk.clinic.db.clock.advance(SignedDuration::from_hours(2));
        assert_eq!(ask(&pair).await, 1);
        assert_eq!(ask(&pair).await, 0, "once");
        let tasks = pair.desk.clinic.tasks().await;
        assert!(tasks.iter().any(|task| {
            task.kind == TaskKind::Unread && task.patient_id == Some(pair.ana)
        }), "{tasks:?}");
    }

    async fn a_patient_whom_no_notice_reaches_is_called_at_once(db: TestDb) {
        let mut pair = Pair::open(db).await;
        let here = format!("/window/sealed/{}", pair.thread);
        pair.desk.get(&here, &mut pair.ana_jar).await.is(200);
        pair.desk.clinic.text(PHONE, "STOP").await;
        let sealed = text(&pair.by_nurse(SECRET));
        assert_eq!(pair.nurse_sends(&sealed).await, 201);
        let tasks = pair.desk.clinic.tasks().await;
        assert!(tasks.iter().any(|task| {
            task.kind == TaskKind::Unread && task.patient_id == Some(pair.ana)
        }), "{tasks:?}");
        pair.desk.clinic.is_proved().await;
    }

    async fn without_a_recovery_key_the_mode_is_off(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let (nurse, _) = desk.invite("nurse@harborview.example", &[Role::Nurse]).await;
        let mut jar = desk.let_in(nurse).await;
        let list = format!("/people/{ana}/sealed");
        let page = desk.get(&list, &mut jar).await.is(200).text;
        assert!(page.contains("sotto sealed new-key") && !page.contains("<button type=\"submit\">Begin"));
        let said = desk.post(&list, &[], &mut jar).await.is(409).text;
        assert!(said.contains("sealed.recovery_key"), "{said}");
    }
}
