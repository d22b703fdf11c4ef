-- How many messages are uncertain is asked at every scrape.
CREATE INDEX message_uncertain ON message (practice_id, state_at) WHERE state = 'uncertain';
