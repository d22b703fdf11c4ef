//! What patients wrote, with the conversations and tasks that must have come of it.

use std::collections::HashSet;

use gate::PatientId;
use jiff::Timestamp;

use super::finding::{Cure, Found};
use super::{FindingKind, Findings, Limits, ReconcileError, Span};
use crate::db::registry::INBOUND_MESSAGE;
use crate::db::task::TaskKind;
use crate::db::{DbError, Tx};
use crate::ids::{InboundId, lowest_at};
use crate::office::Office;
use crate::{params, sql};

/// The task that came of a text, by what the text did; none where none must.
fn task_of(effect: &str) -> Option<TaskKind> {
    Some(match effect {
        "emergency" => TaskKind::Emergency,
        "declined" => TaskKind::Declined,
        "reschedule" => TaskKind::Reschedule,
        "clinical_question" => TaskKind::ClinicalQuestion,
        "task" => TaskKind::Answer,
        "unclear" => TaskKind::AppointmentQuestion,
        "incomplete" => TaskKind::IncompleteText,
        _ => return None,
    })
}

/// Compares.
pub(super) fn look(
    tx: &mut Tx<'_>,
    office: &Office,
    span: &Span,
    limits: &Limits,
    found: &mut Findings,
) -> Result<(), ReconcileError> {
    let (practice, lowest) = (office.practice(), lowest_at(span.since));
    let mut asked: HashSet<InboundId> = HashSet::new();
    tx.each::<DbError>(
        sql!(
            "SELECT inbound_id FROM task
             WHERE practice_id = $1 AND id >= $2 AND inbound_id IS NOT NULL"
        ),
        params![practice, lowest],
        |row| {
            asked.insert(row.get(0)?);
            Ok(())
        },
    )?;
    tx.each::<DbError>(
        sql!(
            "SELECT i.id, i.received_at, i.channel, i.patient_id, i.effect, c.id
             FROM inbound_message i LEFT JOIN conversation c
                 ON c.practice_id = i.practice_id AND c.id = i.conversation_id
             WHERE i.practice_id = $1 AND i.id >= $2 AND i.received_at < $3"
        ),
        params![practice, lowest, limits.settled_by],
        |row| {
            let id: InboundId = row.get(0)?;
            let (at, patient): (Timestamp, Option<PatientId>) = (row.get(1)?, row.get(3)?);
            let channel: gate::Channel = row.get(2)?;
            let about = |kind| Found {
                channel: Some(channel.as_str()),
                patient,
                inbound: Some(id),
                ..Found::new(kind, (INBOUND_MESSAGE, id), at)
            };
            if row.get::<Option<String>>(5)?.is_none() {
                found.add(about(FindingKind::ReplyWithoutConversation));
            }
            let task = task_of(&row.get::<String>(4)?);
            if let Some(task) = task.filter(|_| !asked.contains(&id)) {
                let cure = Some(Cure::OpenTask(task));
                found.add(Found { cure, ..about(FindingKind::ReplyWithoutTask) });
            }
            Ok(())
        },
    )?;
    Ok(())
}
