-- The role of the Postgres exporter: it may read statistics and settings, and no table. Run by deploy/up with the variable
-- `password`; running it again sets the password anew.
\set ON_ERROR_STOP on
-- The password must not get into the log of the server.
set log_statement = 'none';
set log_min_error_statement = 'panic';
set log_min_duration_statement = -1;
select 'create role cadre_monitor' where not exists (select from pg_roles where rolname = 'cadre_monitor') \gexec
alter role cadre_monitor login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 5 password :'password';
grant pg_monitor to cadre_monitor;
