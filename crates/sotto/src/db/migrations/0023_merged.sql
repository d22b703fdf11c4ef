-- Which records were merged into one: asked whenever that one is shown.
CREATE INDEX patient_merged ON patient (practice_id, merged_into) WHERE merged_into IS NOT NULL;
