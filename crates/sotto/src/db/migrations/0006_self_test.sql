-- The nightly self-test, and the made-up patient it is made with: nobody, and in no list or count.
CREATE TABLE test_patient (
    practice_id     TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    address_index   BLOB   NOT NULL,
    by_wire         BIGINT NOT NULL,           -- 0: everything but the carrier; 1: a phone of the practice's own
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, patient_id)
);
CREATE TABLE self_test (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    cause           TEXT   NOT NULL,           -- nightly, asked
    asked_at        BIGINT NOT NULL,
    began_at        BIGINT,                    -- NULL: nobody has taken it up yet
    by_wire         BIGINT NOT NULL,
    patient_id      TEXT,
    inbound_id      TEXT,                      -- the made-up emergency
    task_id         TEXT,                      -- its drill
    page_by         BIGINT,
    paged_at        BIGINT,
    appointment_id  TEXT,                      -- the made-up visit
    receipt_by      BIGINT,
    received_at     BIGINT,
    finished_at     BIGINT,
    failures        TEXT,                      -- words of a closed list, space separated; '': none
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX self_test_asked ON self_test (practice_id, asked_at);
