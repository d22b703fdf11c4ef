-- Which processes serve a practice now. A row is one run of one process: it goes when the process
-- ends, or when the others have found it silent and settled what it had begun.
CREATE TABLE node (
    practice_id     TEXT   NOT NULL,
    run             TEXT   NOT NULL,           -- UUID v7: the smallest has served longest
    name            TEXT   NOT NULL,           -- the same after each restart
    beat            BIGINT NOT NULL,           -- counts up while it lives; -1 once it is given up
    bind            BIGINT,                    -- which of the carrier's binds it may use, from 0
    joined_at       BIGINT NOT NULL,
    PRIMARY KEY (practice_id, run)
);
-- Two runs never hold one bind, whatever the program believes.
CREATE UNIQUE INDEX node_bind ON node (practice_id, bind);

-- The oldest schema version whose programs may go on serving beside this one. Unknown for versions
-- before this one, whose programs refuse to start beside any newer.
ALTER TABLE schema_version ADD COLUMN oldest BIGINT;
