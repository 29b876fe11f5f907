-- Every change that was asked for, what became of it, and every refusal: a chain of hashes for each tenant, numbered
-- from 1 without gaps. The chain of the installation (who has no tenant) has the id of all zeros. Rows are added and,
-- when their time is over, removed from the beginning; they are never changed.
create table audit_entry (
  tenant_id uuid not null,
  sequence bigint not null check (sequence > 0),
  kind text not null,
  request uuid not null,
  at timestamptz not null,
  subject text not null,
  credential text not null,
  identity text not null,
  address text not null,
  method text not null,
  route text not null,
  resources text not null,
  digest bytea not null,
  status int not null,
  code text not null,
  count bigint not null,
  decision text not null,
  trace text not null,
  -- SHA-256 of all of the above and of the hash before.
  hash bytea not null,
  -- HMAC of the place and the hash, with a key that is not in the database.
  key_id text not null,
  signature bytea not null,
  primary key (tenant_id, sequence)
);
create index audit_entry_time on audit_entry (tenant_id, at);
create index audit_entry_outcome on audit_entry (tenant_id, request) where kind = 'outcome';

-- Where each chain ends and begins, both signed. The row is locked while entries are added.
create table audit_head (
  tenant_id uuid primary key,
  sequence bigint not null,
  hash bytea not null,
  key_id text not null,
  signature bytea not null,
  base_sequence bigint not null,
  base_hash bytea not null,
  base_key_id text not null,
  base_signature bytea not null,
  created_at timestamptz not null default now(),
  -- The last verification: when it began, when it ended, how many faults it has found.
  claimed_at timestamptz,
  verified_at timestamptz,
  fault_count bigint not null default 0
);
