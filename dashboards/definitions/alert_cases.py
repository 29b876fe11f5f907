"""Cases for rules/alerts.yaml: for each alert series under which it fires and series under which it does not.

(alert, labels, fires: [(series, values)], does not: [(series, values)], minute of the look)
"""
HEALTHY = [(f'up{{job="{job}",instance="{n}"}}', "1x30") for job in ("gateway", "orchestrator", "llm-router", "agent-core") for n in "ab"]


def without(job):
    return [one for one in HEALTHY if f'"{job}"' not in one[0]]


LAG = [(f'cadre_loop_lag_seconds_bucket{{job="gateway",instance="a",le="{le}"}}', f"0+{step}x30") for le, step in (("0.1", 1), ("0.5", 100), ("+Inf", 100))]
NO_LAG = [(series, "0+100x30") for series, _ in LAG]
SLOW = [(f'cadre_postgres_call_duration_seconds_bucket{{job="orchestrator",le="{le}"}}', f"0+{step}x30") for le, step in (("0.1", 1), ("1", 100), ("+Inf", 100))]

CASES = [
    ("CadreServiceDown", {"severity": "ticket", "job": "gateway", "instance": "a"},
     [('up{job="gateway",instance="a"}', "1 1 0x20")], [('up{job="gateway",instance="a"}', "1 1 0 1x20")], 5),
    ("CadreServiceAbsent", {"severity": "page", "job": "orchestrator"}, without("orchestrator"), HEALTHY, 10),
    ("CadreReplicaLost", {"severity": "ticket", "job": "llm-router"}, without("llm-router") + [('up{job="llm-router",instance="a"}', "1x30"), ('up{job="llm-router",instance="b"}', "0x30")], HEALTHY, 10),
    ("CadreRestarting", {"severity": "ticket", "job": "gateway", "instance": "a"}, [('process_start_time_seconds{job="gateway",instance="a"}', "1 2 3 4 5 6x20")],
     [('process_start_time_seconds{job="gateway",instance="a"}', "1 2x30")], 10),
    ("ScrapeFails", {"severity": "ticket", "job": "postgres", "instance": "a"}, [('up{job="postgres",instance="a"}', "1 0x30")],
     [('up{job="postgres",instance="a"}', "1 0 0 1x30"), ('up{job="gateway",instance="a"}', "0x30")], 10),
    ("CadreDescriptorsAlmostUsed", {"severity": "ticket", "job": "gateway", "instance": "a"},
     [('process_open_fds{job="gateway",instance="a"}', "900x30"), ('process_max_fds{job="gateway",instance="a"}', "1000x30")],
     [('process_open_fds{job="gateway",instance="a"}', "700x30"), ('process_max_fds{job="gateway",instance="a"}', "1000x30")], 10),
    ("CadreLoopLag", {"severity": "ticket", "job": "gateway", "instance": "a"}, LAG, NO_LAG, 20),
    ("TasksFail", {"severity": "page"}, [('cadre_runs_ended_total{status="failed"}', "0+5x30"), ('cadre_runs_ended_total{status="succeeded"}', "0+5x30")],
     [('cadre_runs_ended_total{status="failed"}', "0+1x30"), ('cadre_runs_ended_total{status="succeeded"}', "0+50x30")], 20),
    ("QueueGrows", {"severity": "page"}, [("cadre_steps_ready", "500x30"), ("cadre_steps_ready_age_seconds", "90x30")],
     [("cadre_steps_ready_age_seconds", "90x30"), ("cadre_steps_ready", "500 0 500 0 500 0 500 0 500 0 500 0 500 0 500 0 500 0 500 0 500")], 20),
    ("QueueStuck", {"severity": "page"}, [("cadre_steps_ready_age_seconds", "0+60x40"), ('cadre_steps_leased_total{from="queue"}', "7x40")],
     [("cadre_steps_ready_age_seconds", "0+60x40"), ('cadre_steps_leased_total{from="queue"}', "0+1x40")], 30),
    ("LeasesLost", {"severity": "ticket"}, [("cadre_leases_lost_total", "0+5x30")], [("cadre_leases_lost_total", "0+1x30")], 15),
    ("ReplayDiverged", {"severity": "ticket"}, [('cadre_replays_total{verdict="diverged"}', "0 1x30")], [('cadre_replays_total{verdict="consistent"}', "0+1x30"), ('cadre_replays_total{verdict="diverged"}', "0x30")], 10),
    ("WorkerMemoryHigh", {"severity": "ticket", "instance": "a"}, [('cadre_agent_memory_pressure{instance="a"}', "0 1x30")], [('cadre_agent_memory_pressure{instance="a"}', "0 1 1 0x30")], 10),
    ("AsksExpire", {"severity": "ticket"}, [('cadre_questions_settled_total{outcome="expired"}', "0 1x30")], [('cadre_questions_settled_total{outcome="answered"}', "0 9x30"), ('cadre_questions_settled_total{outcome="expired"}', "1x30")], 10),
    ("ToolCircuitOpen", {"severity": "ticket", "instance": "a"}, [('cadre_tool_circuits_open{instance="a"}', "0 1x40")], [('cadre_tool_circuits_open{instance="a"}', "0 1x10 0x30")], 30),
    ("MCPServersUnreachable", {"severity": "ticket", "transport": "http", "outcome": "timed_out"}, [('cadre_mcp_starts_total{transport="http",outcome="timed_out"}', "0+1x40")],
     [('cadre_mcp_starts_total{transport="http",outcome="ok"}', "0+9x40"), ('cadre_mcp_starts_total{transport="http",outcome="timed_out"}', "0 1 2x40")], 30),
    ("SandboxKills", {"severity": "ticket", "reason": "deadline"}, [('cadre_sandbox_kills_total{reason="deadline"}', "0+10x30")],
     [('cadre_sandbox_kills_total{reason="deadline"}', "0+1x30"), ('cadre_sandbox_kills_total{reason="cancelled"}', "0+50x30")], 20),
    ("SandboxWorkersFail", {"severity": "ticket", "reason": "start"}, [('cadre_sandbox_worker_failures_total{reason="start"}', "0+5x30")], [('cadre_sandbox_worker_failures_total{reason="start"}', "0+1x30")], 20),
    ("PostgresAway", {"severity": "page", "job": "orchestrator"}, [('cadre_postgres_connections_ready{job="orchestrator",instance="a"}', "4 0x30")],
     [('cadre_postgres_connections_ready{job="orchestrator",instance="a"}', "0x30"), ('cadre_postgres_connections_ready{job="orchestrator",instance="b"}', "4x30")], 5),
    ("PostgresAway", {"severity": "page", "job": "orchestrator"},
     [('cadre_postgres_connections_ready{job="orchestrator"}', "4x30"), ('cadre_postgres_failures_total{job="orchestrator",kind="timed_out"}', "0+30x30"),
      ('cadre_postgres_call_duration_seconds_count{job="orchestrator"}', "0+40x30")],
     [('cadre_postgres_connections_ready{job="orchestrator"}', "4x30"), ('cadre_postgres_failures_total{job="orchestrator",kind="sql_23"}', "0+40x30"),
      ('cadre_postgres_failures_total{job="orchestrator",kind="timed_out"}', "0+10x30"), ('cadre_postgres_call_duration_seconds_count{job="orchestrator"}', "0+40x30")], 10),
    ("PostgresSlow", {"severity": "ticket", "job": "orchestrator"}, SLOW, [(series, "0+100x30") for series, _ in SLOW], 20),
    ("ReplicaWithoutPostgres", {"severity": "ticket", "job": "orchestrator", "instance": "a"},
     [('cadre_postgres_connections_ready{job="orchestrator",instance="a"}', "2 0x30"), ('cadre_postgres_connections_ready{job="orchestrator",instance="b"}', "2x30")],
     [('cadre_postgres_connections_ready{job="orchestrator",instance="a"}', "2 0 0 0 2x30")], 10),
    # Nobody calls, and Redis is away.
    ("RedisAway", {"severity": "page", "job": "llm-router"}, [('cadre_redis_connections_ready{job="llm-router",instance="a"}', "2 0x30"), ('cadre_redis_connections_ready{job="llm-router",instance="b"}', "2 0x30")],
     [('cadre_redis_connections_ready{job="llm-router",instance="a"}', "0x30"), ('cadre_redis_connections_ready{job="llm-router",instance="b"}', "2x30"), ('cadre_redis_connections_ready{job="gateway",instance="b"}', "0x30")], 10),
    # It takes connections and answers nothing.
    ("RedisAway", {"severity": "page", "job": "llm-router"}, [('cadre_redis_connections_ready{job="llm-router"}', "2x30"), ('cadre_redis_commands_total{job="llm-router",command="EVALSHA",outcome="timed_out"}', "0+30x30"),
                                                              ('cadre_redis_commands_total{job="llm-router",command="EVALSHA",outcome="ok"}', "50x30")],
     [('cadre_redis_connections_ready{job="llm-router"}', "2x30"), ('cadre_redis_commands_total{job="llm-router",command="EVALSHA",outcome="cancelled"}', "0+300x30"),
      ('cadre_redis_commands_total{job="llm-router",command="EVALSHA",outcome="timed_out"}', "0+30x30"), ('cadre_redis_commands_total{job="llm-router",command="EVALSHA",outcome="ok"}', "0+300x30")], 10),
    ("PostgresServerDown", {"severity": "ticket", "job": "postgres", "instance": "a"}, [('pg_up{job="postgres",instance="a"}', "1 0x30"), ('pg_up{job="postgres",instance="b"}', "1x30")], [('pg_up{job="postgres",instance="a"}', "1 0 1x30")], 5),
    ("PgBouncerDown", {"severity": "ticket", "job": "pgbouncer", "instance": "a"}, [('pgbouncer_up{job="pgbouncer",instance="a"}', "1 0x30"), ('pgbouncer_up{job="pgbouncer",instance="b"}', "1x30")], [('pgbouncer_up{job="pgbouncer",instance="a"}', "1 0 1x30")], 5),
    ("PgBouncerClientsWait", {"severity": "ticket", "instance": "a"}, [('pgbouncer_pools_client_maxwait_seconds{instance="a",database="cadre"}', "0 2x30")],
     [('pgbouncer_pools_client_maxwait_seconds{instance="a",database="cadre"}', "0 2 2 0x30"), ('pgbouncer_pools_client_maxwait_seconds{instance="a",database="pgbouncer"}', "5x30")], 10),
    ("PgBouncerClientsAlmostUsed", {"severity": "ticket", "instance": "a"}, [('pgbouncer_used_clients{instance="a"}', "1700x30"), ('pgbouncer_config_max_client_connections{instance="a"}', "2000x30")],
     [('pgbouncer_used_clients{instance="a"}', "1500x30"), ('pgbouncer_config_max_client_connections{instance="a"}', "2000x30")], 10),
    ("PostgresConnectionsAlmostUsed", {"severity": "ticket", "instance": "a"},
     [('pg_stat_activity_count{instance="a",state="idle"}', "60x30"), ('pg_stat_activity_count{instance="a",state="active"}', "25x30"), ('pg_settings_max_connections{instance="a"}', "100x30")],
     [('pg_stat_activity_count{instance="a",state="idle"}', "80x30"), ('pg_settings_max_connections{instance="a"}', "100x30")], 10),
    ("PostgresReplicationLag", {"severity": "ticket", "application_name": "s"}, [('pg_stat_replication_pg_wal_lsn_diff{application_name="s"}', "70000000x30")],
     [('pg_stat_replication_pg_wal_lsn_diff{application_name="s"}', "60000000x30")], 10),
    ("PostgresReplicaUnused", {"severity": "ticket", "job": "orchestrator", "instance": "a"}, [('cadre_postgres_replica_usable{job="orchestrator",instance="a"}', "1 1 0x30")],
     [('cadre_postgres_replica_usable{job="orchestrator",instance="a"}', "1 0 0 0 1x30")], 10),
    ("PostgresLongTransaction", {"severity": "ticket", "datname": "cadre"}, [('pg_stat_activity_max_tx_duration{datname="cadre",state="active"}', "1801x30")],
     [('pg_stat_activity_max_tx_duration{datname="cadre",state="active"}', "1700x30"), ('pg_stat_activity_max_tx_duration{datname="cadre",state="idle"}', "9999x30")], 10),
    # A change that eight loops notice within two scrapes is one fail-over; five of them are not.
    ("RedisTopologyChanges", {"severity": "ticket", "job": "llm-router"}, [('cadre_redis_topology_changes_total{job="llm-router",instance="a"}', "0 8 8 16 16 24 24 32 32 40x30")],
     [('cadre_redis_topology_changes_total{job="llm-router",instance="a"}', "0 4 8 8x30"), ('cadre_redis_topology_changes_total{job="llm-router",instance="b"}', "0 0 8 8x30")], 20),
    ("RedisRedirects", {"severity": "ticket"}, [('cadre_redis_redirects_total{kind="moved"}', "0+30x40"), ('cadre_redis_commands_total{command="EVALSHA",outcome="ok"}', "0+300x40")],
     [('cadre_redis_redirects_total{kind="moved"}', "0+30x3 90x40"), ('cadre_redis_commands_total{command="EVALSHA",outcome="ok"}', "0+300x40")], 30),
    ("GatewayLimitsAlone", {"severity": "ticket", "job": "gateway"}, [('cadre_gateway_limit_fallback{job="gateway",instance="a"}', "1x30")],
     [('cadre_gateway_limit_fallback{job="gateway",instance="a"}', "1 1 0 1 0 0x30")], 15),
    ("GatewaySheds", {"severity": "page", "job": "gateway"}, [('cadre_gateway_shed_total{job="gateway",instance="a",priority="work",reason="in_flight"}', "0+300x30")],
     [('cadre_gateway_shed_total{job="gateway",instance="a",priority="list",reason="lag"}', "0 50x30")], 15),
    ("RedisServerDown", {"severity": "ticket", "job": "redis", "instance": "a"}, [('redis_up{job="redis",instance="a"}', "1 0x30"), ('redis_up{job="redis",instance="b"}', "1x30")], [('redis_up{job="redis",instance="a"}', "1x30")], 5),
    ("RedisMemoryAlmostUsed", {"severity": "ticket", "instance": "a"}, [('redis_memory_used_bytes{instance="a"}', "91x30"), ('redis_memory_max_bytes{instance="a"}', "100x30")],
     [('redis_memory_used_bytes{instance="a"}', "91x30"), ('redis_memory_max_bytes{instance="a"}', "0x30")], 10),
    ("RedisEvicts", {"severity": "ticket", "instance": "a"}, [('redis_evicted_keys_total{instance="a"}', "0 5x30")], [('redis_evicted_keys_total{instance="a"}', "5x30")], 5),
    ("DiskFullSoon", {"severity": "ticket", "instance": "a", "mountpoint": "/", "fstype": "ext4"},
     [('node_filesystem_avail_bytes{instance="a",mountpoint="/",fstype="ext4"}', "250-0.25x400"), ('node_filesystem_size_bytes{instance="a",mountpoint="/",fstype="ext4"}', "1000x400")],
     [('node_filesystem_avail_bytes{instance="a",mountpoint="/",fstype="ext4"}', "250x400"), ('node_filesystem_size_bytes{instance="a",mountpoint="/",fstype="ext4"}', "1000x400")], 360),
    ("DiskAlmostFull", {"severity": "page", "instance": "a", "mountpoint": "/", "fstype": "ext4"},
     [('node_filesystem_avail_bytes{instance="a",mountpoint="/",fstype="ext4"}', "5x30"), ('node_filesystem_size_bytes{instance="a",mountpoint="/",fstype="ext4"}', "100x30")],
     [('node_filesystem_avail_bytes{instance="a",mountpoint="/",fstype="ext4"}', "50x30"), ('node_filesystem_size_bytes{instance="a",mountpoint="/",fstype="ext4"}', "100x30")], 15),
    ("CertificateExpires", {"severity": "ticket", "cn": "x"}, [('traefik_tls_certs_not_after{cn="x"}', "864000x30")], [('traefik_tls_certs_not_after{cn="x"}', "8640000x30")], 5),
    ("BudgetAlmostSpent", {"severity": "ticket", "scope": "tenant", "period": "day"}, [('cadre_budget_alerts_total{scope="tenant",period="day"}', "0 1x30")],
     [('cadre_budget_alerts_total{scope="tenant",period="day"}', "1x30")], 4),
    ("BudgetExhausted", {"severity": "page", "scope": "run"}, [('cadre_budget_refusals_total{scope="run"}', "5 6x30")], [('cadre_budget_refusals_total{scope="run"}', "5x30")], 4),
    ("ProviderDown", {"severity": "page", "provider": "p"}, [('cadre_provider_up{provider="p",instance="a"}', "1 0x30"), ('cadre_provider_up{provider="p",instance="b"}', "1 0x30")],
     [('cadre_provider_up{provider="p",instance="a"}', "0x30"), ('cadre_provider_up{provider="p",instance="b"}', "1x30")], 10),
    ("ProviderBreakerOpen", {"severity": "ticket", "provider": "p"}, [('cadre_provider_breakers_open{provider="p",instance="a"}', "1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1"), ('cadre_provider_breakers_open{provider="p",instance="b"}', "0x30")],
     [('cadre_provider_breakers_open{provider="p",instance="a"}', "0 1 1 0x30")], 14),
    ("LedgerBehind", {"severity": "page"}, [("cadre_ledger_backlog", "20000x30")], [("cadre_ledger_backlog", "0 20000 0x30")], 5),
    # The first call of a model begins its series.
    ("UnpricedCalls", {"severity": "ticket", "provider": "p", "model": "m"}, [('cadre_model_unpriced_calls_total{provider="p",model="m"}', "_x60 1x30")],
     [('cadre_model_unpriced_calls_total{provider="p",model="m"}', "1x90")], 70),
    ("UnpricedCalls", {"severity": "ticket", "provider": "p", "model": "m"}, [('cadre_model_unpriced_calls_total{provider="p",model="m"}', "1x70 2x30")],
     [('cadre_model_unpriced_calls_total{provider="p",model="m"}', "1x5 2x90")], 80),
    ("BudgetCounterLost", {"severity": "ticket"}, [("cadre_budget_losses_total", "0 1x30")], [("cadre_budget_losses_total", "1x30")], 10),
    ("SandboxUnavailable", {"severity": "ticket", "job": "agent-core", "instance": "a"},
     [('cadre_sandbox_serving{job="agent-core",instance="a"}', "0x30")], [('cadre_sandbox_serving{job="agent-core",instance="a"}', "1x10 0 1x18")], 20),
    ("SandboxBusy", {"severity": "ticket"}, [('cadre_sandbox_refusals_total{job="agent-core",reason="queue_full"}', "0+10x30")],
     [('cadre_sandbox_refusals_total{job="agent-core",reason="draining"}', "0+10x30")], 20),
    ("SandboxForbiddenCall", {"severity": "page"}, [('cadre_sandbox_worker_failures_total{reason="system_call"}', "0x10 1x20")],
     [('cadre_sandbox_worker_failures_total{reason="crashed"}', "0x10 1x20")], 20),
    ("AuditTampered", {"severity": "page"}, [("cadre_audit_chains_faulty", "0x10 1x20"), ("cadre_audit_tampering_total", "0x30")],
     [("cadre_audit_chains_faulty", "0x30"), ("cadre_audit_tampering_total", "0x30")], 20),
    ("AuditNotWritten", {"severity": "page"}, [("cadre_audit_write_failures_total", "0+4x30"), ("cadre_audit_lost_total", "0x30")],
     [("cadre_audit_write_failures_total", "0x10 1x20"), ("cadre_audit_lost_total", "0x30")], 20),
    ("AuditNotVerified", {"severity": "ticket"}, [("cadre_audit_verification_age_seconds", "300000+60x60")], [("cadre_audit_verification_age_seconds", "90000+60x60")], 50),
    ("SignInsBlocked", {"severity": "ticket"}, [('cadre_gateway_sign_in_blocks_total{by="address"}', "0+10x30")], [('cadre_gateway_sign_in_blocks_total{by="address"}', "0+1x30")], 20),
    ("CredentialsRefused", {"severity": "ticket"},
     [('cadre_gateway_authentications_total{outcome="accepted"}', "0+120x40"), ('cadre_gateway_authentications_total{outcome="refused"}', "0+120x40")],
     [('cadre_gateway_authentications_total{outcome="accepted"}', "0+6000x40"), ('cadre_gateway_authentications_total{outcome="refused"}', "0+120x40")], 30),
    ("PolicyFaults", {"severity": "page"}, [("cadre_policy_faults_total", "0+5x30")], [("cadre_policy_faults_total", "0x10 1x20")], 20),
    ("PolicyReloadFails", {"severity": "ticket"}, [('cadre_policy_reloads_total{outcome="refused"}', "0x10 1x20")], [('cadre_policy_reloads_total{outcome="loaded"}', "0+1x30")], 20),
    ("PolicyHalted", {"severity": "ticket"}, [("cadre_policy_halted", "0x10 1x20")], [("cadre_policy_halted", "0x30")], 20),
    ("PolicyNotDelivered", {"severity": "page", "service": "llm-router", "job": "llm-router"}, [('cadre_gateway_policy_undelivered_seconds{service="llm-router"}', "0x5 30+30x25")], [('cadre_gateway_policy_undelivered_seconds{service="llm-router"}', "0x30")], 20),
    ("SpansDropped", {"severity": "ticket", "job": "gateway"}, [('cadre_telemetry_spans_dropped_total{job="gateway"}', "0+50x30"), ('cadre_telemetry_spans_failed_total{job="gateway"}', "0x30")],
     [('cadre_telemetry_spans_dropped_total{job="gateway"}', "0x30"), ('cadre_telemetry_spans_failed_total{job="gateway"}', "0x30")], 20),
    ("Watchdog", {"severity": "none"}, HEALTHY, None, 1),
]


def tests():
    out = ["# Written by dashboards/generate.py from definitions/alert_cases.py; do not edit.\n",
           "rule_files: [alerts.yaml]\nevaluation_interval: 30s\ntests:\n"]
    for alert, labels, fires, quiet, minute in CASES:
        for series, expected in ((fires, True), (quiet, False)):
            if series is None:
                continue
            out.append("  - interval: 1m\n    input_series:\n")
            out += [f"      - {{series: '{name}', values: '{values}'}}\n" for name, values in series]
            # Annotations are not compared: each alert's sentence stands in alerts.yaml alone.
            query = "ALERTS{" + f'alertname="{alert}",alertstate="firing"' + "}"
            out.append(f"    promql_expr_test:\n      - expr: count({query}) or vector(0)\n        eval_time: {minute}m\n"
                       f"        exp_samples: [{{labels: '{{}}', value: {1 if expected else 0}}}]\n")
            if expected:
                text = ",".join(f'{key}="{value}"' for key, value in sorted({**labels, "alertname": alert, "alertstate": "firing"}.items()))
                out.append(f"      - expr: {query}\n        eval_time: {minute}m\n        exp_samples: [{{labels: 'ALERTS{{{text}}}', value: 1}}]\n")
    return "".join(out)
