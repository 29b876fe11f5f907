-- Workflows, waits, limits, schedules and projects. What belongs to a run is derived from its history, as before.

create table workflow (
  tenant_id uuid not null,
  name text not null,
  version int not null,
  document bytea not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, name, version)
);

create table project (
  tenant_id uuid not null,
  id uuid not null,
  name text not null,
  description text not null default '',
  -- Grows with every change; the ETag.
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  archived_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

-- When it was last stored again, to the half day: what is older than the oldest run is not needed any more.
alter table payload add column used_at timestamptz not null default now();

alter table task
  add column project_id uuid,
  add column description text not null default '',
  add column labels text[] not null default '{}',
  add column assignee text,
  add column priority int not null default 0 check (priority between -10 and 10),
  add column due_at timestamptz,
  add column version int not null default 1,
  add column updated_at timestamptz not null default now(),
  add column archived_at timestamptz;

create index task_of_project on task (tenant_id, project_id, id) where project_id is not null;

alter table run
  drop constraint run_status_check,
  add constraint run_status_check
    check (status in ('pending', 'running', 'compensating', 'succeeded', 'failed', 'cancelled')),
  add column is_paused bool not null default false,
  -- Ready steps queued by events up to this one are void.
  add column cleared_version int not null default 0,
  add column project_id uuid,
  add column priority int not null default 0,
  add column parent_run uuid,
  add column parent_step text,
  add column parent_attempt int,
  add column depth int not null default 0,
  add column forked_from uuid,
  -- The history stands compressed in `archive` and no longer in `event`.
  add column archived_at timestamptz;

drop index run_of_task;
create index run_of_tenant on run (tenant_id, id);
create index run_of_task on run (task_id);
create index run_ended on run (ended_at) where ended_at is not null;

-- Steps that wait for a worker. Narrow and short-lived: rows leave with the lease. A lane is what all limits look alike
-- for: its project, agent, model and locks. `rank_at` is the time of queueing, moved by the priority: so a step that
-- waits long enough overtakes more urgent ones that came later.
drop table ready;
create table ready (
  step_id uuid primary key,
  run_id uuid not null,
  tenant_id uuid not null,
  step text not null,
  attempt int not null,
  queued_version int not null,
  job_type text not null,
  lane text not null,
  rank_at timestamptz not null,
  queued_at timestamptz not null,
  expires_at timestamptz,
  heartbeat_ms bigint,
  close_ms bigint,
  -- The payload that is the whole input; null when the input is rendered from a template.
  input_sha256 bytea,
  -- The replica that queued it and knows its run; others take it only when it has waited for a moment.
  home int not null,
  -- Seconds of queueing, halved. Claims begin at the oldest one that still has rows, so that they do not walk over what
  -- was taken long ago but cannot be vacuumed yet.
  bucket int not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

create index ready_order on ready (job_type, bucket, tenant_id, lane, rank_at);
create index ready_of_run on ready (run_id);
create index ready_expiry on ready (expires_at) where expires_at is not null;

-- Attempts that wait before they are repeated; they move to `ready` when due.
create table delayed (
  like ready including defaults,
  due_at timestamptz not null,
  primary key (step_id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index delayed_due on delayed (due_at);
create index delayed_of_run on delayed (run_id);

alter table lease
  add column lane text not null default '',
  add column heartbeat_ms bigint,
  -- When the attempt is over whatever its holder says.
  add column closes_at timestamptz;
create index lease_of_run on lease (run_id);

-- Durable timers: what happens to a run at a time, or at once (the outbox of a transition).
create table timer (
  id bigint generated always as identity primary key,
  tenant_id uuid not null,
  run_id uuid not null,
  kind text not null check (kind in ('own', 'delay', 'close', 'expire', 'cancel', 'child_ended')),
  step text,
  attempt int,
  -- The other run of a sub-run's timers.
  other_run uuid,
  due_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
create index timer_due on timer (due_at);
create index timer_of_run on timer (run_id);

create table approval (
  tenant_id uuid not null,
  -- The id of the step that waits.
  id uuid not null,
  run_id uuid not null,
  step text not null,
  attempt int not null,
  subject_sha256 bytea not null,
  status text not null check (status in ('pending', 'approved', 'rejected', 'expired', 'withdrawn')),
  requested_at timestamptz not null,
  expires_at timestamptz,
  decided_at timestamptz,
  decided_by text,
  comment text,
  primary key (tenant_id, id)
);
create index approval_pending on approval (tenant_id, id) where status = 'pending';
create index approval_of_run on approval (run_id);

-- How many steps may be leased at the same time: of the tenant as a whole (`tenant`), or of a key such as
-- `agent:coder`, `model:large`, `project:<id>`. Names locked by steps (`lock:<name>`) have one slot without a row.
create table concurrency_limit (
  tenant_id uuid not null,
  key text not null,
  slots int not null check (slots between 0 and 100000),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, key)
);

-- The part of a tenant when several have work waiting; 1 without a row.
create table tenant_weight (
  tenant_id uuid primary key,
  weight double precision not null check (weight between 0.01 and 1000)
);

create table schedule (
  tenant_id uuid not null,
  id uuid not null,
  name text not null,
  cron text not null,
  time_zone text not null,
  -- The document of the task that is submitted.
  task bytea not null,
  overlap text not null check (overlap in ('skip', 'allow', 'queue_one', 'cancel_other')),
  catch_up_ms bigint not null,
  is_paused bool not null default false,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- The next time; null when it never comes.
  next_at timestamptz,
  last_at timestamptz,
  last_run uuid,
  -- A time that came while the run before was open, kept for later (queue_one).
  queued_at timestamptz,
  fired bigint not null default 0,
  skipped bigint not null default 0,
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
create index schedule_due on schedule (next_at) where not is_paused;

-- Whole histories of ended runs, compressed.
create table archive (
  run_id uuid primary key,
  tenant_id uuid not null,
  events int not null,
  body bytea not null,
  archived_at timestamptz not null default now()
);
