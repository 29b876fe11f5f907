-- Answers of requests with an Idempotency-Key, for addresses that do not keep them themselves. A row is written before a
-- request is carried out; without an end it says that nobody knows what became of it.
create table answer (
  tenant_id uuid not null,
  -- Whose keys these are: two users of a tenant may choose the same.
  subject text not null,
  key text not null,
  -- SHA-256 of method, path, query, media type and body.
  digest bytea not null,
  -- begun, kept, not_kept, unknown.
  state text not null check (state in ('begun', 'kept', 'not_kept', 'unknown')),
  -- Of the process that carries it out: only it may end the row.
  fence uuid not null,
  begun_at timestamptz not null default now(),
  -- Until then a first request may still be under way.
  locked_until timestamptz not null,
  expires_at timestamptz not null,
  status int4,
  headers jsonb,
  body bytea,
  primary key (tenant_id, subject, key)
);

create index answer_expiry on answer (expires_at);
