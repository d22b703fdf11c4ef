//! Stopping and starting again: the world goes on where it was.

use std::path::PathBuf;

use super::raw_esme::RawEsme;
use super::{PATIENT, REMINDER, later, noon};
use crate::{
    Behaviour, Channel, Fault, Keep, Persona, RecordError, ReplyKind, SmppConfig, Twin, TwinConfig,
    TwinError, WorldClock,
};

/// A file of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twin-{}-{name}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn world(file: &Scratch, keep: Keep) -> Result<Twin, TwinError> {
    Twin::start(TwinConfig {
        clock: WorldClock::manual(noon()),
        smpp: Some(SmppConfig::default()),
        patients: vec![Persona::mobile(PATIENT, Behaviour::Once(ReplyKind::OptOut))],
        record_file: Some(file.0.clone()),
        keep,
        ..TwinConfig::default()
    })
    .await
}

#[tokio::test]
async fn receipts_and_replies_that_were_planned_come_after_a_restart() {
    let file = Scratch::new("plans");
    let twin = world(&file, Keep::default()).await.unwrap();
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    let (_, id) = esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await;
    assert_eq!(twin.pending(), 2, "a receipt and a reply");
    twin.shutdown().await;

    // A crash in the middle of a line leaves this behind.
    let whole = std::fs::read(&file.0).unwrap();
    std::fs::write(&file.0, [&whole[..], b"{\"fact\":\"te"].concat()).unwrap();

    let twin = world(&file, Keep::default()).await.unwrap();
    assert_eq!(std::fs::read(&file.0).unwrap(), whole);
    assert_eq!(twin.pending(), 2);
    assert_eq!(twin.record().texts[0].text, REMINDER);
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    // The patient has had their one say, though it has not arrived yet; the id is a new one.
    twin.faults().next(Channel::Sms, Fault::LostReceipt);
    let (_, other) = esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await;
    assert_ne!(id, other);
    assert_eq!(twin.pending(), 2);
    later(&twin);
    let (first, second) = (esme.delivery().await, esme.delivery().await);
    assert!(first.ascii().starts_with(&format!("id:{id} ")));
    assert_eq!(second.from, PATIENT.trim_start_matches('+'));
    twin.until(|record| record.counts.replies_acked == 1).await;
    twin.shutdown().await;

    let twin = world(&file, Keep::default()).await.unwrap();
    assert_eq!(twin.pending(), 0);
    let record = twin.record();
    assert_eq!((record.texts.len(), record.receipts.len(), record.replies.len()), (2, 1, 1));
    assert_eq!((record.counts.texts, record.counts.receipts_acked), (2, 1));
    assert!(record.replies[0].acked_at.is_some());
    twin.shutdown().await;
}

#[tokio::test]
async fn blocks_outlive_a_restart() {
    let file = Scratch::new("blocks");
    let twin = world(&file, Keep::default()).await.unwrap();
    twin.block(PATIENT);
    twin.shutdown().await;
    let twin = world(&file, Keep::default()).await.unwrap();
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    assert_eq!(esme.submit_and_wait(PATIENT, b"hello").await.0, 0x410);
    twin.shutdown().await;
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_by_line() {
    let file = Scratch::new("foreign");
    std::fs::write(&file.0, "{\"fact\":\"done\",\"id\":1}\nname,phone\n").unwrap();
    let error = world(&file, Keep::default()).await.unwrap_err();
    assert!(matches!(&error, TwinError::Record(RecordError::Line { line: 2, .. })), "{error}");
    assert!(!error.to_string().contains("name,phone"));
    let untouched = std::fs::read_to_string(&file.0).unwrap();
    assert!(untouched.ends_with("name,phone\n"), "a file that is not ours is not changed");

    std::fs::write(&file.0, "a letter without a line's end").unwrap();
    assert!(world(&file, Keep::default()).await.is_err());
    assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "a letter without a line's end");
}

#[tokio::test]
async fn memory_is_bounded_and_says_what_it_forgot() {
    let file = Scratch::new("bounded");
    let twin = world(&file, Keep::Items(16)).await.unwrap();
    twin.faults().sometimes(Channel::Sms, 1.0, Fault::LostReceipt);
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    for n in 0..100 {
        esme.submit_and_wait("+12065550101", format!("text {n}").as_bytes()).await;
    }
    let record = twin.record();
    assert!(record.texts.len() <= 16);
    assert_eq!(record.texts.last().unwrap().text, "text 99");
    assert_eq!(record.counts.texts, 100);
    assert_eq!(record.forgotten as usize + record.texts.len(), 100);
    twin.shutdown().await;
}
