-- Phones that a patient, or whoever acts for them, asked us to remember: a passkey each.
CREATE TABLE window_passkey (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    handle          TEXT   NOT NULL,           -- what authenticators call the holder: random, one each
    patient_id      TEXT   NOT NULL,           -- about whom
    caregiver_id    TEXT,                      -- whose it is, when not the patient's
    contact_point_id TEXT  NOT NULL,           -- the address they last came by
    link_id         TEXT   NOT NULL,           -- and the link
    key_sealed      BLOB   NOT NULL,           -- the credential, and what the list calls it
    created_at      BIGINT NOT NULL,
    used_at         BIGINT,
    ended_at        BIGINT,
    ended_why       TEXT,                      -- removed, cut_off
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX window_passkey_handle ON window_passkey (practice_id, handle, id);
CREATE INDEX window_passkey_patient ON window_passkey (practice_id, patient_id, id);
-- The stays that began by one.
CREATE TABLE window_proof (
    practice_id     TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,           -- window_session.id
    passkey_id      TEXT   NOT NULL,
    PRIMARY KEY (practice_id, session_id)
);
