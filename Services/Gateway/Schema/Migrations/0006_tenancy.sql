-- The life of a tenant: what the services have to follow, how far they are, and rows that only their tenant sees.

alter table tenant
  -- The version whose state every service has confirmed.
  add column confirmed_version int not null default 1,
  -- Until then a gateway is at work for it; others leave it alone.
  add column claimed_until timestamptz,
  -- When nothing was left anywhere. The row then has the id and the times, nothing else.
  add column deleted_at timestamptz;
alter table tenant drop constraint tenant_name_check;
alter table tenant add constraint tenant_name_check
  check (deleted_at is not null or length(name) between 1 and 200);

create index tenant_unconfirmed on tenant (claimed_until)
  where confirmed_version < version or (state = 'deleting' and deleted_at is null);

-- How far each service is with a tenant.
create table tenant_service (
  tenant_id uuid not null references tenant on delete cascade,
  service text not null,
  confirmed_version int not null default 0,
  -- While the tenant is deleted: how many rows there were at the last look, by table, as a JSON object.
  counts text,
  total bigint,
  deleted_at timestamptz,
  checked_at timestamptz not null default now(),
  -- Why the last attempt did not succeed.
  failure text,
  primary key (tenant_id, service)
);

-- Deletions that were asked for before the gateway had a part in them.
insert into tenant_state (tenant_id, suspended_at, deletion_requested_at)
  select tenant_id, updated_at, updated_at from tenant where state = 'deleting' on conflict do nothing;

select isolate_tenant('tenant', false);
select isolate_tenant('tenant_service', false);
select isolate_tenant('user_account');
select isolate_tenant('service_account');
select isolate_tenant('api_key');
select isolate_tenant('invitation');
select isolate_tenant('answer');
select isolate_tenant('audit_entry', false);
select isolate_tenant('audit_head', false);
