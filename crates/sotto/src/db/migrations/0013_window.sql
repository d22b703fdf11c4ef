-- What patients see of us by a link, after they have proved who they are: the window.
-- A link stands in one notice of ours and is found by the keyed hash of its token alone.
CREATE TABLE window_link (
    practice_id     TEXT   NOT NULL,
    message_id      TEXT   NOT NULL,           -- the notice that carries it
    digest          BLOB   NOT NULL,           -- keyed hash of the token
    patient_id      TEXT   NOT NULL,
    contact_point_id TEXT  NOT NULL,           -- where the notice went, and a code goes
    purpose         TEXT   NOT NULL,           -- message, visit, choices
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    ended_why       TEXT,                      -- guesses, cut_off
    PRIMARY KEY (practice_id, message_id)
);
CREATE UNIQUE INDEX window_link_digest ON window_link (practice_id, digest);
CREATE INDEX window_link_patient ON window_link (practice_id, patient_id);
-- A code that was sent and not yet typed. Of browser and code only keyed hashes are kept.
CREATE TABLE window_code (
    practice_id     TEXT   NOT NULL,
    digest          BLOB   NOT NULL,           -- of the browser's cookie
    link_id         TEXT   NOT NULL,           -- window_link.message_id
    code            BLOB   NOT NULL,
    tries           BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, digest)
);
CREATE TABLE window_session (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    digest          BLOB   NOT NULL,           -- of the cookie
    patient_id      TEXT   NOT NULL,
    contact_point_id TEXT  NOT NULL,           -- by whose code
    caregiver_id    TEXT,                      -- who is there, when not the patient
    link_id         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    ended_why       TEXT,                      -- left, replaced, cut_off
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX window_session_digest ON window_session (practice_id, digest);
CREATE INDEX window_session_patient ON window_session (practice_id, patient_id) WHERE ended_at IS NULL;
CREATE TABLE window_seen (
    practice_id     TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    seen_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, session_id)
);
-- A message of ours as the patient has it: its copy, until its day, and what they did with it.
CREATE TABLE letter (
    practice_id     TEXT   NOT NULL,
    message_id      TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    contact_point_id TEXT,                     -- where the notice of it went
    last_day        BIGINT NOT NULL,           -- days since 1970-01-01, UTC: its copy ends with it
    created_at      BIGINT NOT NULL,
    opened_at       BIGINT,                    -- it stood in the patient's list
    read_at         BIGINT,                    -- its page was shown to them
    nudges          BIGINT NOT NULL,
    nudged_at       BIGINT,
    asked_at        BIGINT,                    -- staff got a task, since nobody read it
    ended_at        BIGINT,                    -- the key of the copy was destroyed
    PRIMARY KEY (practice_id, message_id)
);
CREATE INDEX letter_patient ON letter (practice_id, patient_id, created_at);
CREATE INDEX letter_unread ON letter (practice_id, created_at) WHERE read_at IS NULL AND asked_at IS NULL AND ended_at IS NULL;
CREATE INDEX letter_day ON letter (practice_id, last_day) WHERE ended_at IS NULL;
