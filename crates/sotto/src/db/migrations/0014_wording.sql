-- Words that somebody wrote for the practice, until another person approves or declines them
-- (RULEBOOK §12: two people). What was approved is a version of the template, and in force until it
-- is withdrawn or the next is approved.
CREATE TABLE template_proposal (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    name            TEXT   NOT NULL,           -- appt_reminder.sms.en
    subject         TEXT,                      -- email and portal
    body            TEXT   NOT NULL,
    reason          TEXT   NOT NULL,           -- why these words
    expires_on      TEXT,                      -- their last day, 2027-12-31
    author          TEXT   NOT NULL,           -- staff.id
    proposed_at     BIGINT NOT NULL,
    state           TEXT   NOT NULL,           -- waiting, approved, declined, taken_back
    judge           TEXT,                      -- staff.id
    judged_at       BIGINT,
    answer          TEXT,                      -- why they were declined
    version         BIGINT,                    -- the template_version they became
    PRIMARY KEY (practice_id, id),
    CHECK (judge IS NULL OR judge <> author),
    CHECK (state NOT IN ('approved', 'declined') OR judge IS NOT NULL),
    CHECK ((state = 'approved') = (version IS NOT NULL))
);
CREATE UNIQUE INDEX template_proposal_waiting ON template_proposal (practice_id, name) WHERE state = 'waiting';
CREATE INDEX template_proposal_name ON template_proposal (practice_id, name, proposed_at);
