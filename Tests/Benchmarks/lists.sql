-- Fills the tables behind lists and reports with :rows rows, of which nine tenths belong to one tenant. The schemas have to
-- be there (start the services once). Times lie within six days, so that no history is archived.
\set ON_ERROR_STOP on
set synchronous_commit = off;
set search_path = orchestrator;

create or replace function pg_temp.id(n bigint, rows bigint) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from date_trunc('hour', now())) * 1000)::bigint - 6 * 86400000 + n * 518000000 / rows), 12, '0')
    || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid $$;

create temp table sample as select input_sha256, output_sha256 from run where status = 'succeeded' limit 1;
create temp table body as select seq, body from history where run_id = (select id from run where status = 'succeeded' limit 1);
create temp table seeded as
select n, pg_temp.id(n, :rows) as id,
  case when n % 10 = 7 then ('00000000-0000-7000-9000-' || lpad(to_hex(n % 50), 12, '0'))::uuid
    else '00000000-0000-7000-8000-000000000001'::uuid end as tenant_id,
  now() - interval '6 days' + n * interval '518000 s' / :rows as created_at,
  (array['single', 'single', 'single', 'review', 'import', 'report', 'triage', 'nightly'])[1 + n % 8] as workflow,
  case when n % 3 = 0 then ('00000000-0000-7000-a000-' || lpad(to_hex(n % 20), 12, '0'))::uuid end as project_id,
  case when n % 100 < 90 then 'succeeded' when n % 100 < 95 then 'failed' when n % 100 < 98 then 'cancelled' else 'running' end as status
from generate_series(1, :rows) n;

insert into task (tenant_id, id, run_id, title, created_by, created_at, project_id, labels, updated_at)
select tenant_id, id, id, 'task ' || n, 'key:k' || n % 30, created_at, project_id,
  case when n % 10 = 0 then array['l' || n % 7] end, created_at from seeded;
insert into task_label (tenant_id, label, task_id) select tenant_id, 'l' || n % 7, id from seeded where n % 10 = 0;
insert into run (id, tenant_id, task_id, created_at, workflow_version, project_id, workflow, input_sha256, input_tokens, output_tokens,
  cost_microusd, model_calls, started_at, version, status, ended_at, output_sha256)
select id, tenant_id, id, created_at, 1, project_id, workflow, input_sha256, 5, 12, 8, 1, created_at, 6, status,
  case when status <> 'running' then created_at + interval '2 s' end, case when status = 'succeeded' then output_sha256 end
from seeded, sample;
insert into history (run_id, seq, at, body) select id, seq, created_at, body from seeded, body;
insert into approval (tenant_id, id, run_id, step, attempt, subject_sha256, status, requested_at)
select tenant_id, (left(id::text, 18) || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid, id, 'ask', 1, input_sha256,
  (array['approved', 'approved', 'approved', 'rejected', 'expired', 'pending'])[1 + n % 6], created_at
from seeded, sample where n % 5 = 0;
insert into schedule (tenant_id, id, name, cron, time_zone, task, overlap, catch_up_ms, is_paused, created_by, next_at)
select tenant_id, id, 'schedule ' || n, '0 5 * * *', 'UTC', convert_to('{"input":{"prompt":"hello"}}', 'UTF8'), 'skip', 60000, true,
  'key:k', now() + interval '1 day' from seeded where n % 10 = 1;

set search_path = llm_router;
insert into call (id, tenant_id, started_at, ended_at, dialect, principal, project, run, step, agent, key, model_asked, model, provider,
  route, outcome, cache, attempts, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated,
  nano_usd, saved_nano_usd, charged_tokens, charged_nano_usd, latency_us, first_token_us)
select id, tenant_id, created_at, created_at + interval '1 s', 'chat', 'key:k' || n % 30, project_id::text,
  'run_' || replace(id::text, '-', ''), 'step_' || md5(n::text), 'agent' || n % 9, 'k' || n % 30, 'default', 'model-' || n % 12,
  'provider' || n % 4, 'model, priority', case when n % 50 = 0 then 'failed' else 'ok' end, case when n % 20 = 0 then 'hit' else 'off' end,
  1, 500, 0, 0, 200, 0, false, 7950, 0, 700, 7950, 900000, 200000
from seeded;
-- As the services do from time to time.
select add_usage(2000000000);
vacuum (analyze) orchestrator.run, orchestrator.task, orchestrator.task_label, orchestrator.history, orchestrator.approval,
  orchestrator.schedule, llm_router.call, llm_router.usage_hour, llm_router.usage_sum;
