-- Times of providers that are not set follow the settings of the service, which may change.
alter table provider alter column timeout_ms drop not null;
alter table provider alter column first_token_ms drop not null;
alter table provider add column stall_ms bigint;
-- What used to be written when nothing was said.
update provider set timeout_ms = null where timeout_ms = 120000;
update provider set first_token_ms = null where first_token_ms = 60000;
-- How an answer that breaks in its midst is rescued: null (not), 'continue' or 'buffer'.
alter table alias add column rescue text;
