-- What the gateway has delivered about policies: the switches of operators, and what tenants have set. It is a copy; the
-- rows of the gateway are the truth.

-- One row. Epoch 0: no gateway was ever heard of, and the settings count.
create table policy_state (
  epoch bigint not null default 0,
  version bigint not null default 0,
  -- What nobody has set is null: the settings count.
  mode text check (mode in ('off', 'dry_run', 'enforce')),
  canary_percent int check (canary_percent between 0 and 100),
  is_halted boolean,
  -- Up to here the rows of tenants are known without a gap.
  data_epoch bigint not null default 0,
  data_revision bigint not null default 0,
  -- The last epoch of which everything has arrived.
  complete_epoch bigint not null default 0,
  -- Counts how often rows went away, so that replicas read all rows again.
  removals bigint not null default 0,
  changed_at timestamptz
);
create unique index policy_state_one on policy_state ((true));
insert into policy_state default values;

create table tenant_policy (
  tenant_id uuid primary key,
  epoch bigint not null,
  revision bigint not null,
  -- As text: numbers stay as they were written.
  document text not null check (octet_length(document) <= 65536),
  is_suspended boolean not null
);
create index tenant_policy_revision on tenant_policy (epoch, revision);
-- Only the gateway's deliveries write it.
select isolate_tenant('tenant_policy', false);

-- Heard when the change can be read.
create function tell_policies() returns trigger language plpgsql as $f$
begin
  perform pg_notify('cadre_' || tg_table_schema || '_policies', '');
  return null;
end $f$;
create trigger policy_state_told after update on policy_state
  for each row execute function tell_policies();
