-- Histories by decisions: one row for all events that were appended together, fewer indexes, and a queue of ended runs in
-- place of an index that made the last update of every run an expensive one.

create table history (
  run_id uuid not null,
  -- The number of the last event in the row.
  seq int not null,
  at timestamptz not null,
  -- A JSON array of events, each [type, step or null, members].
  body bytea not null,
  primary key (run_id, seq)
);

insert into history (run_id, seq, at, body)
select run_id, seq, at, convert_to(json_build_array(json_build_array(type, step, data))::text, 'UTF8') from event;

drop table event;

-- Histories event by event, for people and for the archive.
create view event as
select h.run_id, (h.seq - json_array_length(h.events) + e.place)::int as seq, h.at, e.event->>0 as type,
  e.event->>1 as step, e.event->2 as data
from (select run_id, seq, at, convert_from(body, 'UTF8')::json as events from history) h
cross join lateral json_array_elements(h.events) with ordinality as e(event, place);

-- Runs that have ended and are not archived yet, by their end.
create table ended (
  ended_at timestamptz not null,
  run_id uuid not null
);
create index ended_order on ended (ended_at);
insert into ended (ended_at, run_id) select ended_at, id from run where ended_at is not null and archived_at is null;
drop index run_ended;

alter table archive add column ended_at timestamptz;
update archive a set ended_at = coalesce(r.ended_at, a.archived_at) from run r where r.id = a.run_id;
create index archive_order on archive (ended_at);

-- The id of a step begins like that of its run: what belongs to a run is a range of the primary key.
create function steps_from(run uuid) returns uuid language sql immutable parallel safe
  return (left(run::text, 18) || '-8000-000000000000')::uuid;
create function steps_to(run uuid) returns uuid language sql immutable parallel safe
  return (left(run::text, 18) || '-bfff-ffffffffffff')::uuid;
drop index lease_of_run;
drop index ready_of_run;
drop index delayed_of_run;
