-- What a patient may be found by, as keyed hashes cut to eight bytes: beginnings of names, birth
-- dates, ends of numbers, record numbers. Which of these a token is, nobody can tell from it.
CREATE TABLE patient_search (
    practice_id     TEXT   NOT NULL,
    token           BIGINT NOT NULL,
    patient_id      TEXT   NOT NULL,
    PRIMARY KEY (practice_id, token, patient_id)
) WITHOUT ROWID;
CREATE INDEX patient_search_patient ON patient_search (practice_id, patient_id);
