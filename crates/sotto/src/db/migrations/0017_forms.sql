-- What a link leads to after the proof, where it is one form: the consent to what may be sent to one
-- address by one channel. A link without a row here leads where its purpose says.
CREATE TABLE window_aim (
    practice_id     TEXT   NOT NULL,
    message_id      TEXT   NOT NULL,           -- window_link.message_id
    contact_point_id TEXT  NOT NULL,           -- what the form is about
    channel         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, message_id)
);
-- A tablet of the practice's in one patient's hands: handed over by somebody who works here.
CREATE TABLE kiosk (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,           -- who handed it over
    checked         TEXT   NOT NULL,           -- how they knew who it is: photo_id, known, answers
    code            BLOB   NOT NULL,           -- keyed hash of what is typed on the tablet
    digest          BLOB,                      -- of the tablet's cookie, once the code was typed
    made_at         BIGINT NOT NULL,
    until_at        BIGINT NOT NULL,           -- the code is good until then; once typed, the stay is
    begun_at        BIGINT,
    ended_at        BIGINT,
    ended_why       TEXT,                      -- done, idle, over, cut_off, replaced
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX kiosk_code ON kiosk (practice_id, code);
CREATE UNIQUE INDEX kiosk_digest ON kiosk (practice_id, digest) WHERE digest IS NOT NULL;
CREATE INDEX kiosk_open ON kiosk (practice_id, patient_id) WHERE ended_at IS NULL;
-- What patients are asked before a visit. A version is never changed: the next one is added.
CREATE TABLE form_version (
    practice_id     TEXT   NOT NULL,
    form_id         TEXT   NOT NULL,
    version         BIGINT NOT NULL,           -- from 1
    definition      TEXT   NOT NULL,           -- JSON, in the terms of FHIR's Questionnaire
    retired         BIGINT NOT NULL,           -- 1: from this version on it is not asked any more
    made_by         TEXT   NOT NULL,
    made_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, form_id, version)
);
-- What they answered, sealed. Answered again, it is another row.
CREATE TABLE form_answer (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    form_id         TEXT   NOT NULL,
    version         BIGINT NOT NULL,
    patient_id      TEXT   NOT NULL,
    appointment_id  TEXT   NOT NULL,
    answers_sealed  BLOB   NOT NULL,
    record_wrap     BLOB   NOT NULL,
    language        TEXT   NOT NULL,           -- of the page: en, es
    answered_by     TEXT   NOT NULL,
    answered_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX form_answer_patient ON form_answer (practice_id, patient_id, answered_at);
