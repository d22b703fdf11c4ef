-- Who else touches PHI, and what was signed with whom and ended. Who carries a channel stands in `vendor`,
-- which the configuration file fills; here are those who carry none.
CREATE TABLE vendor_entry (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    legal_name      TEXT   NOT NULL,
    service         TEXT   NOT NULL,
    max_level       BIGINT NOT NULL,           -- the most they may be given
    recorded_by     TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
-- What the practice wrote down about the agreement with a vendor. Rows are added and never changed: the last
-- that was signed or ended is what stands.
CREATE TABLE agreement_event (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    vendor          TEXT   NOT NULL,           -- a carrier's adapter, or an id of vendor_entry
    number          BIGINT NOT NULL,           -- of this vendor, from 1
    event           TEXT   NOT NULL,           -- signed, ended, returned
    legal_name      TEXT   NOT NULL,           -- with whom
    signer          TEXT,                      -- of what was signed: by whom,
    effective_at    BIGINT,                    -- from when,
    expires_at      BIGINT,                    -- until when; NULL: until somebody ends it
    subcontractors  TEXT,                      -- who works for them, in words
    notice_days     BIGINT,                    -- within so many days they tell of a breach
    reason          TEXT,                      -- of an end, in words
    task_id         TEXT,                      -- of an end: to get the certificate
    recorded_by     TEXT   NOT NULL,
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX agreement_event_number ON agreement_event (practice_id, vendor, number);
