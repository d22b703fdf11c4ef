-- Records that somebody opened in an emergency, though their role or sites close them: to be read, for
-- an hour at most, in one session.
CREATE TABLE break_glass (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    reason          TEXT   NOT NULL,           -- medical_emergency, standing_in, danger_to_others
    words_sealed    BLOB   NOT NULL,           -- what they wrote of it
    record_wrap     BLOB   NOT NULL,
    task_id         TEXT   NOT NULL,           -- of the privacy officer: to review it
    opened_at       BIGINT NOT NULL,
    until_at        BIGINT NOT NULL,
    ended_at        BIGINT,
    ended_how       TEXT,                      -- by_hand, by_officer, over
    reviewed_by     TEXT,                      -- staff.id
    reviewed_at     BIGINT,
    finding         TEXT,                      -- needed, talked, breach
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX break_glass_session ON break_glass (practice_id, session_id);
CREATE INDEX break_glass_open ON break_glass (practice_id, until_at) WHERE ended_at IS NULL;
CREATE INDEX break_glass_unreviewed ON break_glass (practice_id, id) WHERE reviewed_at IS NULL;
