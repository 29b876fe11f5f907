-- Runs and their histories. The history (event) is the only truth about a run; every other table is derived from it or is a
-- queue whose rows are deleted when done. Every table carries the tenant.

create table payload (
  tenant_id uuid not null,
  sha256 bytea not null check (length(sha256) = 32),
  body bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, sha256)
);

create table task (
  tenant_id uuid not null,
  id uuid not null,
  run_id uuid not null,
  title text,
  input_sha256 bytea not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

-- The status stands in no index, so that a transition is a heap-only update.
create table run (
  id uuid primary key,
  tenant_id uuid not null,
  task_id uuid not null,
  workflow text not null,
  workflow_version int not null,
  -- Number of events; the fence of every transition.
  version int not null,
  status text not null check (status in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  input_sha256 bytea not null,
  -- The trace of the submission (W3C), which the work of the run goes on.
  traceparent text,
  output_sha256 bytea,
  failure jsonb,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cost_microusd bigint not null default 0,
  unpriced_calls bigint not null default 0,
  model_calls bigint not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

create index run_of_task on run (tenant_id, task_id);

create table event (
  run_id uuid not null,
  seq int not null,
  at timestamptz not null,
  type text not null,
  step text,
  data jsonb not null,
  primary key (run_id, seq)
);

-- Steps that wait for a worker. Narrow and short-lived: rows leave with the lease.
create table ready (
  step_id uuid primary key,
  run_id uuid not null,
  tenant_id uuid not null,
  step text not null,
  attempt int not null,
  job_type text not null,
  due_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

create index ready_due on ready (job_type, due_at);

-- Steps that a worker holds. The token fences every write of the holder.
create table lease (
  step_id uuid primary key,
  run_id uuid not null,
  tenant_id uuid not null,
  step text not null,
  attempt int not null,
  token uuid not null,
  worker text not null,
  leased_at timestamptz not null,
  deadline timestamptz not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

create index lease_deadline on lease (deadline);

create table idempotency (
  tenant_id uuid not null,
  key text not null,
  request_sha256 bytea not null,
  task_id uuid not null,
  run_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, key)
);
