-- What was written down about a patient, by whom and on what evidence: append-only. The tables
-- contact_point, caregiver, preference, alternative_contact and restriction hold what came of it.
CREATE TABLE patient_event (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    subject         TEXT   NOT NULL,           -- the table that holds what came of it
    subject_id      TEXT   NOT NULL,           -- and its row
    event           TEXT   NOT NULL,           -- added, changed, accepted, declined, terminated, ended, …
    details         TEXT   NOT NULL,           -- JSON: ids and words of closed lists, no name, no address
    method          TEXT   NOT NULL,           -- paper, portal, spoken, keyword, form
    evidence        TEXT,                      -- where the paper or form is
    witness         TEXT,
    captured_by     TEXT   NOT NULL,
    captured_at     BIGINT NOT NULL,
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX patient_event_patient ON patient_event (practice_id, patient_id);
