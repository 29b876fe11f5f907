-- Row-level security: what serves a request of one tenant sees the rows of that tenant alone, whatever its statement says.
-- The engine, which serves all tenants, runs as the owner, to whom no policy applies.

select isolate_tenant('task');
select isolate_tenant('run');
select isolate_tenant('workflow');
select isolate_tenant('deleted_workflow');
select isolate_tenant('project');
select isolate_tenant('schedule');
select isolate_tenant('concurrency_limit');
select isolate_tenant('task_label');
select isolate_tenant('workspace_usage');
select isolate_tenant('blob');
select isolate_tenant('blob_piece');
select isolate_tenant('workspace_check');
select isolate_tenant('artefact');
select isolate_tenant('memory');
select isolate_tenant('registry_revision');
select isolate_tenant('user_tool');
select isolate_tenant('mcp_server');
select isolate_tenant('mcp_state');
select isolate_tenant('mcp_tool');

-- What only the engine writes.
select isolate_tenant('payload', false);
select isolate_tenant('idempotency', false);
select isolate_tenant('ready', false);
select isolate_tenant('delayed', false);
select isolate_tenant('lease', false);
select isolate_tenant('timer', false);
select isolate_tenant('approval', false);
select isolate_tenant('archive', false);
select isolate_tenant('tenant_weight', false);
select isolate_tenant_through('history', 'run', 'run_id');

-- Its rows have no tenant, and nobody reads them; it stays for replicas of an earlier version.
alter table ended enable row level security;
