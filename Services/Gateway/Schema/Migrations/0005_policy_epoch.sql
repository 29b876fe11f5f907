-- The services behind the gateway keep copies of the switches and of tenants' data, ordered by epoch and number. A new
-- epoch begins when an older state of this database was restored: numbers that services have already seen come again.
alter table policy_switch add column epoch bigint not null default 1;
