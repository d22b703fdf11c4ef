-- What is kept although its time is over: of one patient, or of the whole practice. Why is sealed.
CREATE TABLE legal_hold (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT,                      -- whose record; NULL: everybody's
    words_sealed    BLOB   NOT NULL,           -- the matter and the reason (JSON)
    placed_by       TEXT   NOT NULL,
    placed_at       BIGINT NOT NULL,
    lifted_by       TEXT,                      -- NULL: it stands
    lifted_at       BIGINT,
    lifted_sealed   BLOB,                      -- why, in words
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX legal_hold_patient ON legal_hold (practice_id, patient_id);
-- A month of records whose time of keeping is over soon, or was: from the first word of it to its certificate.
CREATE TABLE retention_month (
    practice_id     TEXT   NOT NULL,
    month           TEXT   NOT NULL,           -- 2033-11: until when its records are kept
    key_name        BLOB   NOT NULL,           -- what sealed values name its key by
    due_at          BIGINT NOT NULL,           -- it ends no sooner
    task_id         TEXT,                      -- who was told that it ends
    ended_at        BIGINT,                    -- the key was destroyed; NULL: it stands
    counts          TEXT,                      -- how many records of each kind ended (JSON)
    first_at        BIGINT,                    -- when the first of them was written,
    last_at         BIGINT,                    -- and the last
    years           BIGINT,                    -- the setting, when it ended
    PRIMARY KEY (practice_id, month)
);
-- What is sealed for a month names the month's key: by that name it is counted and found.
CREATE INDEX message_kept ON message (practice_id, substr(record_wrap, 2, 16));
CREATE INDEX inbound_message_kept ON inbound_message (practice_id, substr(record_wrap, 2, 16));
CREATE INDEX note_kept ON note (practice_id, substr(record_wrap, 2, 16));
CREATE INDEX attachment_kept ON attachment (practice_id, substr(record_wrap, 2, 16));
CREATE INDEX form_answer_kept ON form_answer (practice_id, substr(record_wrap, 2, 16));
CREATE INDEX sealed_message_kept ON sealed_message (practice_id, substr(record_wrap, 2, 16));
CREATE INDEX break_glass_kept ON break_glass (practice_id, substr(record_wrap, 2, 16));
