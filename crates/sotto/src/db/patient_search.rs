//! Table `patient_search`: which patients a token leads to. No entry of the audit log binds its
//! rows: they are made from those of the patient, and what they lead to is compared with it.

use gate::{PatientId, PracticeId};

use crate::db::patient::{PatientRow, read};
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// The most meanings that one word has; a word with fewer repeats one.
pub const MEANINGS: usize = 4;

/// The most words that the tables are asked about; the others are compared afterwards.
pub const WORDS: usize = 4;

/// Gives a patient these tokens and no others.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    tokens: &[i64],
) -> Result<(), DbError> {
    let list = json(tokens);
    tx.execute(
        sql! {
            sqlite: "DELETE FROM patient_search WHERE practice_id = $1 AND patient_id = $2
                 AND token NOT IN (SELECT value FROM json_each($3))",
            postgres: "DELETE FROM patient_search WHERE practice_id = $1 AND patient_id = $2
                 AND token NOT IN
                     (SELECT value::BIGINT FROM json_array_elements_text($3::TEXT::JSON))"
        },
        params![practice, patient, list],
    )?;
    tx.execute(
        sql! {
            sqlite: "INSERT INTO patient_search (practice_id, token, patient_id)
                 SELECT $1, value, $2 FROM json_each($3) WHERE true
                 ON CONFLICT (practice_id, token, patient_id) DO NOTHING",
            postgres: "INSERT INTO patient_search (practice_id, token, patient_id)
                 SELECT $1, value::BIGINT, $2 FROM json_array_elements_text($3::TEXT::JSON)
                 ON CONFLICT (practice_id, token, patient_id) DO NOTHING"
        },
        params![practice, patient, list],
    )?;
    Ok(())
}

fn json(tokens: &[i64]) -> String {
    let texts: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    format!("[{}]", texts.join(","))
}

/// Patients without any token, from the first behind `after`; not the one that is nobody. Asked patient
/// by patient: PostgreSQL may make NOT EXISTS a join that reads every token once for each of them.
///
/// # Errors
/// [`DbError`].
pub fn missing(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    after: Option<PatientId>,
    limit: u32,
) -> Result<Vec<PatientId>, DbError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    tx.query(
        sql!(
            "SELECT p.id FROM patient p
              WHERE p.practice_id = $1 AND p.id > $2
                AND (SELECT s.patient_id FROM patient_search s
                    WHERE s.practice_id = $1 AND s.patient_id = p.id LIMIT 1) IS NULL
                AND p.id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)
              ORDER BY p.id LIMIT $3"
        ),
        params![practice, after, limit],
        |row| row.get(0),
    )
}

/// To how many patients a word leads, counted no further than `limit`.
///
/// # Errors
/// [`DbError`].
pub fn count(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    word: &[i64; MEANINGS],
    limit: u32,
) -> Result<u32, DbError> {
    let [a, b, c, d] = word;
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM patient_search
                 WHERE practice_id = $1 AND token IN ($2, $3, $4, $5) LIMIT $6) AS counted"
        ),
        params![practice, a, b, c, d, limit],
        |row| row.get(0),
    )
}

/// The patients whom each of these words leads to, at most `limit` rows; not the one that is nobody.
/// The first word should be the one that leads to the fewest. A patient to whom it leads twice
/// stands there twice: to say each once, SQLite would go through the whole practice in their order.
///
/// # Errors
/// [`DbError`].
pub fn patients(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    words: &[[i64; MEANINGS]; WORDS],
    limit: u32,
) -> Result<Vec<PatientRow>, DbError> {
    let [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]] = words;
    tx.query(
        sql!(
            "SELECT p.id, p.person_sealed, p.language, p.timezone, p.deceased_at, p.active,
                    p.merged_into, p.updated_at
               FROM (SELECT s.patient_id FROM patient_search s
                      WHERE s.practice_id = $1 AND s.token IN ($2, $3, $4, $5)
                        AND EXISTS (SELECT 1 FROM patient_search o WHERE o.practice_id = $1
                            AND o.token IN ($6, $7, $8, $9) AND o.patient_id = s.patient_id)
                        AND EXISTS (SELECT 1 FROM patient_search o WHERE o.practice_id = $1
                            AND o.token IN ($10, $11, $12, $13) AND o.patient_id = s.patient_id)
                        AND EXISTS (SELECT 1 FROM patient_search o WHERE o.practice_id = $1
                            AND o.token IN ($14, $15, $16, $17) AND o.patient_id = s.patient_id)
                        AND s.patient_id NOT IN
                            (SELECT patient_id FROM test_patient WHERE practice_id = $1)
                      LIMIT $18) AS found
               JOIN patient p ON p.practice_id = $1 AND p.id = found.patient_id"
        ),
        params![practice, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, limit],
        read,
    )
}

/// How many tokens there are, for reports.
///
/// # Errors
/// [`DbError`].
pub fn rows(tx: &mut Tx<'_>, practice: PracticeId) -> Result<i64, DbError> {
    tx.query_one(
        sql!("SELECT COUNT(*) FROM patient_search WHERE practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )
}
