-- Runs of the comparison of our record with the carriers' and the schedule, and what they found.
CREATE TABLE reconciliation (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    cause           TEXT   NOT NULL,           -- nightly, asked
    asked_at        BIGINT NOT NULL,
    since_at        BIGINT,                    -- NULL: from where the runs before it end
    began_at        BIGINT,                    -- NULL: nobody has taken it up yet
    finished_at     BIGINT,                    -- NULL: under way, or broken off
    report          TEXT,                      -- JSON: counts and words, no PHI
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX reconciliation_asked ON reconciliation (practice_id, asked_at);
CREATE TABLE finding (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    kind            TEXT   NOT NULL,           -- a word of the closed list in reconcile/finding.rs
    subject         TEXT   NOT NULL,           -- the table that holds what it is about
    subject_id      TEXT   NOT NULL,           -- and its row, or the carrier's id
    subject_at      BIGINT NOT NULL,           -- when that happened: which runs look at it again
    channel         TEXT,
    patient_id      TEXT,
    message_id      TEXT,
    appointment_id  TEXT,
    inbound_id      TEXT,
    task_id         TEXT,                      -- NULL: healed, or more of a kind than a person reads
    run_id          TEXT   NOT NULL,           -- the run that found it, or found it again
    found_at        BIGINT NOT NULL,
    settled_at      BIGINT,                    -- NULL: it still stands
    settled_how     TEXT,                      -- healed, gone
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX finding_once ON finding (practice_id, kind, subject_id);
CREATE INDEX finding_standing ON finding (practice_id, subject_at) WHERE settled_at IS NULL;
CREATE INDEX task_message ON task (practice_id, message_id) WHERE message_id IS NOT NULL;
