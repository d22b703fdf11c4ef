-- One text for SQLite and PostgreSQL: TEXT, BIGINT and BLOB only (BLOB becomes BYTEA).
-- Times are microseconds UTC. Every table carries practice_id and leads its key with it.
-- Columns named *_sealed hold what crates/seal sealed; columns named *_index are blind indexes.

-- ── the practice ────────────────────────────────────────────────────────────────────────────
CREATE TABLE practice (
    practice_id     TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    display_name    TEXT   NOT NULL,           -- neutral where the name reveals the specialty
    phone           TEXT   NOT NULL,           -- as printed
    timezone        TEXT   NOT NULL,
    portal_url      TEXT   NOT NULL,
    sandbox         BIGINT NOT NULL,           -- 1: demo or training, nothing leaves the machine
    updated_at      BIGINT NOT NULL
);
CREATE TABLE site (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    external_id     TEXT,
    name            TEXT   NOT NULL,
    street          TEXT,
    city            TEXT,
    region          TEXT,
    postal_code     TEXT,
    phone           TEXT,
    timezone        TEXT,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX site_external ON site (practice_id, external_id);
CREATE TABLE clinician (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    external_id     TEXT,
    prefix          TEXT,
    given_name      TEXT,
    family_name     TEXT   NOT NULL,
    active          BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX clinician_external ON clinician (practice_id, external_id);
CREATE TABLE vendor (                          -- RULEBOOK §4
    practice_id     TEXT   NOT NULL,
    adapter         TEXT   NOT NULL,           -- sms_smpp, sms_http, email_smtp, portal
    legal_name      TEXT   NOT NULL,
    service         TEXT   NOT NULL,
    max_level       BIGINT NOT NULL,
    agreement       TEXT   NOT NULL,           -- active, exception, sandbox, missing, terminated
    effective_at    BIGINT,
    expires_at      BIGINT,
    reason          TEXT,                      -- of an exception, in writing
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, adapter)
);
CREATE TABLE channel_setting (
    practice_id     TEXT   NOT NULL,
    channel         TEXT   NOT NULL,
    adapter         TEXT   NOT NULL,
    enabled         BIGINT NOT NULL,
    sender          TEXT   NOT NULL,           -- our number or mailbox
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, channel)
);
CREATE TABLE policy_version (
    practice_id     TEXT   NOT NULL,
    version         TEXT   NOT NULL,
    document        TEXT   NOT NULL,           -- TOML as loaded
    activated_at    BIGINT NOT NULL,
    activated_by    TEXT   NOT NULL,
    PRIMARY KEY (practice_id, version)
);
CREATE TABLE template_version (
    practice_id     TEXT   NOT NULL,
    name            TEXT   NOT NULL,           -- appt_reminder.sms.en
    version         BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    channel         TEXT   NOT NULL,
    language        TEXT   NOT NULL,
    subject         TEXT,
    body            TEXT   NOT NULL,
    max_level       BIGINT NOT NULL,
    digest          BLOB   NOT NULL,
    approved_by     TEXT,
    approved_at     BIGINT,
    expires_at      BIGINT,
    withdrawn_at    BIGINT,
    loaded_at       BIGINT NOT NULL,
    PRIMARY KEY (practice_id, name, version)
);
CREATE TABLE setting (                         -- small facts of this installation
    practice_id     TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    value           TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, name)
);

-- ── people ──────────────────────────────────────────────────────────────────────────────────
CREATE TABLE patient (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    person_sealed   BLOB   NOT NULL,           -- names, birth date, postal address (JSON)
    language        TEXT,
    timezone        TEXT,                      -- from the postal address
    deceased_at     BIGINT,                    -- 0 when the day is unknown
    active          BIGINT NOT NULL,
    merged_into     TEXT,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE TABLE patient_identifier (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    system          TEXT   NOT NULL,
    value_index     BLOB   NOT NULL,
    value_sealed    BLOB   NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX patient_identifier_value ON patient_identifier (practice_id, system, value_index);
CREATE INDEX patient_identifier_patient ON patient_identifier (practice_id, patient_id);
CREATE TABLE contact_point (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    caregiver_id    TEXT,                      -- whose it is, when not the patient's own
    kind            TEXT   NOT NULL,           -- phone, email
    address_sealed  BLOB   NOT NULL,
    address_index   BLOB   NOT NULL,
    line            TEXT   NOT NULL,           -- mobile, landline, voip, unknown, not_a_line
    place           TEXT,                      -- home, work, mobile, temp, old
    rank            BIGINT NOT NULL,           -- 1 first
    shared          BIGINT NOT NULL,           -- others read or hear it
    source          TEXT   NOT NULL,           -- chart, staff, patient
    verified_at     BIGINT,
    verified_how    TEXT,
    valid_from      BIGINT,
    valid_until     BIGINT,
    dead            TEXT,                      -- wrong_number, bounced, reassigned
    dead_at         BIGINT,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX contact_point_address ON contact_point (practice_id, address_index);
CREATE INDEX contact_point_patient ON contact_point (practice_id, patient_id);
CREATE TABLE alternative_contact (             -- PRIV-05; never written by an import
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    channel         TEXT,                      -- NULL: all
    contact_point_id TEXT,                     -- NULL: none on that channel
    valid_from      BIGINT NOT NULL,
    valid_until     BIGINT,
    evidence        TEXT,
    recorded_by     TEXT   NOT NULL,
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX alternative_contact_patient ON alternative_contact (practice_id, patient_id);
CREATE TABLE restriction (                     -- PRIV-06, CLIN-10
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    what            TEXT   NOT NULL,           -- channel, contact_point, kind, hold, safety
    value           TEXT,
    status          TEXT   NOT NULL,           -- accepted, declined, terminated
    valid_from      BIGINT NOT NULL,
    valid_until     BIGINT,
    recorded_by     TEXT   NOT NULL,
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX restriction_patient ON restriction (practice_id, patient_id);
CREATE TABLE caregiver (                       -- PRIV-07, PRIV-08
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    external_id     TEXT,
    person_sealed   BLOB   NOT NULL,           -- name (JSON)
    relation        TEXT   NOT NULL,
    representative  BIGINT NOT NULL,
    scope           TEXT   NOT NULL,           -- call_back appointments billing clinical; '' none
    permission      TEXT   NOT NULL,           -- none, spoken, written
    evidence        TEXT,
    valid_from      BIGINT,
    valid_until     BIGINT,
    recorded_by     TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX caregiver_patient ON caregiver (practice_id, patient_id);
CREATE TABLE preference (                      -- a wish, not a consent (SPEC CN-14)
    practice_id     TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    channel         TEXT,                      -- preferred
    from_minute     BIGINT,                    -- of the day, local
    until_minute    BIGINT,
    kinds_off       TEXT   NOT NULL,           -- kinds not wanted, space separated
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, patient_id)
);
CREATE TABLE consent_event (                   -- append-only; SPEC CN-05, RULEBOOK §5.2
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    consent_id      TEXT   NOT NULL,           -- the id of its first event
    patient_id      TEXT   NOT NULL,
    event           TEXT   NOT NULL,           -- given, revoked
    class           TEXT   NOT NULL,           -- pec, pewc, content, marketing_authorization, access_request
    channel         TEXT   NOT NULL,
    address_index   BLOB   NOT NULL,           -- exactly this number or address
    purposes        TEXT   NOT NULL,           -- space separated; '': all its class covers
    categories      TEXT   NOT NULL,           -- content consents only, space separated
    up_to_level     BIGINT,
    text_version    TEXT,                      -- of the consent or risk text shown
    risk_warned     BIGINT NOT NULL,
    language        TEXT   NOT NULL,
    frequency       TEXT,
    method          TEXT   NOT NULL,           -- paper, portal, spoken, keyword, form
    evidence        TEXT,                      -- where the paper or form is
    evidence_digest BLOB,
    witness         TEXT,
    captured_by     TEXT   NOT NULL,
    captured_at     BIGINT NOT NULL,
    valid_until     BIGINT,
    withdrawal      TEXT   NOT NULL,           -- how it can be withdrawn, as told
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX consent_event_patient ON consent_event (practice_id, patient_id);
CREATE TABLE suppression_event (               -- append-only; RULEBOOK §5.4
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    address_index   BLOB   NOT NULL,
    event           TEXT   NOT NULL,           -- opt_out, opt_in, wrong_number, confirmed
    channel         TEXT,                      -- NULL: all automated
    kind            TEXT,                      -- NULL: all
    source          TEXT   NOT NULL,           -- keyword, words, staff, carrier, one_click
    inbound_id      TEXT,
    recorded_by     TEXT   NOT NULL,
    occurred_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX suppression_event_address ON suppression_event (practice_id, address_index);

-- ── schedule ────────────────────────────────────────────────────────────────────────────────
CREATE TABLE appointment (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    external_id     TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    clinician_id    TEXT,
    site_id         TEXT,
    starts_at       BIGINT NOT NULL,
    ends_at         BIGINT,
    status          TEXT   NOT NULL,           -- booked, cancelled, fulfilled, noshow
    version         BIGINT NOT NULL,           -- counts changes of time, site or status
    reply           TEXT,                      -- confirmed, declined, reschedule
    reply_at        BIGINT,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX appointment_external ON appointment (practice_id, external_id);
CREATE INDEX appointment_patient ON appointment (practice_id, patient_id, starts_at);
CREATE INDEX appointment_start ON appointment (practice_id, starts_at);
CREATE TABLE reminder (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    appointment_id  TEXT   NOT NULL,
    appointment_version BIGINT NOT NULL,
    step            TEXT   NOT NULL,           -- 7d, 2d, 3h
    due_at          BIGINT NOT NULL,
    state           TEXT   NOT NULL,           -- planned, sent_on, refused, skipped, cancelled
    message_id      TEXT,
    refusals        TEXT,                      -- codes, space separated
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX reminder_once ON reminder (practice_id, appointment_id, appointment_version, step);
CREATE INDEX reminder_due ON reminder (state, due_at);

-- ── messages ────────────────────────────────────────────────────────────────────────────────
CREATE TABLE message (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT,
    contact_point_id TEXT,
    address_index   BLOB   NOT NULL,
    channel         TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    purpose         TEXT   NOT NULL,
    origin          TEXT   NOT NULL,           -- automated, reply, staff
    reply_to_at     BIGINT,
    language        TEXT   NOT NULL,
    template_name   TEXT,
    template_version BIGINT,
    appointment_id  TEXT,
    inbound_id      TEXT,                      -- what it answers
    content_sealed  BLOB   NOT NULL,           -- address, subject, body, fields (JSON)
    record_wrap     BLOB   NOT NULL,
    patient_wrap    BLOB,
    basis           TEXT,                      -- what the clearance rests on (JSON); NULL if refused
    clearance_entry TEXT,                      -- audit_entry.id that binds it
    state           TEXT   NOT NULL,
    state_at        BIGINT NOT NULL,
    refusals        TEXT,                      -- codes, space separated
    useless_after   BIGINT,
    send_at         BIGINT NOT NULL,           -- planned, then actual: what the caps count
    created_by      TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX message_patient ON message (practice_id, patient_id, send_at);
CREATE INDEX message_address ON message (practice_id, address_index, created_at);
CREATE INDEX message_appointment ON message (practice_id, appointment_id) WHERE appointment_id IS NOT NULL;
CREATE INDEX message_created ON message (practice_id, created_at);
CREATE TABLE outbox (                          -- a queue: rows leave it; each row carries its own mac
    practice_id     TEXT   NOT NULL,
    message_id      TEXT   NOT NULL,
    adapter         TEXT   NOT NULL,
    due_at          BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    leased_until    BIGINT,
    lease_owner     TEXT,
    mac             BLOB   NOT NULL,
    PRIMARY KEY (practice_id, message_id)
);
-- What is on the wire is left out: looking for the next message does not step over it.
CREATE INDEX outbox_free ON outbox (adapter, due_at) WHERE leased_until IS NULL;
CREATE TABLE attempt (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    message_id      TEXT   NOT NULL,
    number          BIGINT NOT NULL,           -- counted from 1
    adapter         TEXT   NOT NULL,
    started_at      BIGINT NOT NULL,
    finished_at     BIGINT,
    outcome         TEXT   NOT NULL,           -- started, accepted, failed, uncertain
    failure         TEXT,                      -- a word of the closed list
    transport       TEXT,                      -- TLS facts and the like (JSON, no PHI)
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX attempt_message ON attempt (practice_id, message_id);
CREATE TABLE attempt_part (
    practice_id     TEXT   NOT NULL,
    attempt_id      TEXT   NOT NULL,
    part            BIGINT NOT NULL,
    adapter         TEXT   NOT NULL,
    carrier_id      TEXT   NOT NULL,           -- in one form, however the carrier writes it
    state           TEXT   NOT NULL,           -- accepted, delivered, undelivered
    state_at        BIGINT NOT NULL,
    PRIMARY KEY (practice_id, attempt_id, part)
);
CREATE INDEX attempt_part_carrier ON attempt_part (adapter, carrier_id);
CREATE TABLE receipt (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    adapter         TEXT   NOT NULL,
    carrier_id      TEXT   NOT NULL,
    status          TEXT   NOT NULL,           -- enroute, delivered, undelivered, rejected, expired, unknown
    error           TEXT,
    attempt_id      TEXT,                      -- NULL until the attempt is known
    occurred_at     BIGINT,
    received_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX receipt_once ON receipt (practice_id, adapter, carrier_id, status);

-- ── replies ─────────────────────────────────────────────────────────────────────────────────
CREATE TABLE inbound_message (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    adapter         TEXT   NOT NULL,
    carrier_id      TEXT   NOT NULL,           -- the carrier's, or a digest: the same arrival twice is one row
    channel         TEXT   NOT NULL,
    from_index      BLOB   NOT NULL,
    patient_id      TEXT,                      -- NULL: unknown, or shared by several
    content_sealed  BLOB   NOT NULL,           -- from, to, body (JSON)
    record_wrap     BLOB   NOT NULL,
    intents         TEXT   NOT NULL,           -- in order of TEL-19, space separated
    effect          TEXT   NOT NULL,           -- what it did, one word
    appointment_id  TEXT,
    conversation_id TEXT,
    received_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX inbound_message_once ON inbound_message (practice_id, adapter, carrier_id);
CREATE INDEX inbound_message_from ON inbound_message (practice_id, from_index, received_at);
CREATE INDEX inbound_message_received ON inbound_message (practice_id, received_at);
CREATE TABLE conversation (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    patient_id      TEXT,
    channel         TEXT   NOT NULL,
    address_index   BLOB   NOT NULL,
    state           TEXT   NOT NULL,           -- open, closed
    opened_at       BIGINT NOT NULL,
    last_at         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX conversation_address ON conversation (practice_id, address_index, state);
CREATE TABLE task (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    kind            TEXT   NOT NULL,           -- emergency, clinical_question, answer, reschedule, …
    urgent          BIGINT NOT NULL,
    patient_id      TEXT,
    conversation_id TEXT,
    message_id      TEXT,
    inbound_id      TEXT,
    appointment_id  TEXT,
    due_at          BIGINT NOT NULL,
    state           TEXT   NOT NULL,           -- open, done
    outcome         TEXT,
    done_by         TEXT,
    done_at         BIGINT,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX task_open ON task (practice_id, state, urgent, due_at);

-- ── doors ───────────────────────────────────────────────────────────────────────────────────
CREATE TABLE api_token (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    secret_digest   BLOB   NOT NULL,
    scopes          TEXT   NOT NULL,           -- space separated
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX api_token_secret ON api_token (secret_digest);
CREATE TABLE idempotency_key (
    practice_id     TEXT   NOT NULL,
    token_id        TEXT   NOT NULL,
    key_digest      BLOB   NOT NULL,
    request_digest  BLOB   NOT NULL,
    status          BIGINT NOT NULL,
    response        TEXT   NOT NULL,           -- the answer's JSON; holds no PHI
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practice_id, token_id, key_digest)
);
CREATE TABLE import_file (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    kind            TEXT   NOT NULL,           -- fhir, csv_patients, csv_appointments
    digest          BLOB   NOT NULL,
    imported        BIGINT NOT NULL,
    updated         BIGINT NOT NULL,
    unchanged       BIGINT NOT NULL,
    skipped         BIGINT NOT NULL,
    finished_at     BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);

-- ── proof ───────────────────────────────────────────────────────────────────────────────────
CREATE TABLE audit_entry (
    practice_id     TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    recorded_at     BIGINT NOT NULL,
    body            BLOB   NOT NULL,           -- canonical JSON, as hashed
    leaf_index      BIGINT,                    -- NULL until the sequencer placed it
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX audit_entry_leaf ON audit_entry (practice_id, leaf_index) WHERE leaf_index IS NOT NULL;
CREATE INDEX audit_entry_waiting ON audit_entry (practice_id, recorded_at, id) WHERE leaf_index IS NULL;
CREATE TABLE audit_tile (
    practice_id     TEXT   NOT NULL,
    level           BIGINT NOT NULL,
    tile            BIGINT NOT NULL,
    hashes          BLOB   NOT NULL,           -- up to 256 of 32 bytes
    PRIMARY KEY (practice_id, level, tile)
);
CREATE TABLE audit_checkpoint (
    practice_id     TEXT   NOT NULL,
    size            BIGINT NOT NULL,
    signed_at       BIGINT NOT NULL,
    note            TEXT   NOT NULL,           -- C2SP signed note
    PRIMARY KEY (practice_id, size)
);
