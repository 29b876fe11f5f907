-- Who may use the installation. The tenant stands in every key: nothing of one tenant can refer to another's.

create table tenant (
  tenant_id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  state text not null default 'active' check (state in ('active', 'suspended', 'deleting')),
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  suspended_at timestamptz
);

-- Persons. Somebody who belongs to two tenants is two users.
create table user_account (
  tenant_id uuid not null references tenant on delete cascade,
  id uuid not null,
  email text not null check (email = lower(email) and length(email) between 3 and 254),
  name text not null default '',
  role text not null check (role in ('owner', 'admin', 'operator', 'member', 'viewer')),
  is_operator boolean not null default false,
  -- As the hashing of passwords has made it, with its parameters.
  password_hash text,
  -- Sealed by a key that the database does not have.
  second_factor bytea,
  last_sign_in_at timestamptz,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, email)
);

create index user_account_email on user_account (email);
create index user_account_owner on user_account (tenant_id) where role = 'owner';

-- Programs.
create table service_account (
  tenant_id uuid not null references tenant on delete cascade,
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  description text not null default '',
  role text not null check (role in ('owner', 'admin', 'operator', 'member', 'viewer')),
  is_operator boolean not null default false,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

-- Keys of persons and programs: their keyed hashes, with the name of the secret that made them.
create table api_key (
  tenant_id uuid not null references tenant on delete cascade,
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  user_id uuid,
  service_account_id uuid,
  grants int not null check (grants between 1 and 63),
  project text,
  hash bytea not null check (length(hash) = 32),
  hash_secret text not null,
  -- The secret before the last rotation, good until its time.
  previous_hash bytea check (length(previous_hash) = 32),
  previous_hash_secret text,
  previous_until timestamptz,
  rotated_at timestamptz,
  expires_at timestamptz,
  last_used_at timestamptz,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references user_account on delete cascade,
  foreign key (tenant_id, service_account_id) references service_account on delete cascade,
  check ((user_id is null) <> (service_account_id is null)),
  check ((previous_hash is null) = (previous_until is null))
) with (fillfactor = 80);

-- A request names its key before anybody knows the tenant.
create index api_key_id on api_key (id);
create index api_key_user on api_key (tenant_id, user_id) where user_id is not null;
create index api_key_service_account on api_key (tenant_id, service_account_id) where service_account_id is not null;

-- Offers to become a user, until they are accepted, revoked or expired.
create table invitation (
  tenant_id uuid not null references tenant on delete cascade,
  id uuid not null,
  email text not null check (email = lower(email) and length(email) between 3 and 254),
  role text not null check (role in ('owner', 'admin', 'operator', 'member', 'viewer')),
  is_operator boolean not null default false,
  hash bytea not null check (length(hash) = 32),
  hash_secret text not null,
  expires_at timestamptz not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, email)
);

create index invitation_id on invitation (id);
