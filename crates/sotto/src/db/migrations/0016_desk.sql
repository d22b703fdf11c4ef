-- A PIN that opens the lock, and nothing else.
CREATE TABLE staff_pin (
    practice_id     TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    pin_sealed      BLOB   NOT NULL,           -- its hash
    set_at          BIGINT NOT NULL,
    PRIMARY KEY (practice_id, staff_id)
);
-- How often one was typed in a session since it was right.
CREATE TABLE session_pin (
    practice_id     TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    tries           BIGINT NOT NULL,
    PRIMARY KEY (practice_id, session_id)
);
-- What somebody was writing to a patient: no message, and not in the record.
CREATE TABLE draft (
    practice_id     TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    device_id       TEXT   NOT NULL,           -- on which it was written
    body_sealed     BLOB   NOT NULL,           -- under that device's key
    kept_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, staff_id, patient_id)
);
CREATE INDEX draft_device ON draft (practice_id, device_id);
CREATE INDEX draft_kept ON draft (practice_id, kept_at);
-- A one-time code that went to whoever listens in a call, and was not yet read back.
CREATE TABLE call_code (
    practice_id     TEXT   NOT NULL,
    call_id         TEXT   NOT NULL,
    contact_point_id TEXT  NOT NULL,           -- where it went
    code            BLOB   NOT NULL,           -- keyed hash
    tries           BIGINT NOT NULL,
    sent            BIGINT NOT NULL,           -- how many in this call
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, call_id)
);
-- When somebody who works here was trained last.
CREATE TABLE staff_training (
    practice_id     TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    trained_on      TEXT   NOT NULL,           -- a date
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, staff_id)
);
