-- In which order the entries came in, among those that wait: their leaves take it. The clocks of two
-- nodes differ, and one may be set back.
ALTER TABLE audit_entry ADD COLUMN arrival BIGINT;
CREATE INDEX audit_entry_arrival ON audit_entry (practice_id, arrival) WHERE leaf_index IS NULL;
DROP INDEX audit_entry_waiting;
