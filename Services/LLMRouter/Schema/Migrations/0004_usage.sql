-- Sums of calls that are kept as calls are written, an index for every way to look for calls, and revocations without a
-- bound on their number.

alter table revoked_key add column revoked_at timestamptz not null default clock_timestamp();
create index revoked_key_by_time on revoked_key (revoked_at);
create index revoked_key_by_expiry on revoked_key (expires_at);

-- A number stands for tenant and name together: these indexes are written with every call and have to be small.
create function label_key(tenant uuid, label text) returns bigint language sql immutable parallel safe
  as $$ select hashtextextended(label, uuid_hash_extended(tenant, 0)) $$;

drop index call_of_run;
drop index call_of_key;
create index call_by_project on call (label_key(tenant_id, project), started_at) where project is not null;
create index call_by_group on call (label_key(tenant_id, "group"), started_at) where "group" is not null;
create index call_by_run on call (label_key(tenant_id, run), started_at) where run is not null;
create index call_by_step on call (label_key(tenant_id, step), started_at) where step is not null;
create index call_by_agent on call (label_key(tenant_id, agent), started_at) where agent is not null;
create index call_by_tool on call (label_key(tenant_id, tool), started_at) where tool is not null;
create index call_by_key on call (label_key(tenant_id, key), started_at) where key is not null;
create index call_by_principal on call (label_key(tenant_id, principal), started_at);
create index call_by_model on call (label_key(tenant_id, model), started_at) where model is not null;
create index call_by_model_asked on call (label_key(tenant_id, model_asked), started_at);
create index call_by_provider on call (label_key(tenant_id, provider), started_at) where provider is not null;
-- What most calls have in common is found by the order of time.
create index call_by_outcome on call (label_key(tenant_id, outcome), started_at) where outcome <> 'ok';
create index call_by_cache on call (label_key(tenant_id, cache), started_at) where cache not in ('off', 'miss');
create index call_by_dialect on call (label_key(tenant_id, dialect), started_at) where dialect <> 'chat';

-- What calls add up to in an hour (UTC), by all names but run and step: as it is written, until it is added to the sums.
create table usage_pending (
  tenant_id uuid not null,
  hour timestamptz not null,
  project text,
  "group" text,
  agent text,
  tool text,
  key text,
  principal text not null,
  model text,
  model_asked text not null,
  provider text,
  outcome text not null,
  cache text not null,
  dialect text not null,
  calls bigint not null,
  attempts bigint not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  cost numeric not null,
  saved numeric not null,
  unpriced bigint not null,
  estimated bigint not null,
  charged_tokens numeric not null,
  charged_nano_usd numeric not null
);

-- The same for whole hours.
create table usage_hour (like usage_pending, names uuid not null, primary key (tenant_id, hour, names))
  with (fillfactor = 80);

-- Sums by hour (grain 0) and day (grain 1), UTC, for each value of one dimension; dimension 0 is all calls.
create table usage_sum (
  tenant_id uuid not null,
  dimension smallint not null,
  grain smallint not null,
  bucket timestamptz not null,
  value text,
  calls bigint not null,
  attempts bigint not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  cost numeric not null,
  saved numeric not null,
  unpriced bigint not null,
  estimated bigint not null,
  charged_tokens numeric not null,
  charged_nano_usd numeric not null,
  unique nulls not distinct (tenant_id, dimension, grain, bucket, value)
) with (fillfactor = 80);

-- Adds up to so many pending rows to the sums, in one statement; returns how many there were.
create function add_usage(rows_max int) returns bigint language sql set search_path from current as $$
  with taken as materialized (
    delete from usage_pending where ctid = any (array(
      select ctid from usage_pending limit rows_max for update skip locked)) returning *
  ), hours as (
    insert into usage_hour as s
    select tenant_id, hour, project, "group", agent, tool, key, principal, model, model_asked, provider, outcome,
      cache, dialect, sum(calls), sum(attempts), sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
      sum(output_tokens), sum(cost), sum(saved), sum(unpriced), sum(estimated), sum(charged_tokens),
      sum(charged_nano_usd),
      md5(row(project, "group", agent, tool, key, principal, model, model_asked, provider, outcome, cache,
        dialect)::text)::uuid as names
    from taken
    group by tenant_id, hour, project, "group", agent, tool, key, principal, model, model_asked, provider, outcome,
      cache, dialect
    -- Always in one order, so that two processes never wait for each other in a circle.
    order by tenant_id, hour, names
    on conflict (tenant_id, hour, names) do update set
      calls = s.calls + excluded.calls, attempts = s.attempts + excluded.attempts,
      input_tokens = s.input_tokens + excluded.input_tokens,
      cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
      cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
      output_tokens = s.output_tokens + excluded.output_tokens, cost = s.cost + excluded.cost,
      saved = s.saved + excluded.saved, unpriced = s.unpriced + excluded.unpriced,
      estimated = s.estimated + excluded.estimated, charged_tokens = s.charged_tokens + excluded.charged_tokens,
      charged_nano_usd = s.charged_nano_usd + excluded.charged_nano_usd
  ), sums as (
    insert into usage_sum as s
    select c.tenant_id, d.dimension, g.grain,
      case g.grain when 0 then c.hour else date_trunc('day', c.hour, 'UTC') end as bucket, d.value,
      sum(c.calls), sum(c.attempts), sum(c.input_tokens), sum(c.cache_read_tokens), sum(c.cache_write_tokens),
      sum(c.output_tokens), sum(c.cost), sum(c.saved), sum(c.unpriced), sum(c.estimated), sum(c.charged_tokens),
      sum(c.charged_nano_usd)
    from taken c
    cross join lateral (values (0::smallint, null), (1::smallint, c.project), (2::smallint, c."group"),
      (3::smallint, c.agent), (4::smallint, c.tool), (5::smallint, c.key), (6::smallint, c.principal),
      (7::smallint, c.model), (8::smallint, c.model_asked), (9::smallint, c.provider), (10::smallint, c.outcome),
      (11::smallint, c.cache), (12::smallint, c.dialect)) as d (dimension, value)
    cross join (values (0::smallint), (1::smallint)) as g (grain)
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
    on conflict (tenant_id, dimension, grain, bucket, value) do update set
      calls = s.calls + excluded.calls, attempts = s.attempts + excluded.attempts,
      input_tokens = s.input_tokens + excluded.input_tokens,
      cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
      cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
      output_tokens = s.output_tokens + excluded.output_tokens, cost = s.cost + excluded.cost,
      saved = s.saved + excluded.saved, unpriced = s.unpriced + excluded.unpriced,
      estimated = s.estimated + excluded.estimated, charged_tokens = s.charged_tokens + excluded.charged_tokens,
      charged_nano_usd = s.charged_nano_usd + excluded.charged_nano_usd
  )
  select count(*) from taken
$$;

-- Notes in the transaction that writes calls what they add up to.
create function note_usage() returns trigger language plpgsql set search_path from current as $$
declare noted bigint;
begin
  insert into usage_pending
  select tenant_id, date_trunc('hour', started_at, 'UTC'), project, "group", agent, tool, key, principal, model,
    model_asked, provider, outcome, cache, dialect, count(*) filter (where call_id is null), count(*),
    sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens),
    sum(coalesce(nano_usd, charged_nano_usd)), sum(saved_nano_usd), count(*) filter (where nano_usd is null),
    count(*) filter (where estimated), sum(charged_tokens), sum(charged_nano_usd)
  from written group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;
  get diagnostics noted = row_count;
  -- So many at once are no call's business.
  if noted > 2000 then perform add_usage(noted::int); end if;
  return null;
end $$;

create trigger call_usage after insert on call referencing new table as written
  for each statement execute function note_usage();

-- What was there before.
insert into usage_pending
select tenant_id, date_trunc('hour', started_at, 'UTC'), project, "group", agent, tool, key, principal, model,
  model_asked, provider, outcome, cache, dialect, count(*) filter (where call_id is null), count(*), sum(input_tokens),
  sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(coalesce(nano_usd, charged_nano_usd)),
  sum(saved_nano_usd), count(*) filter (where nano_usd is null), count(*) filter (where estimated),
  sum(charged_tokens), sum(charged_nano_usd)
from call group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14;
select add_usage(2000000000);
