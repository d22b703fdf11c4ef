-- Calls that staff make: to which number, who answered, how we know who it was, what came of it.
CREATE TABLE call (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    contact_point_id TEXT  NOT NULL,
    task_id         TEXT,                      -- the task it is made for
    caller          TEXT   NOT NULL,           -- staff.id
    began_at        BIGINT NOT NULL,           -- in a private place, as the caller attested
    answered        TEXT,                      -- patient, caregiver, other, voicemail, nobody
    caregiver_id    TEXT,
    greeting        TEXT,                      -- of a voicemail: patient, generic, somebody_else
    methods         TEXT   NOT NULL,           -- how the listener was identified, space separated
    identified      BIGINT,                    -- 1: matched, 0: did not
    said_at         BIGINT,                    -- when the matter was shown to the caller
    outcome         TEXT,                      -- spoke, left_message, not_reached, wrong_number
    ended_at        BIGINT,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX call_patient ON call (practice_id, patient_id, began_at);
CREATE INDEX call_task ON call (practice_id, task_id) WHERE task_id IS NOT NULL;
