-- The sealed mode: what two browsers seal so that this program cannot read it. Of keys only public halves
-- are here; an envelope is opened by those it was sealed to, and by the practice's recovery key.
CREATE TABLE sealed_key (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT,                      -- whose browser: one of the two
    patient_id      TEXT,
    public_key      BLOB   NOT NULL,           -- P-256, uncompressed
    session_id      TEXT   NOT NULL,           -- who had proved who they are: session, window_session
    created_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    ended_why       TEXT,                      -- replaced, cut_off
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX sealed_key_staff ON sealed_key (practice_id, staff_id) WHERE ended_at IS NULL AND staff_id IS NOT NULL;
CREATE UNIQUE INDEX sealed_key_patient ON sealed_key (practice_id, patient_id) WHERE ended_at IS NULL AND patient_id IS NOT NULL;
-- A sealed conversation of one patient and one member of staff.
CREATE TABLE sealed_thread (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    started_at      BIGINT NOT NULL,
    told_at         BIGINT,                    -- the patient was last told that something is here
    seen_at         BIGINT,                    -- the patient was last here
    asked_at        BIGINT,                    -- staff were asked to call, since the patient did not come
    task_id         TEXT,                      -- to answer what the patient wrote
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX sealed_thread_pair ON sealed_thread (practice_id, patient_id, staff_id);
CREATE INDEX sealed_thread_unseen ON sealed_thread (practice_id, told_at) WHERE asked_at IS NULL;
-- One sealed message. The envelope is sealed once more, like every other record, until its retention ends.
CREATE TABLE sealed_message (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,           -- drawn in the browser, bound in the envelope
    thread_id       TEXT   NOT NULL,
    sender          TEXT   NOT NULL,           -- staff, patient
    envelope_sealed BLOB   NOT NULL,
    record_wrap     BLOB   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX sealed_message_thread ON sealed_message (practice_id, thread_id, created_at);
