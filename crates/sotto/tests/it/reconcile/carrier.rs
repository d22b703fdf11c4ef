//! Losses put in at the carrier, over real sockets: a receipt that is lost, a message that is lost
//! behind the carrier's answer, a receipt that was not true, an answer that was lost. The carrier is
//! asked, or its list is read, and each is settled or found.

use std::io::Write as _;
use std::time::Duration;

use sotto::arrivals;
use sotto::channels::AnyAdapter;
use sotto::db::vendor::{self, ChannelSetting, NewVendor};
use sotto::live::Live;
use sotto::reconcile::Carrier;
use sotto::reconcile::carrier_file::{CarrierFile, CarrierFileError};
use sotto::reconcile::report::WhyStopped;
use tokio::task::JoinHandle;
use twin::{Fault, HttpConfig, MessageIds, Queries, SmppConfig, TwinConfig, WorldClock};

use super::*;
use crate::channels::bench::{Bench, Which, http, start_smpp};

/// The practice and a carrier with a life of its own.
struct Wired {
    world: World,
    bench: Bench,
    adapters: Vec<Live<AnyAdapter>>,
    arrivals: JoinHandle<()>,
}

impl Drop for Wired {
    fn drop(&mut self) {
        self.arrivals.abort();
    }
}

impl Wired {
    async fn new(db: TestDb, which: Which, change: impl FnOnce(&mut TwinConfig)) -> Self {
        let world = World::new(db).await;
        let start = world.now();
        let mut bench = Bench::with(which, |config| {
            config.clock = WorldClock::manual(start);
            change(config);
        })
        .await;
        let adapter = if which == Which::Smpp {
            // The machine may be busy; no answer is lost for that.
            let adapter = start_smpp(&bench.twin, bench.sender.clone(), |settings| {
                settings.session.answer_within = Duration::from_secs(30);
            });
            AnyAdapter::SmsSmpp(adapter)
        } else {
            by_http(&world).await;
            http(&bench.twin, bench.sender.clone()).await
        };
        let (db, office) = (world.clinic.db.db.clone(), world.clinic.office.clone());
        let arrivals = tokio::spawn(arrivals::run(db, office, bench.take_events()));
        Self { world, bench, adapters: vec![Live::new(adapter)], arrivals }
    }

    fn pass(&self, span: SignedDuration) {
        self.world.clinic.office.clock().advance(span);
        self.bench.twin.clock().advance(span);
    }

    /// A text to each of these phones, each with what happens to it at the carrier. Hours later,
    /// everything that comes of itself has come.
    async fn send(&self, phones: &[(usize, Option<Fault>)], receipts: u64) -> Vec<MessageId> {
        let mut visits = Vec::new();
        for (nth, fault) in phones {
            visits.push(self.world.visit(*nth).await.1);
            if let Some(fault) = fault {
                self.bench.twin.faults().next_to(self.bench.which.door(), &phone(*nth), *fault);
            }
        }
        self.pass(HOUR * 2);
        self.world.clinic.tick().await;
        self.world.hand_over(Arc::new(self.adapters[0].clone())).await;
        let before = self.bench.twin.look(|record| record.counts.receipts_acked);
        self.pass(HOUR / 60);
        self.bench.twin.until(|record| record.counts.receipts_acked >= before + receipts).await;
        let mut sent = Vec::new();
        for visit in visits {
            sent.push(self.world.message(visit).await);
        }
        sent
    }

    async fn ask(&self) -> Report {
        let stop = CancellationToken::new();
        self.world.reconcile_with(Carrier::Asked(&self.adapters, &stop)).await
    }

    async fn read(&self, list: &str) -> Report {
        let mut file = carrier_file(list).unwrap();
        self.world.reconcile_with(Carrier::File(&mut file)).await
    }

    fn list(&self) -> String {
        self.bench.twin.delivery_file(self.bench.which.door())
    }
}

fn carrier_file(list: &str) -> Result<CarrierFile, CarrierFileError> {
    let path =
        std::env::temp_dir().join(format!("sotto-list-{}", sotto::clock::Clock::system().new_id()));
    let mut file =
        std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(list.as_bytes()).unwrap();
    CarrierFile::open(file, jiff::tz::TimeZone::UTC, smpp::MessageIdForm::Same)
}

/// The practice's texts go by HTTP.
async fn by_http(world: &World) {
    world
        .clinic
        .write(|tx, office| {
            let new = NewVendor {
                adapter: "sms_http",
                legal_name: "The twin",
                service: "A simulated carrier",
                max_level: gate::Level::Sensitive,
                agreement: "sandbox",
                effective_at: None,
                expires_at: None,
                reason: None,
            };
            let (practice, now) = (office.practice(), office.clock().now());
            vendor::put(tx, practice, &new, now).unwrap();
            let setting = ChannelSetting {
                adapter: "sms_http".to_owned(),
                enabled: true,
                sender: "+12025550100".to_owned(),
            };
            vendor::put_channel(tx, practice, gate::Channel::Sms, &setting, now).unwrap();
        })
        .await;
}

/// What a carrier that answers is asked about, settled and found.
async fn is_asked(db: TestDb, which: Which) {
    use FindingKind::*;
    let wired = Wired::new(db, which, |config| {
        if which == Which::Smpp {
            config.smpp = Some(SmppConfig { ids: MessageIds::Hex, ..SmppConfig::default() });
        }
    })
    .await;
    let world = &wired.world;
    let per_text = if which == Which::Http { 2 } else { 1 };
    let fine = wired.send(&[(0, None)], per_text).await;
    let sent = wired.send(&[(1, Some(Fault::LostReceipt)), (2, Some(Fault::Mislaid))], 0).await;
    assert_eq!(world.state(fine[0]).await, "delivered");
    for message in &sent {
        assert_eq!(world.state(*message).await, "sent");
    }
    wired.pass(HOUR * 23);
    let report = wired.ask().await;
    assert_eq!(report.asked.unwrap().asked, 0, "too early to ask");
    wired.pass(HOUR * 2);
    let report = wired.ask().await;
    let asked = report.asked.clone().unwrap();
    assert_eq!((asked.asked, asked.settled, asked.unknown, asked.left), (2, 1, 1, 0), "{asked:?}");
    assert_eq!(asked.stopped, None);
    world.says("asked", report, &[UnknownToCarrier], 0).await;
    assert_eq!(world.state(sent[0]).await, "delivered");
    assert_eq!(world.state(sent[1]).await, "sent");
    assert_eq!(world.tasks().await, BTreeMap::from([("delivery", 1)]));
    // It stays one finding and one task, whether the carrier is asked again or not.
    let again = wired.ask().await;
    assert_eq!(again.asked.as_ref().unwrap().asked, 1);
    assert_eq!((again.standing, again.gone), (1, 0), "{again:?}");
    world.says("asked again", again, &[], 0).await;
    assert_eq!(world.tasks().await, BTreeMap::from([("delivery", 1)]));
    world.clinic.is_proved().await;
}

on_both_engines! {
    async fn a_carrier_is_asked_by_smpp(db: TestDb) {
        is_asked(db, Which::Smpp).await;
    }

    async fn a_carrier_is_asked_by_http(db: TestDb) {
        is_asked(db, Which::Http).await;
    }

    async fn a_carrier_that_takes_no_questions_is_asked_once_or_twice(db: TestDb) {
        use FindingKind::*;
        let wired = Wired::new(db, Which::Smpp, |config| {
            config.smpp = Some(SmppConfig { queries: Queries::Failed, ..SmppConfig::default() });
        }).await;
        let world = &wired.world;
        // With nothing that it has reported, nobody can tell what its not knowing means.
        let lost = |nth| (nth, Some(Fault::LostReceipt));
        wired.send(&[lost(0), lost(1)], 0).await;
        wired.pass(HOUR * 25);
        let report = wired.ask().await;
        let asked = report.asked.clone().unwrap();
        assert_eq!((asked.asked, asked.unanswered, asked.unknown), (2, 2, 0), "{asked:?}");
        assert_eq!(asked.stopped, None);
        world.says("no answer", report, &[SentWithoutReceipt; 2], 0).await;
        // It does not know what it has itself reported: it is asked about one, and that one.
        wired.send(&[(2, None)], 1).await;
        wired.send(&[lost(3), lost(4), lost(5)], 0).await;
        wired.pass(HOUR * 25);
        let report = wired.ask().await;
        let asked = report.asked.clone().unwrap();
        assert_eq!((asked.asked, asked.left, asked.unknown), (1, 4, 0), "{asked:?}");
        assert_eq!(asked.stopped, Some(WhyStopped::KnowsNone));
        world.says("knows none", report, &[SentWithoutReceipt; 3], 0).await;
    }

    async fn a_carrier_without_the_command_is_asked_once(db: TestDb) {
        let wired = Wired::new(db, Which::Smpp, |config| {
            let queries = Queries::NotSupported;
            config.smpp = Some(SmppConfig { queries, ..SmppConfig::default() });
        }).await;
        wired.send(&[(0, Some(Fault::LostReceipt)), (1, Some(Fault::LostReceipt))], 0).await;
        wired.pass(HOUR * 25);
        let asked = wired.ask().await.asked.unwrap();
        assert_eq!((asked.asked, asked.left), (0, 2), "{asked:?}");
        assert_eq!(asked.stopped, Some(WhyStopped::NotSupported));
    }

    async fn a_carrier_that_shows_no_messages_is_asked_once(db: TestDb) {
        let wired = Wired::new(db, Which::Http, |config| {
            config.http = Some(HttpConfig { shows_messages: false, ..HttpConfig::default() });
        }).await;
        wired.send(&[(0, Some(Fault::LostReceipt)), (1, Some(Fault::LostReceipt))], 0).await;
        wired.pass(HOUR * 25);
        let asked = wired.ask().await.asked.unwrap();
        assert_eq!((asked.asked, asked.left), (0, 2), "{asked:?}");
        assert_eq!(asked.stopped, Some(WhyStopped::NotSupported));
    }

    async fn questions_end_when_the_server_stops(db: TestDb) {
        let wired = Wired::new(db, Which::Smpp, |_| {}).await;
        wired.send(&[(0, Some(Fault::LostReceipt)), (1, Some(Fault::LostReceipt))], 0).await;
        wired.pass(HOUR * 25);
        let stop = CancellationToken::new();
        stop.cancel();
        let report = wired.world.reconcile_with(Carrier::Asked(&wired.adapters, &stop)).await;
        let asked = report.asked.unwrap();
        assert_eq!((asked.stopped, asked.left), (Some(WhyStopped::Stopping), 2));
    }

    async fn a_carriers_list_is_held_against_our_record(db: TestDb) {
        use FindingKind::*;
        let wired = Wired::new(db, Which::Smpp, |_| {}).await;
        let world = &wired.world;
        // At its edges a list may lack what is in the next one.
        wired.send(&[(0, None)], 1).await;
        let sent = wired.send(&[
            (1, Some(Fault::LostReceipt)),
            (2, Some(Fault::Mislaid)),
            (3, Some(Fault::FalseReceipt)),
            (4, None),
            (5, Some(Fault::LateReceipt { by: HOUR * 90 })),
        ], 2).await;
        wired.send(&[(6, None)], 1).await;
        wired.pass(HOUR * 25);
        let report = world.reconcile().await;
        world.says("without the list", report, &[SentWithoutReceipt; 3], 0).await;
        assert_eq!(world.state(sent[2]).await, "delivered");

        let mut list = wired.list();
        let last = list.lines().last().unwrap().rsplit(',').next().unwrap();
        list.push_str(&format!("4711,+12125550000,DELIVRD,{last}\n"));
        let report = wired.read(&list).await;
        let told = report.file.unwrap();
        assert_eq!((told.lines, told.settled, told.otherwise), (7, 1, 1), "{told:?}");
        assert_eq!((told.unknown, told.missing), (1, Some(1)), "{told:?}");
        // The lost receipt is settled, the one on its way stays a finding.
        assert_eq!(report.gone, 2, "{report:?}");
        let new = [UnknownToCarrier, ListedByCarrierAlone, ListedOtherwise];
        world.says("the list", report, &new, 0).await;
        assert_eq!(world.state(sent[0]).await, "delivered");
        assert_eq!(world.state(sent[2]).await, "delivered");
        assert_eq!(world.tasks().await, BTreeMap::from([("delivery", 3), ("record_torn", 1)]));
        // The same list says nothing new.
        let again = wired.read(&list).await;
        assert_eq!((again.standing, again.gone), (4, 0), "{again:?}");
        world.says("the same list", again, &[], 0).await;
        // Who has dealt with it closes the task; nobody else can look at it.
        let torn = world.clinic.tasks().await;
        let torn = torn.iter().find(|task| task.kind == TaskKind::RecordTorn).unwrap().id;
        world.clinic.write(move |tx, office| {
            let done = sotto::conversations::tasks::TaskOutcome::Nothing;
            sotto::conversations::tasks::complete(tx, office, torn, done, &staff()).unwrap();
        }).await;
        let report = world.reconcile().await;
        assert_eq!((report.standing, report.gone), (3, 1), "{report:?}");
        world.clinic.is_proved().await;
    }

    async fn an_answer_that_was_lost_is_settled_by_a_line_with_the_phone(db: TestDb) {
        let wired = Wired::new(db, Which::Http, |_| {}).await;
        let world = &wired.world;
        let _before = wired.send(&[(0, None)], 2).await;
        // Not even a receipt: the carrier has it, and nobody here knows its id.
        let visit = world.visit(1).await.1;
        let fault = Fault::LateReceipt { by: HOUR * 90 };
        wired.bench.twin.faults().next_to(wired.bench.which.door(), &phone(1), fault);
        wired.pass(HOUR * 2);
        world.clinic.tick().await;
        world.carrier.loses_its_answer.store(true, Ordering::SeqCst);
        let twice = Both { ours: Arc::clone(&world.carrier), wire: wired.adapters[0].clone() };
        world.hand_over(Arc::new(twice)).await;
        let message = world.message(visit).await;
        assert_eq!(world.state(message).await, "uncertain");
        wired.pass(HOUR);
        let report = wired.read(&wired.list()).await;
        let told = report.file.unwrap();
        assert_eq!((told.settled, told.unknown), (1, 0), "{told:?}");
        assert_eq!(world.state(message).await, "sent");
    }

    async fn a_list_of_failures_alone_says_nothing_by_what_it_lacks(db: TestDb) {
        let wired = Wired::new(db, Which::Smpp, |_| {}).await;
        wired.send(&[(0, None)], 1).await;
        let sent = wired.send(&[(1, None), (2, None), (3, Some(Fault::LostReceipt))], 2).await;
        wired.send(&[(4, None)], 1).await;
        wired.pass(HOUR * 25);
        let list = wired.list();
        // The first and the last line alone.
        let header = list.lines().next().unwrap();
        let part = format!("{header}\n{}\n{}\n", list.lines().nth(1).unwrap(), list.lines().last().unwrap());
        let told = wired.read(&part).await.file.unwrap();
        assert_eq!((told.lines, told.missing), (2, None), "{told:?}");
        assert_eq!(wired.world.state(sent[2]).await, "sent");
    }

    async fn a_torn_list_changes_nothing(db: TestDb) {
        let wired = Wired::new(db, Which::Smpp, |_| {}).await;
        let sent = wired.send(&[(0, Some(Fault::LostReceipt))], 0).await;
        let list = format!("{}\"torn", wired.list());
        assert!(matches!(carrier_file(&list), Err(CarrierFileError::NotCsv(_))));
        assert_eq!(wired.world.state(sent[0]).await, "sent");
    }
}

/// A carrier that takes what it is given and whose answer is lost on the way back.
struct Both {
    ours: Arc<super::Carrier>,
    wire: Live<AnyAdapter>,
}

impl Adapter for Both {
    fn name(&self) -> AdapterName {
        self.wire.name()
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        let answer = self.wire.send(message, lease).await;
        if self.ours.loses_its_answer.load(Ordering::SeqCst) {
            return Err(Failure::new(FailureKind::Uncertain));
        }
        answer
    }
}
