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

-- The same columns in another order: what changes stands at the end, so that an update logs no more than that. Half of each
-- page is left for updates, which then touch no index.
alter table run rename to run_before;
create table run (
  id uuid not null,
  tenant_id uuid not null,
  task_id uuid not null,
  created_at timestamptz not null default now(),
  workflow_version int not null,
  priority int not null default 0,
  depth int not null default 0,
  parent_attempt int,
  project_id uuid,
  parent_run uuid,
  forked_from uuid,
  workflow text not null,
  input_sha256 bytea not null,
  -- The trace of the submission (W3C), which the work of the run goes on.
  traceparent text,
  parent_step text,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cost_microusd bigint not null default 0,
  unpriced_calls bigint not null default 0,
  model_calls bigint not null default 0,
  -- Ready steps queued by events up to this one are void.
  cleared_version int not null default 0,
  is_paused bool not null default false,
  started_at timestamptz,
  -- Number of events; the fence of every transition.
  version int not null,
  status text not null check (status in ('pending', 'running', 'compensating', 'succeeded', 'failed', 'cancelled')),
  ended_at timestamptz,
  output_sha256 bytea,
  failure jsonb,
  -- The history stands compressed in `archive` and no longer in `history`.
  archived_at timestamptz
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
insert into run (id, tenant_id, task_id, created_at, workflow_version, priority, depth, parent_attempt, project_id, parent_run,
  forked_from, workflow, input_sha256, traceparent, parent_step, input_tokens, output_tokens, cost_microusd, unpriced_calls,
  model_calls, cleared_version, is_paused, started_at, version, status, ended_at, output_sha256, failure, archived_at)
select id, tenant_id, task_id, created_at, workflow_version, priority, depth, parent_attempt, project_id, parent_run,
  forked_from, workflow, input_sha256, traceparent, parent_step, input_tokens, output_tokens, cost_microusd, unpriced_calls,
  model_calls, cleared_version, is_paused, started_at, version, status, ended_at, output_sha256, failure, archived_at
from run_before;
drop table run_before;
alter table run add primary key (id);
create index run_of_tenant on run (tenant_id, id);
-- The first run of a task has its id.
create index run_of_task on run (task_id) where task_id <> id;

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

-- Nobody reads these.
alter table lease drop column leased_at;
alter table task drop column input_sha256;

-- Most tasks have none.
alter table task alter column labels drop not null, alter column labels drop default;
