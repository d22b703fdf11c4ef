//! The inbox: the life of a thread, and its pages for each role.

mod pages;
mod threads;

use gate::{MessageId, PatientId, Purpose};
use sotto::audit::Actor;
use sotto::conversations::inbox::{self, InboxError};
use sotto::db::Tx;
use sotto::db::thread::{self, ThreadRow, With};
use sotto::facts;
use sotto::ids::Id as _;
use sotto::intake::{self, Answer, Request, Wanted, Words};
use sotto::office::Office;

use crate::clinic::{Clinic, phone};

impl Clinic {
    pub(crate) async fn thread(&self, patient: PatientId) -> ThreadRow {
        self.thread_with(With::Patient(patient)).await.expect("a thread")
    }

    pub(crate) async fn thread_with(&self, with: With) -> Option<ThreadRow> {
        self.write(move |tx, office| thread::find(tx, office.practice(), with).unwrap()).await
    }

    pub(crate) fn stranger(&self, number: &str) -> With {
        With::Address(self.office.address_index(&phone(number)))
    }

    /// Does something with the inbox in a transaction of its own, which an error undoes.
    pub(crate) async fn inbox<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &Office) -> Result<T, InboxError> + Send + 'static,
    ) -> Result<T, InboxError> {
        let office = self.office.clone();
        self.db.write(move |tx| work(tx, &office)).await
    }

    /// A text that somebody of the practice typed.
    pub(crate) async fn write_to(&self, patient: PatientId, body: &str, actor: Actor) {
        let body = body.to_owned();
        self.write(move |tx, office| {
            let request = Request {
                message: MessageId::new(office.clock()),
                patient: facts::subject(tx, office, patient).unwrap(),
                channel: Wanted::Channel(gate::Channel::Portal),
                to: None,
                kind: gate::Kind::FreeText,
                purpose: Purpose::Operations,
                origin: gate::Origin::Staff,
                words: Words::Typed { subject: None, body },
                language: None,
                appointment: None,
                inbound: None,
                useless_after: None,
                actor,
            };
            let answer = intake::accept(tx, office, request).unwrap();
            assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
        })
        .await;
    }

    pub(crate) async fn begin_threads(&self) -> usize {
        inbox::begin(&self.db, &self.office).await.unwrap()
    }
}
