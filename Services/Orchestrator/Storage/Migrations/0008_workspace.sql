-- What agents work with: files of runs, memories of projects, tools and MCP servers of tenants.

-- How much of a quota is used: one row for each scope, changed by the statement that adds or removes. Two additions at once
-- wait for each other here, so that they cannot exceed the quota together.
create table workspace_usage (
  tenant_id uuid not null,
  kind text not null check (kind in ('run_artefacts', 'uploads', 'memories', 'tools', 'mcp_servers')),
  -- A run or a project; zeros for the tenant as a whole.
  scope uuid not null,
  items bigint not null,
  bytes bigint not null,
  primary key (tenant_id, kind, scope)
) with (fillfactor = 70);

-- Content, once for each digest of a tenant. Until its end is known it has none.
create table blob (
  tenant_id uuid not null,
  id uuid not null,
  sha256 bytea check (length(sha256) = 32),
  bytes bigint not null default 0,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
create unique index blob_content on blob (tenant_id, sha256) where sha256 is not null;

-- Its pieces, all of the same length but the last. What is uploaded is often compressed already.
create table blob_piece (
  tenant_id uuid not null,
  blob_id uuid not null,
  place int not null,
  body bytea not null,
  primary key (tenant_id, blob_id, place),
  foreign key (tenant_id, blob_id) references blob (tenant_id, id) on delete cascade
);
alter table blob_piece alter column body set storage external;

-- What may have become useless and is looked at when due: content without a name, and runs for which files were laid ready
-- and which were never made.
create table workspace_check (
  due_at timestamptz not null,
  tenant_id uuid not null,
  kind text not null check (kind in ('blob', 'run')),
  id uuid not null
);
create index workspace_check_due on workspace_check (due_at);

-- Versions of files. Those of a run have its id; uploads that wait for a task have none.
create table artefact (
  tenant_id uuid not null,
  id uuid not null,
  run_id uuid,
  name text collate "C" not null,
  version int not null,
  blob_id uuid not null,
  sha256 bytea not null,
  bytes bigint not null,
  media_type text not null,
  step_id uuid,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, blob_id) references blob (tenant_id, id)
);
create unique index artefact_of_run on artefact (tenant_id, run_id, name, version) where run_id is not null;
create index artefact_of_blob on artefact (tenant_id, blob_id);
create index artefact_upload on artefact (tenant_id, id) where run_id is null;
create index artefact_upload_age on artefact (created_at) where run_id is null;

-- Memories of a project; zeros stand for no project. `search` has, beside the words, one lexeme that names the project, so that
-- the index finds the words of one project only.
create table memory (
  tenant_id uuid not null,
  project_id uuid not null,
  id uuid not null,
  body text not null,
  tags text not null,
  key text,
  run_id uuid,
  created_by text not null,
  created_at timestamptz not null default now(),
  bytes bigint not null,
  search tsvector not null,
  primary key (tenant_id, id)
);
create unique index memory_key on memory (tenant_id, project_id, key) where key is not null;
create index memory_list on memory (tenant_id, project_id, id);
create index memory_search on memory using gin (search);

-- Grows with every change of the tools and MCP servers of a tenant.
create table registry_revision (
  tenant_id uuid primary key,
  revision bigint not null
) with (fillfactor = 70);

-- Versions of users' tools. A version never changes; a deleted one has no source any more, and its number is not used again.
create table user_tool (
  tenant_id uuid not null,
  name text collate "C" not null,
  version int not null,
  runtime text not null check (runtime in ('wasm', 'python', 'javascript')),
  definition bytea not null,
  source_sha256 bytea not null,
  source_bytes bigint not null,
  blob_id uuid,
  created_by text not null,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (tenant_id, name, version),
  foreign key (tenant_id, blob_id) references blob (tenant_id, id)
);
create index user_tool_of_blob on user_tool (tenant_id, blob_id) where blob_id is not null;

create table mcp_server (
  tenant_id uuid not null,
  id uuid not null,
  name text collate "C" not null,
  -- How it is reached, without values of its environment and header fields.
  document bytea not null,
  -- Those values, encrypted; null without any.
  secrets bytea,
  is_enabled bool not null default true,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

-- How a server is, as workers report it; also of servers that the configuration declares.
create table mcp_state (
  tenant_id uuid not null,
  server_id uuid not null,
  version int not null,
  state text not null,
  fault text,
  message text,
  worker text not null,
  reported_at timestamptz not null default now(),
  primary key (tenant_id, server_id)
) with (fillfactor = 70);

-- The tools of a server: as they were seen last, and as they were approved. Only a definition that is both is offered.
create table mcp_tool (
  tenant_id uuid not null,
  server_id uuid not null,
  name text collate "C" not null,
  seen bytea not null,
  seen_sha256 bytea not null,
  seen_at timestamptz not null default now(),
  -- Whether the last list of the server had it.
  is_listed bool not null default true,
  approved_sha256 bytea,
  approved_by text,
  approved_at timestamptz,
  primary key (tenant_id, server_id, name)
);
create index mcp_tool_list on mcp_tool (tenant_id, name);
