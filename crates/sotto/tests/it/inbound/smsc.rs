//! A carrier that delivers what a test says, over a socket, to the production adapter, whose
//! arrivals are stored by the production code.

use std::sync::Arc;
use std::time::Duration;

use smpp::{Address, Bind, BindKind, Settings, ShortMessage, Smsc, SmscEvent};
use sotto::channels::SmsSmpp;
use sotto::channels::sms_smpp::SmppSettings;
use sotto::channels::transport::Endpoint;
use sotto::clock::Clock;
use sotto::ids::RunId;
use sotto::nodes::Standing;
use sotto::{arrivals, params, sql};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use crate::clinic::Clinic;

/// A text from a phone to the practice, as the short messages that carry it.
pub(super) fn texted(from: &str, text: &str) -> Vec<ShortMessage> {
    let (from, to) = (Address::parse(from).unwrap(), Address::parse("+12025550100").unwrap());
    let segments = smpp::split(text, 9).unwrap().into_iter();
    segments.map(|s| ShortMessage::submit(from.clone(), to.clone(), s, false)).collect()
}

/// One run of the program: it binds, is delivered these messages, and is gone once each is
/// acknowledged, which is after it was stored.
pub(super) async fn run(clinic: &Clinic, run: u128, messages: &[ShortMessage]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bind = Bind {
        kind: BindKind::Transceiver,
        system_id: "sotto".into(),
        password: "secret".into(),
        system_type: String::new(),
    };
    let endpoint = Endpoint { host: address.ip().to_string(), port: address.port() };
    let mut settings = SmppSettings::new(endpoint, bind, Address::parse("+12025550100").unwrap());
    settings.parts_within = Duration::from_millis(100);
    let (events, told) = mpsc::channel(8);
    let standing = Standing::alone(Clock::system(), RunId(Uuid::from_u128(run)));
    let (adapter, task) = SmsSmpp::start(settings, events, Arc::new(|| 0.5), standing).unwrap();
    let keeper = tokio::spawn(arrivals::run(clinic.db.db.clone(), clinic.office.clone(), told));

    timeout(Duration::from_secs(20), deliver(&listener, messages)).await.expect("acknowledged");
    drop((adapter, listener));
    task.abort();
    let _ = task.await;
    keeper.await.unwrap();
}

async fn deliver(listener: &TcpListener, messages: &[ShortMessage]) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut smsc = Smsc::new(Settings::default(), Duration::ZERO);
    let (mut open, mut buffer) = (messages.len(), [0; 4096]);
    while open > 0 {
        let read = socket.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the adapter hung up");
        smsc.receive(&buffer[..read], Duration::ZERO);
        while let Some(event) = smsc.next_event() {
            match event {
                SmscEvent::BindRequested { sequence, bind } => {
                    smsc.accept_bind(sequence, bind.kind, "smsc").unwrap();
                    for (token, message) in (0..).zip(messages) {
                        smsc.deliver(message, token, Duration::ZERO).unwrap();
                    }
                }
                SmscEvent::DeliveryAnswered { status, .. } => {
                    assert!(status.is_ok());
                    open -= 1;
                }
                other => panic!("{other:?}"),
            }
        }
        let output = smsc.output().to_vec();
        socket.write_all(&output).await.unwrap();
        smsc.wrote(output.len());
    }
}

/// What came from everyone: effect and intents, the oldest first.
pub(super) async fn kept(clinic: &Clinic) -> Vec<(String, String)> {
    clinic
        .write(|tx, office| {
            tx.query(
                sql!(
                    "SELECT effect, intents FROM inbound_message WHERE practice_id = $1
                      ORDER BY received_at, id"
                ),
                params![office.practice()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap()
        })
        .await
}
