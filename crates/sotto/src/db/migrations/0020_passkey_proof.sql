-- When a passkey was last given in a session: for what asks for one that cannot be phished.
CREATE TABLE session_passkey (
    practice_id     TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    proved_at       BIGINT NOT NULL,
    PRIMARY KEY (practice_id, session_id)
);
