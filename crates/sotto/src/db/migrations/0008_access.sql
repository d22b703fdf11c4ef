-- Who works here, how they prove it, where they are signed in. Names and mailboxes are sealed.
CREATE TABLE staff (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,           -- never given to anybody else
    person_sealed   BLOB   NOT NULL,           -- name and mailbox
    name_index      BLOB   NOT NULL,           -- blind index of the mailbox they sign in with
    roles           TEXT   NOT NULL,           -- space separated
    sites           TEXT   NOT NULL,           -- ids, space separated; '': every site
    created_at      BIGINT NOT NULL,
    disabled_at     BIGINT,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX staff_by_name ON staff (practice_id, name_index);
CREATE TABLE staff_secret (
    practice_id     TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    password_sealed BLOB,                      -- argon2id in PHC form
    password_set_at BIGINT,
    totp_sealed     BLOB,
    totp_step       BIGINT NOT NULL,           -- the last step whose code was used
    PRIMARY KEY (practice_id, staff_id)
);
CREATE TABLE recovery_code (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    digest          BLOB   NOT NULL,
    created_at      BIGINT NOT NULL,
    used_at         BIGINT,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX recovery_code_of_staff ON recovery_code (practice_id, staff_id);
CREATE TABLE passkey (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    key_sealed      BLOB   NOT NULL,           -- public key, counter, what the authenticator said
    name            TEXT   NOT NULL,           -- of the browser it was made with
    created_at      BIGINT NOT NULL,
    used_at         BIGINT,
    ended_at        BIGINT,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX passkey_of_staff ON passkey (practice_id, staff_id);
CREATE TABLE invite (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    digest          BLOB   NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    used_at         BIGINT,                    -- accepted, or replaced by a newer one
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX invite_by_digest ON invite (practice_id, digest);
CREATE TABLE device (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    digest          BLOB   NOT NULL,
    name            TEXT   NOT NULL,           -- of the browser, in words of our own
    shared          BIGINT NOT NULL,           -- 1: a shared station, which locks sooner
    created_at      BIGINT NOT NULL,
    wiped_at        BIGINT,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX device_by_digest ON device (practice_id, digest);
CREATE INDEX device_of_staff ON device (practice_id, staff_id);
CREATE TABLE session (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    device_id       TEXT   NOT NULL,
    digest          BLOB   NOT NULL,
    method          TEXT   NOT NULL,           -- passkey, password, demo
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    proved_at       BIGINT NOT NULL,           -- when a second factor was last given
    ended_at        BIGINT,
    ended_why       TEXT,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX session_by_digest ON session (practice_id, digest);
CREATE INDEX session_of_staff ON session (practice_id, staff_id);
-- When a session was last used, to the half minute.
CREATE TABLE session_seen (
    practice_id     TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    seen_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, session_id)
);
-- Wrong guesses, by whom they are counted against: an account, an address, a known device.
CREATE TABLE sign_in_failure (
    practice_id     TEXT   NOT NULL,
    counted_for     BLOB   NOT NULL,
    failures        BIGINT NOT NULL,
    last_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, counted_for)
);
-- A passkey being made or used: between the question and the answer.
CREATE TABLE ceremony (
    practice_id     TEXT   NOT NULL,
    digest          BLOB   NOT NULL,
    state_sealed    BLOB   NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, digest)
);
