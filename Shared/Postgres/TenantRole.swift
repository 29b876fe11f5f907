/// What a schema needs to hold requests of tenants to their rows: the role as which they run, and the functions by
/// which migrations protect tables. The migrator lays it ready before and after its work at every start, because a
/// backup brings neither roles nor privileges along.
public enum TenantRole {
  /// All that a schema needs before its migrations, for those who apply them by hand.
  public static func preparation(of schema: String) -> String { prepare + ";" + functions(of: schema) }

  /// Makes the role where it is missing, and lets the user of the service assume it.
  static let prepare = """
    do $do$ begin
      if not exists (select from pg_catalog.pg_roles where rolname = '\(TenantScope.role)') then
        begin
          create role \(TenantScope.role) nologin noinherit nobypassrls;
        exception when duplicate_object or unique_violation then
          -- Another database of the same server was faster.
          null;
        end;
      end if;
      if not pg_catalog.pg_has_role(current_user, '\(TenantScope.role)', 'member') then
        execute pg_catalog.format('grant \(TenantScope.role) to %I', current_user);
      end if;
    end $do$
    """

  /// Assumes the role, as units of tenants will; fails where that is not allowed.
  static let tryOut = "begin; set local role \(TenantScope.role); rollback"

  /// Whether policies apply to the role.
  static let isBound =
    "select (not rolsuper and not rolbypassrls)::text from pg_catalog.pg_roles where rolname = '\(TenantScope.role)'"

  /// What an administrator has to do where the service may not make the role.
  static func advice(user: String) -> String {
    "the role \(TenantScope.role), as which requests of tenants run, is missing or may not be assumed by \(user); let "
      + "an administrator of the database run: create role \(TenantScope.role) nologin noinherit nobypassrls; "
      + "grant \(TenantScope.role) to \(user);"
  }

  /// The functions that migrations of a schema call.
  ///
  /// `isolate_tenant('t')` has a table with a `tenant_id` show and take the rows of the transaction's tenant alone;
  /// nothing is added any more once the tenant is to be deleted. With `false` they can only be read.
  /// `isolate_tenant_through('t', 'parent', 'key')` does so for a table without a tenant of its own, by the row of
  /// `parent` that `key` names; such rows can only be read. Policies apply to every role but the owner, so a backup is
  /// restored without the role.
  static func functions(of schema: String) -> String {
    let tenant = "nullif(pg_catalog.current_setting(''\(TenantScope.setting)'', true), '''')::uuid"
    return """
      create table if not exists \(schema).tenant_state (
        tenant_id uuid primary key, suspended_at timestamptz, deletion_requested_at timestamptz,
        deleted_at timestamptz, checked_at timestamptz, report jsonb, version bigint not null default 0);
      do $do$ begin
        -- Only where it is missing: the statement locks the table whatever it finds.
        if not exists (select from pg_catalog.pg_attribute
            where attrelid = '\(schema).tenant_state'::regclass and attname = 'version' and not attisdropped) then
          alter table \(schema).tenant_state add column version bigint not null default 0;
        end if;
      end $do$;
      create or replace function \(schema).isolate_tenant(target regclass, is_writable bool default true)
        returns void language plpgsql as $f$
      begin
        execute format('alter table %s enable row level security', target);
        execute format('drop policy if exists tenant_rows on %s', target);
        execute format('create policy tenant_rows on %s for %s using (tenant_id = \(tenant))%s', target,
          case when is_writable then 'all' else 'select' end,
          case when is_writable then ' with check (tenant_id = \(tenant) and not exists (
            select from \(schema).tenant_state s
            where s.tenant_id = \(tenant) and s.deletion_requested_at is not null))' else '' end);
      end $f$;
      create or replace function \(schema).isolate_tenant_through(target regclass, parent regclass, key name)
        returns void language plpgsql as $f$
      begin
        execute format('alter table %s enable row level security', target);
        execute format('drop policy if exists tenant_rows on %s', target);
        execute format('create policy tenant_rows on %s for select using (exists (
          select from %s p where p.id = %I and p.tenant_id = \(tenant)))', target, parent, key);
      end $f$;
      select \(schema).isolate_tenant('\(schema).tenant_state', false) where not exists (
        select from pg_catalog.pg_policy where polrelid = '\(schema).tenant_state'::regclass)
      """
  }

  /// Grants what the policies then narrow. Only what is missing: a grant costs other sessions their plans.
  public static func grants(of schema: String) -> String {
    """
    do $do$ declare target regclass; begin
      if not pg_catalog.has_schema_privilege('\(TenantScope.role)', '\(schema)', 'usage') then
        grant usage on schema \(schema) to \(TenantScope.role);
      end if;
      for target in
        select c.oid from pg_catalog.pg_class c join pg_catalog.pg_policy p on p.polrelid = c.oid
        where c.relnamespace = '\(schema)'::regnamespace and p.polname = 'tenant_rows' and not (
          pg_catalog.has_table_privilege('\(TenantScope.role)', c.oid, 'select')
          and pg_catalog.has_table_privilege('\(TenantScope.role)', c.oid, 'insert')
          and pg_catalog.has_table_privilege('\(TenantScope.role)', c.oid, 'update')
          and pg_catalog.has_table_privilege('\(TenantScope.role)', c.oid, 'delete'))
      loop
        execute pg_catalog.format('grant select, insert, update, delete on %s to \(TenantScope.role)', target);
      end loop;
    end $do$
    """
  }
}
