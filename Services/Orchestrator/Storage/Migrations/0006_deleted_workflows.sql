-- Workflows that were deleted. Their documents stay for runs that were accepted at that moment, and their numbers are never
-- given to other documents.
create table deleted_workflow (
  tenant_id uuid not null,
  name text not null,
  version int not null,
  document bytea not null,
  created_by text not null,
  created_at timestamptz not null,
  deleted_at timestamptz not null default now(),
  primary key (tenant_id, name, version)
);
