"""Postgres and Redis, as their exporters see them, and the machine below them."""
from .panels import BYTES, COUNT, PER_SECOND, RATIO, SECONDS, panel, variable

CADRE = 'datname=~"$database"'
DISK = 'fstype!~"tmpfs|overlay|ramfs|squashfs"'

POSTGRES = {
    "uid": "cadre-postgres", "title": "Cadre / Postgres", "description": "The database by its own counters: load, locks, cache, WAL, standbys, tables, disks.",
    "variables": [variable("database", "Database", 'label_values(pg_database_size_bytes{datname!~"template.*|postgres"}, datname)')],
    "rows": [
        ("Load", [
            panel("Up", "1 when the exporter can ask the server.", COUNT, ("min by (instance) (pg_up)", "{{instance}}"), kind="stat"),
            panel("Connections", "Connections of clients by state.", COUNT, (f"sum by (state) (pg_stat_activity_count{{{CADRE}}})", "{{state}}"), stack=True),
            panel("Connections in use", "Share of max_connections.", RATIO, ("sum(pg_stat_activity_count) / max(pg_settings_max_connections)", "in use"), bad=0.8),
            panel("Transactions", "Committed and rolled back.", PER_SECOND, (f"sum(rate(pg_stat_database_xact_commit{{{CADRE}}}[$__rate_interval]))", "committed"),
                  (f"sum(rate(pg_stat_database_xact_rollback{{{CADRE}}}[$__rate_interval]))", "rolled back")),
            panel("Rows", "Rows written, by kind.", PER_SECOND, (f"sum(rate(pg_stat_database_tup_inserted{{{CADRE}}}[$__rate_interval]))", "inserted"),
                  (f"sum(rate(pg_stat_database_tup_updated{{{CADRE}}}[$__rate_interval]))", "updated"), (f"sum(rate(pg_stat_database_tup_deleted{{{CADRE}}}[$__rate_interval]))", "deleted")),
            panel("Longest transaction", "Age of the oldest transaction that is open. Long ones keep dead rows from being removed.", SECONDS,
                  (f"max(pg_stat_activity_max_tx_duration{{{CADRE}}})", "longest"), bad=300),
        ]),
        ("Cache, locks, WAL", [
            panel("Hit ratio", "Share of blocks that were found in shared buffers.", RATIO,
                  (f"sum(rate(pg_stat_database_blks_hit{{{CADRE}}}[$__rate_interval])) / (sum(rate(pg_stat_database_blks_hit{{{CADRE}}}[$__rate_interval])) + sum(rate(pg_stat_database_blks_read{{{CADRE}}}[$__rate_interval])))", "hits")),
            panel("Locks", "Locks that are taken, by mode.", COUNT, (f"sum by (mode) (pg_locks_count{{{CADRE}}})", "{{mode}}")),
            panel("Deadlocks and conflicts", "Transactions that were ended to resolve one.", PER_SECOND, (f"sum(rate(pg_stat_database_deadlocks{{{CADRE}}}[$__rate_interval]))", "deadlocks"),
                  (f"sum(rate(pg_stat_database_conflicts{{{CADRE}}}[$__rate_interval]))", "conflicts"), bad=0.01),
            panel("Checkpoints", "Checkpoints by their cause: requested ones say that max_wal_size is small.", PER_SECOND,
                  ("sum(rate(pg_stat_bgwriter_checkpoints_timed_total[$__rate_interval]))", "timed"), ("sum(rate(pg_stat_bgwriter_checkpoints_req_total[$__rate_interval]))", "requested")),
            panel("WAL archived", "Segments archived, and failures.", PER_SECOND, ("sum(rate(pg_stat_archiver_archived_count[$__rate_interval]))", "archived"),
                  ("sum(rate(pg_stat_archiver_failed_count[$__rate_interval]))", "failed"), may_be_empty=True),
            panel("Lag of standbys", "WAL that a standby has not replayed yet.", BYTES, ("max by (application_name) (pg_stat_replication_pg_wal_lsn_diff)", "{{application_name}}"), bad=67108864, may_be_empty=True),
            panel("Read replica in use", "1 while lists and reports are read from the read replica. Empty without one.", COUNT, ("min by (job, instance) (cadre_postgres_replica_usable)", "{{job}} {{instance}}"), may_be_empty=True),
            panel("Age of the read replica", "How old the data of the replica is.", SECONDS, ("max by (job, instance) (cadre_postgres_replica_age_seconds)", "{{job}} {{instance}}"), bad=5, may_be_empty=True),
        ]),
        ("Size", [
            panel("Database", "Size on disk.", BYTES, (f"pg_database_size_bytes{{{CADRE}}}", "{{datname}}")),
            panel("Dead rows", "Rows that wait for autovacuum, the ten largest.", COUNT, (f"topk(10, sum by (schemaname, relname) (pg_stat_user_tables_n_dead_tup{{{CADRE}}}))", "{{schemaname}}.{{relname}}")),
            panel("Live rows", "The ten largest tables.", COUNT, (f"topk(10, sum by (schemaname, relname) (pg_stat_user_tables_n_live_tup{{{CADRE}}}))", "{{schemaname}}.{{relname}}")),
        ]),
        ("PgBouncer, where there is one", [
            panel("Up", "1 when the exporter can ask the pooler.", COUNT, ("min by (instance) (pgbouncer_up)", "{{instance}}"), kind="stat", may_be_empty=True),
            panel("Clients", "Connections of services: with a session of the server, and waiting for one.", COUNT, ('sum(pgbouncer_pools_client_active_connections{database!="pgbouncer"})', "active"),
                  ('sum(pgbouncer_pools_client_waiting_connections{database!="pgbouncer"})', "waiting"), stack=True, may_be_empty=True),
            panel("Longest wait", "How long the first in the queue has waited for a session.", SECONDS, ('max(pgbouncer_pools_client_maxwait_seconds{database!="pgbouncer"})', "longest"), bad=1, may_be_empty=True),
            panel("Sessions of the server", "By what they do, and how many there may be.", COUNT, ('sum(pgbouncer_pools_server_active_connections{database!="pgbouncer"})', "active"),
                  ('sum(pgbouncer_pools_server_idle_connections{database!="pgbouncer"})', "idle"), ('sum(pgbouncer_pools_server_used_connections{database!="pgbouncer"})', "idle for long"),
                  ('max(pgbouncer_databases_pool_size{name!="pgbouncer"})', "limit"), may_be_empty=True),
            panel("Client connections in use", "Share of max_client_conn.", RATIO, ("max(pgbouncer_used_clients) / max(pgbouncer_config_max_client_connections)", "in use"), bad=0.8, may_be_empty=True),
        ]),
        ("Machine", [
            panel("CPU", "Share of the processors that is in use.", RATIO, ('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))', "{{instance}}"), bad=0.9),
            panel("Memory", "Memory that is available.", BYTES, ("node_memory_MemAvailable_bytes", "{{instance}}")),
            panel("Disks", "Share that is free.", RATIO, (f"min by (instance, mountpoint) (node_filesystem_avail_bytes{{{DISK}}} / node_filesystem_size_bytes{{{DISK}}})", "{{instance}} {{mountpoint}}")),
            panel("Disk operations", "Reads and writes.", PER_SECOND, ("sum by (instance) (rate(node_disk_reads_completed_total[$__rate_interval]))", "{{instance}} reads"),
                  ("sum by (instance) (rate(node_disk_writes_completed_total[$__rate_interval]))", "{{instance}} writes")),
        ]),
    ],
}

REDIS = {
    "uid": "cadre-redis", "title": "Cadre / Redis", "description": "Redis by its own counters, and as the services see it.",
    "variables": [variable("instance", "Instance", "label_values(redis_up, instance)")],
    "rows": [
        ("Server", [
            panel("Up", "1 when the exporter can ask the server.", COUNT, ('redis_up{instance=~"$instance"}', "{{instance}}"), kind="stat"),
            panel("Memory", "Memory in use, and the limit (0: none).", BYTES, ('redis_memory_used_bytes{instance=~"$instance"}', "in use"), ('redis_memory_max_bytes{instance=~"$instance"}', "limit")),
            panel("Commands", "Commands done, the busiest.", PER_SECOND, ('topk(10, sum by (cmd) (rate(redis_commands_total{instance=~"$instance"}[$__rate_interval])))', "{{cmd}}"), stack=True),
            panel("Clients", "Connections.", COUNT, ('redis_connected_clients{instance=~"$instance"}', "{{instance}}")),
            panel("Keys", "Keys of all databases.", COUNT, ('sum by (instance) (redis_db_keys{instance=~"$instance"})', "{{instance}}")),
            panel("Evicted and expired", "Keys that were removed. Evictions take counters of budgets: there must be none.", PER_SECOND,
                  ('sum(rate(redis_evicted_keys_total{instance=~"$instance"}[$__rate_interval]))', "evicted"), ('sum(rate(redis_expired_keys_total{instance=~"$instance"}[$__rate_interval]))', "expired")),
            panel("Time per command", "Average time in the server, the slowest.", SECONDS,
                  ('topk(5, sum by (cmd) (rate(redis_commands_duration_seconds_total{instance=~"$instance"}[$__rate_interval])) / sum by (cmd) (rate(redis_commands_total{instance=~"$instance"}[$__rate_interval])))', "{{cmd}}")),
            panel("CPU", "Cores in use.", COUNT, ('sum(rate(redis_cpu_user_seconds_total{instance=~"$instance"}[$__rate_interval])) + sum(rate(redis_cpu_sys_seconds_total{instance=~"$instance"}[$__rate_interval]))', "cores")),
            panel("Replicas", "Replicas that are connected.", COUNT, ('redis_connected_slaves{instance=~"$instance"}', "{{instance}}"), kind="stat"),
        ]),
        ("Seen from the services", [
            panel("Commands", "By outcome.", PER_SECOND, ("sum by (job, outcome) (rate(cadre_redis_commands_total[$__rate_interval]))", "{{job}} {{outcome}}"), stack=True),
            panel("Time of a command", "Until its answer.", SECONDS, ("histogram_quantile(0.5, sum by (le, job) (rate(cadre_redis_command_duration_seconds_bucket[$__rate_interval])))", "{{job}} p50"),
                  ("histogram_quantile(0.99, sum by (le, job) (rate(cadre_redis_command_duration_seconds_bucket[$__rate_interval])))", "{{job}} p99")),
            panel("Connections", "Usable ones, and those that were lost.", COUNT, ("sum by (job) (cadre_redis_connections_ready)", "{{job}} usable"), ("sum by (job) (increase(cadre_redis_disconnects_total[5m]))", "{{job}} lost in 5 min")),
            panel("Redirects", "Commands that a node of a cluster did not execute, by its answer.", PER_SECOND, ("sum by (kind) (rate(cadre_redis_redirects_total[$__rate_interval]))", "{{kind}}"), may_be_empty=True),
            panel("Topology changes", "Event loops that noticed another master or another owner of slots, in five minutes.", COUNT, ("sum by (job) (increase(cadre_redis_topology_changes_total[5m]))", "{{job}}")),
        ]),
    ],
}

STORES = [POSTGRES, REDIS]
