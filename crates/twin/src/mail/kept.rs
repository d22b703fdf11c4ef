//! What the world keeps of a mail, and what it plans because of it.

use super::envelope::Recipient;
use super::facts;
use super::session::Session;
use crate::faults::Fault;
use crate::plan::{NoticeDue, What};
use crate::record::{Mail, Outcome};

/// No more of a mail than this is kept.
const LONGEST_KEPT: usize = 256 * 1024;

/// One recipient of one mail, and what was decided about it.
pub(super) struct Envelope<'a> {
    pub(super) recipient: &'a Recipient,
    pub(super) fault: Option<Fault>,
    pub(super) outcome: Outcome,
}

impl Session<'_> {
    /// Records a mail for one recipient, and lets that person press unsubscribe.
    pub(super) fn keep(&self, envelope: Envelope<'_>, queue_id: &str, raw: &[u8]) {
        let Envelope { recipient, fault, outcome } = envelope;
        let world = &self.server.world;
        let kept = raw.get(..LONGEST_KEPT).unwrap_or(raw);
        let parsed = facts::parse(kept);
        let taken = outcome == Outcome::Taken;
        let sender = self.sender.clone().unwrap_or_default();
        if taken {
            self.unsubscribe(&recipient.path, &parsed.headers);
        }
        world.recorder.mail(Mail {
            at: world.clock.now(),
            queue_id: queue_id.to_owned(),
            envelope_from: sender.path,
            to: recipient.path.clone(),
            headers: parsed.headers,
            subject: parsed.subject,
            text: parsed.text,
            html: parsed.html,
            raw: String::from_utf8_lossy(kept).into_owned(),
            tls: self.tls.clone(),
            user: self.user.clone(),
            envelope_id: sender.envelope_id,
            notify: recipient.notify.clone(),
            outcome,
            fault,
        });
    }

    /// RFC 8058 §3.2: an https (here also http) address, and the header that makes it one-click.
    fn unsubscribe(&self, who: &str, headers: &[(String, String)]) {
        let header = |name: &str| {
            headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let one_click = header("List-Unsubscribe-Post")
            .is_some_and(|value| value.trim() == "List-Unsubscribe=One-Click");
        let url = header("List-Unsubscribe").and_then(|value| {
            let targets = value.split(',').map(|target| target.trim().trim_matches(['<', '>']));
            targets.into_iter().find(|target| target.starts_with("http")).map(str::to_owned)
        });
        let Some(url) = url.filter(|_| one_click) else { return };
        let world = &self.server.world;
        if world.unsubscribes(who) {
            let click = What::Click { who: who.to_owned(), url };
            world.plan(world.clock.now(), self.server.config.notice_delay, click);
        }
    }

    /// Plans the notifications that the sender asked for (RFC 3461).
    pub(super) fn plan_notices(
        &self,
        to: &Recipient,
        fault: Option<Fault>,
        queue_id: &str,
        raw: &[u8],
    ) {
        let Some(sender) = self.sender.as_ref().filter(|sender| !sender.path.is_empty()) else {
            // A bounce is never bounced (RFC 5321 §4.5.5).
            return;
        };
        let world = &self.server.world;
        let (event, action, status, diagnostic) = match fault {
            Some(Fault::FailedReceipt { why }) => {
                let status = why.enhanced_status();
                ("FAILURE", "failed", status, format!("smtp; 550 {status} not delivered"))
            }
            Some(Fault::LostReceipt) => return,
            _ => ("SUCCESS", "delivered", "2.0.0", "smtp; 250 2.0.0 delivered".to_owned()),
        };
        if !to.wants(event) {
            return;
        }
        let returned = if sender.return_full { raw } else { facts::header_block(raw) };
        let (mut after, mut copies) = (self.server.config.notice_delay, 1);
        match fault {
            Some(Fault::LateReceipt { by }) => after += by,
            Some(Fault::DuplicateReceipts { extra }) => copies += u32::from(extra),
            _ => {}
        }
        for _ in 0..copies {
            let notice = NoticeDue {
                to: sender.path.clone(),
                recipient: to.path.clone(),
                action: action.to_owned(),
                status: status.to_owned(),
                diagnostic: diagnostic.clone(),
                envelope_id: sender.envelope_id.clone(),
                original_recipient: to.original.clone(),
                queue_id: queue_id.to_owned(),
                arrived: world.clock.now(),
                headers: String::from_utf8_lossy(returned).into_owned(),
            };
            world.plan(world.clock.now(), after, What::Notice(notice));
        }
    }
}
