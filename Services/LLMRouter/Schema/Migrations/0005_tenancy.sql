-- Row-level security: what serves a request of one tenant sees the rows of that tenant alone, whatever its statement says.
-- The ledger and the budgets, which serve all tenants, run as the owner, to whom no policy applies.

select isolate_tenant('budget');
-- The limits of models have no tenant: tenants do not see them.
select isolate_tenant('rate_limit');
select isolate_tenant('revoked_key');

-- What only the ledger writes.
select isolate_tenant('call', false);
select isolate_tenant('usage_pending', false);
select isolate_tenant('usage_hour', false);
select isolate_tenant('usage_sum', false);

-- Row types for notes; no rows stand in them.
select isolate_tenant('call_entry', false);
select isolate_tenant('call_entry_2', false);

-- The tenant belongs to the key. These tables are small.
alter table budget drop constraint budget_pkey, add primary key (tenant_id, id);
alter table rate_limit drop constraint rate_limit_pkey, add unique nulls not distinct (tenant_id, id);
