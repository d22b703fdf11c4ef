-- What stands in the inbox: one thread a patient over all channels, or one for a number or mailbox
-- that nobody knows. What was said stays where it is stored; a thread says who has to do with it.
CREATE TABLE thread (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT,                      -- or address_index: one of the two
    address_index   BLOB,                      -- blind index
    merged_into     TEXT,                      -- the patient's thread, once the number is known
    channel         TEXT,                      -- of what was said last
    state           TEXT   NOT NULL,           -- open, snoozed, closed
    snoozed_until   BIGINT,
    owner           TEXT,                      -- staff.id
    team            TEXT   NOT NULL,           -- a role's word
    about           TEXT   NOT NULL,           -- schedule, clinical, account
    urgent          BIGINT NOT NULL,           -- an emergency is open
    taken_at        BIGINT,                    -- when somebody took the emergency
    waiting_on      TEXT   NOT NULL,           -- us, them
    due_at          BIGINT,                    -- of the open task that is due first
    last_at         BIGINT NOT NULL,           -- of what was said last
    last_from       TEXT   NOT NULL,           -- us, them
    last_inbound    TEXT,                      -- inbound_message.id
    opened_at       BIGINT NOT NULL,
    closed_at       BIGINT,
    outcome         TEXT,                      -- as of a task
    rank            BIGINT NOT NULL,           -- 0 urgent, 1 waits on us, 2 on them
    sort_at         BIGINT NOT NULL,           -- within the rank
    changed_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX thread_patient ON thread (practice_id, patient_id) WHERE patient_id IS NOT NULL;
CREATE UNIQUE INDEX thread_address ON thread (practice_id, address_index) WHERE address_index IS NOT NULL;
CREATE INDEX thread_order ON thread (practice_id, state, rank, sort_at, id);
CREATE INDEX thread_latest ON thread (practice_id, state, last_at, id);
CREATE INDEX thread_changed ON thread (practice_id, changed_at);
CREATE INDEX thread_alarm ON thread (practice_id, due_at) WHERE urgent = 1;
-- What colleagues tell each other beside a thread.
CREATE TABLE note (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    thread_id       TEXT   NOT NULL,
    author          TEXT   NOT NULL,           -- staff.id
    about           TEXT   NOT NULL,           -- what the thread was about when it was written
    mentioned       TEXT,                      -- staff.id
    body_sealed     BLOB   NOT NULL,
    record_wrap     BLOB   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX note_thread ON note (practice_id, thread_id, created_at);
CREATE INDEX note_mentioned ON note (practice_id, mentioned) WHERE mentioned IS NOT NULL;
-- Who has a thread open now. A row is over after half a minute.
CREATE TABLE presence (
    practice_id     TEXT   NOT NULL,
    thread_id       TEXT   NOT NULL,
    staff_id        TEXT   NOT NULL,
    seen_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, thread_id, staff_id)
);
CREATE INDEX inbound_message_patient ON inbound_message (practice_id, patient_id, received_at) WHERE patient_id IS NOT NULL;
CREATE INDEX conversation_patient ON conversation (practice_id, patient_id);
CREATE INDEX task_patient ON task (practice_id, patient_id, state);
CREATE INDEX task_conversation ON task (practice_id, conversation_id, state);
