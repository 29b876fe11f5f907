-- Attempts in the ledger, and what has a price beside tokens.

-- An attempt that was charged and did not become the answer has a row of its own and names its call here.
alter table call add column call_id uuid;
-- standard, flex, batch, priority, fast or other.
alter table call add column tier text not null default 'standard';
alter table call add column searches bigint not null default 0;
alter table call add column paid_tool_calls bigint not null default 0;
-- Attempts that were refused and cost nothing: [{"provider": ..., "model": ..., "outcome": ..., "at_us": ...}].
alter table call add column refused jsonb;

-- The row type of notes from this version on; `call_entry` stays for the notes of earlier ones.
create table call_entry_2 (like call);

create index call_by_call on call (call_id) where call_id is not null;
