-- What is said about policies at run time: the switches of operators, and what each tenant has set for itself.

-- One row. While nobody has set a switch, it is null and the settings of each gateway count.
create table policy_switch (
  version int not null default 1,
  mode text check (mode in ('off', 'dry_run', 'enforce')),
  canary_percent int check (canary_percent between 0 and 100),
  is_halted boolean,
  -- Counts the changes of the data of all tenants: who knows this one has missed none.
  data_revision bigint not null default 0,
  updated_at timestamptz,
  updated_by text
);
create unique index policy_switch_one on policy_switch ((true));
insert into policy_switch default values;

-- Rows stay when their data is taken away, so that every gateway hears of it.
create table policy_data (
  tenant_id uuid primary key references tenant on delete cascade,
  version int not null default 1,
  -- As text: numbers stay as they were written.
  document text not null default '{}' check (octet_length(document) <= 65536),
  -- What operators say of the tenant; it cannot change this itself.
  status text not null default 'active' check (status in ('active', 'suspended')),
  -- The number of the last change, as policy_switch counts.
  revision bigint not null default 0,
  updated_at timestamptz not null default now(),
  updated_by text not null
);
create index policy_data_revision on policy_data (revision);
select isolate_tenant('policy_data');

-- The row of the counter is locked until the end of the transaction: changes become visible in the order of their
-- numbers. It runs as the owner, because tenants may not write the counter.
create function number_policy_data() returns trigger language plpgsql security definer set search_path from current
as $f$
begin
  update policy_switch set data_revision = data_revision + 1 returning data_revision into new.revision;
  return new;
end $f$;
create trigger policy_data_number before insert or update on policy_data
  for each row execute function number_policy_data();

-- Heard when the change can be read.
create function tell_policies() returns trigger language plpgsql as $f$
begin
  perform pg_notify('cadre_gateway_policies', '');
  return null;
end $f$;
create trigger policy_switch_told after update on policy_switch
  for each statement execute function tell_policies();
