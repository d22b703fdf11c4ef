-- Files that come and go with words, or prove a consent: sealed in pieces.
CREATE TABLE attachment (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    holder          TEXT   NOT NULL,           -- message, inbound_message, consent
    holder_id       TEXT   NOT NULL,
    media           TEXT   NOT NULL,           -- image/jpeg, image/png, application/pdf
    bytes           BIGINT NOT NULL,           -- opened
    pieces          BIGINT NOT NULL,
    scanned         BIGINT NOT NULL,           -- 1: a scanner said it is clean, 0: none was set up
    label_sealed    BLOB   NOT NULL,           -- name and SHA-256
    record_wrap     BLOB   NOT NULL,
    patient_wrap    BLOB,                      -- none where the patient has no copy
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX attachment_holder ON attachment (practice_id, holder, holder_id);

CREATE TABLE attachment_piece (
    practice_id     TEXT   NOT NULL,
    attachment_id   TEXT   NOT NULL,
    n               BIGINT NOT NULL,           -- from 0
    body_sealed     BLOB   NOT NULL,
    record_wrap     BLOB   NOT NULL,
    patient_wrap    BLOB,                      -- none where the patient has no copy
    PRIMARY KEY (practice_id, attachment_id, n)
);
