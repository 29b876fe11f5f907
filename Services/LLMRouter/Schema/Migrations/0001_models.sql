-- Providers, models, aliases, budgets and the ledger of the llm-router.

create table provider (
  id uuid primary key,
  name text not null unique check (length(name) between 1 and 100),
  kind text not null,
  base_url text not null,
  -- Where keys are found, never keys: [{"env": "OPENAI_API_KEY"}, {"file": "openai"}].
  keys jsonb not null default '[]',
  priority int not null default 0,
  weight int not null default 1,
  timeout_ms bigint not null,
  first_token_ms bigint not null,
  enabled boolean not null default true,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table model (
  id uuid primary key,
  provider_id uuid not null references provider on delete cascade,
  name text not null check (length(name) between 1 and 200),
  provider_model text not null,
  tier text,
  -- Null: not declared, anything is tried.
  capabilities text[],
  context_tokens bigint,
  output_tokens_max bigint,
  -- Millionths of a US dollar per million tokens; null: unknown, which is never taken for zero.
  input_price bigint,
  output_price bigint,
  cache_read_price bigint,
  cache_write_price bigint,
  cache_write_long_price bigint,
  price_as_of date,
  priority int,
  weight int,
  enabled boolean not null default true,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider_id, name)
);

create table alias (
  name text primary key check (length(name) between 1 and 200),
  models text[] not null,
  strategy text not null,
  fallbacks text[] not null,
  context_fallbacks text[] not null,
  content_fallbacks text[] not null,
  hedge_after_ms bigint,
  -- What an answer has to be like, and whom to ask when it is not.
  answer_check jsonb,
  escalation text[] not null default '{}',
  version int not null default 1,
  updated_at timestamptz not null default now()
);

create table budget (
  id uuid primary key,
  tenant_id uuid not null,
  scope text not null,
  -- Empty: each subject of the scope has a budget of its own.
  subject text not null,
  period text not null,
  tokens bigint check (tokens >= 0),
  nano_usd bigint check (nano_usd >= 0),
  alert_percent int not null,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (tokens is not null or nano_usd is not null),
  unique (tenant_id, scope, subject, period)
);

create table rate_limit (
  id uuid primary key,
  -- Null: for all tenants together, set by operators.
  tenant_id uuid,
  scope text not null,
  subject text not null,
  requests_per_minute bigint check (requests_per_minute > 0),
  tokens_per_minute bigint check (tokens_per_minute > 0),
  concurrency bigint check (concurrency > 0),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (coalesce(requests_per_minute, tokens_per_minute, concurrency) is not null),
  check ((scope = 'model') = (tenant_id is null)),
  unique nulls not distinct (tenant_id, scope, subject)
);

-- Keys that were taken back before their time. The tenant is part of the name: nobody takes back the key of another.
create table revoked_key (
  tenant_id uuid not null,
  id uuid not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id)
);

-- One row for each call that was made, whatever its end. Rows are never changed.
create table call (
  id uuid primary key,
  tenant_id uuid not null,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  dialect text not null,
  principal text not null,
  project text,
  "group" text,
  run text,
  step text,
  agent text,
  tool text,
  key text,
  model_asked text not null,
  model text,
  provider text,
  route text not null,
  outcome text not null,
  cache text not null,
  attempts int not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  -- Whether the provider's own counts are missing and an estimate stands for them.
  estimated boolean not null,
  -- Null: the price is unknown.
  nano_usd bigint,
  saved_nano_usd bigint not null,
  -- What counts against budgets: for interrupted calls all that was reserved.
  charged_tokens bigint not null,
  charged_nano_usd bigint not null,
  latency_us bigint not null,
  first_token_us bigint
);

-- The row type in which calls are noted and sent, also by an earlier version of the service whose notes are taken over:
-- columns that `call` gets later are not in it.
create table call_entry (like call);

create index call_of_tenant on call (tenant_id, started_at);
create index call_of_run on call (tenant_id, run, started_at) where run is not null;
create index call_of_key on call (tenant_id, key, started_at) where key is not null;
