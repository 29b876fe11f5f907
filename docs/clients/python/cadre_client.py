"""Client of the Cadre API. Generated from its description by deploy/python-client.py; do not edit.

    from cadre_client import Client

    client = Client("http://127.0.0.1:8080", "cadre_...")
    task = client.submit_task({"prompt": "What is 6 times 7?"}, wait=30)
    print(task["run"]["result"])

It needs Python 3.11 and nothing else. Every method is one request; `iterate_...` methods read a list page by page.
"""
from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
import uuid
from typing import Any, Iterator, Literal, NotRequired, Optional, TypedDict, Union

NewTask = TypedDict("NewTask", {
    "prompt": NotRequired[Union[str, None]],
    "workflow": NotRequired[Union[str, None]],
    "workflow_version": NotRequired[Union[int, None]],
    "input": NotRequired[Union[dict[str, Any], None]],
    "system": NotRequired[Union[str, None]],
    "model": NotRequired[Union[str, None]],
    "max_output_tokens": NotRequired[Union[int, None]],
    "project_id": NotRequired[Union[str, None]],
    "artefacts": NotRequired[Union[list[str], None]],
    "title": NotRequired[Union[str, None]],
    "description": NotRequired[Union[str, None]],
    "labels": NotRequired[Union[list[str], None]],
    "assignee": NotRequired[Union[str, None]],
    "due_at": NotRequired[Union[str, None]],
    "priority": NotRequired[Union[int, None]],
})

TaskChange = TypedDict("TaskChange", {
    "title": NotRequired[Union[Union[str, None], None]],
    "description": NotRequired[Union[str, None]],
    "labels": NotRequired[Union[list[str], None]],
    "assignee": NotRequired[Union[Union[str, None], None]],
    "due_at": NotRequired[Union[Union[str, None], None]],
    "priority": NotRequired[Union[int, None]],
    "archived": NotRequired[Union[bool, None]],
})

Task = TypedDict("Task", {
    "id": str,
    "status": Literal["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"],
    "title": Union[str, None],
    "description": str,
    "project_id": Union[str, None],
    "labels": list[str],
    "assignee": Union[str, None],
    "priority": int,
    "due_at": Union[str, None],
    "version": int,
    "created_at": str,
    "created_by": str,
    "updated_at": str,
    "archived_at": Union[str, None],
    "input": Any,
    "input_truncated": NotRequired[bool],
    "run": "Run",
})

TaskPage = TypedDict("TaskPage", {
    "tasks": list["Task"],
    "next_cursor": Union[str, None],
})

Run = TypedDict("Run", {
    "id": str,
    "task_id": str,
    "project_id": Union[str, None],
    "status": Literal["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"],
    "workflow": str,
    "workflow_version": int,
    "version": int,
    "parent_run_id": NotRequired[str],
    "forked_from": NotRequired[str],
    "created_at": str,
    "started_at": Union[str, None],
    "ended_at": Union[str, None],
    "duration_ms": NotRequired[int],
    "trace_id": NotRequired[str],
    "trace_url": NotRequired[str],
    "usage": "Usage",
    "result": Any,
    "result_truncated": NotRequired[bool],
    "failure": Union["Failure", None],
})

RunPage = TypedDict("RunPage", {
    "runs": list["Run"],
    "next_cursor": Union[str, None],
})

Usage = TypedDict("Usage", {
    "input_tokens": int,
    "output_tokens": int,
    "cost_microusd": int,
    "model_calls": int,
    "unpriced_calls": int,
})

Failure = TypedDict("Failure", {
    "code": str,
    "message": str,
})

RunEvent = TypedDict("RunEvent", {
    "seq": int,
    "run_id": str,
    "at": str,
    "type": str,
    "step": Union[str, None],
    "step_id": NotRequired[str],
    "data": dict[str, Any],
})

RunEventPage = TypedDict("RunEventPage", {
    "events": list["RunEvent"],
    "next_after": Union[int, None],
})

Step = TypedDict("Step", {
    "id": str,
    "run_id": str,
    "key": str,
    "status": Literal["blocked", "ready", "leased", "waiting", "expanded", "succeeded", "failed", "skipped", "abandoned"],
    "attempt": int,
    "agent": Union[str, None],
    "model": Union[str, None],
    "worker": NotRequired[str],
    "part_of": NotRequired[str],
    "child_run_id": NotRequired[str],
    "output_sha256": Union[str, None],
    "failure": Union["Failure", None],
})

StepWithWait = TypedDict("StepWithWait", {
    "id": str,
    "run_id": str,
    "key": str,
    "status": Literal["blocked", "ready", "leased", "waiting", "expanded", "succeeded", "failed", "skipped", "abandoned"],
    "attempt": int,
    "agent": Union[str, None],
    "model": Union[str, None],
    "worker": NotRequired[str],
    "part_of": NotRequired[str],
    "child_run_id": NotRequired[str],
    "output_sha256": Union[str, None],
    "failure": Union["Failure", None],
    "waiting_for": Union[dict[str, Any], None],
})

StepPage = TypedDict("StepPage", {
    "steps": list["Step"],
    "next_cursor": Union[str, None],
})

StepCall = TypedDict("StepCall", {
    "seq": int,
    "at": str,
    "attempt": int,
    "kind": Literal["model", "tool", "intent", "note"],
    "index": int,
    "name": str,
    "request_sha256": str,
    "dropped": bool,
    "result": Any,
    "result_truncated": NotRequired[bool],
    "result_sha256": str,
    "result_bytes": int,
    "usage": "Usage",
    "duration_ms": int,
})

StepCallPage = TypedDict("StepCallPage", {
    "calls": list["StepCall"],
    "next_cursor": Union[str, None],
})

StepBelief = TypedDict("StepBelief", {
    "step_id": str,
    "belief": Any,
})

Cancellation = TypedDict("Cancellation", {
    "reason": NotRequired[Union[str, None]],
})

Signal = TypedDict("Signal", {
    "name": str,
    "id": NotRequired[Union[str, None]],
    "data": NotRequired[Any],
})

SignalReceipt = TypedDict("SignalReceipt", {
    "id": str,
    "repeated": bool,
})

BulkCancellation = TypedDict("BulkCancellation", {
    "workflow": NotRequired[Union[str, None]],
    "status": NotRequired[Union[Literal["pending", "running", "paused", "compensating"], None]],
    "project_id": NotRequired[Union[str, None]],
    "all": NotRequired[Union[bool, None]],
    "reason": NotRequired[Union[str, None]],
})

BulkCancellationResult = TypedDict("BulkCancellationResult", {
    "cancelled": int,
    "compensating": int,
    "failed": int,
    "remaining": bool,
})

ReplayReport = TypedDict("ReplayReport", {
    "run_id": str,
    "verdict": Literal["consistent", "inconsistent"],
    "events": int,
    "facts_replayed": int,
    "final_status": str,
    "checks": list[dict[str, Any]],
    "first_divergence": Union[dict[str, Any], None],
})

Continuation = TypedDict("Continuation", {
    "changes": NotRequired[Union[list["StepChange"], None]],
})

Fork = TypedDict("Fork", {
    "from_step": NotRequired[Union[str, None]],
    "at_seq": NotRequired[Union[int, None]],
    "changes": NotRequired[Union[list["StepChange"], None]],
})

StepChange = TypedDict("StepChange", {
    "step": str,
    "agent": NotRequired[Union[str, None]],
    "model": NotRequired[Union[str, None]],
    "input": NotRequired[Any],
})

RunBundle = TypedDict("RunBundle", {
    "format": str,
    "version": int,
    "run_id": str,
    "status": str,
    "workflow": dict[str, Any],
    "workflow_version": int,
    "events": list[dict[str, Any]],
    "payloads": dict[str, Any],
})

Approval = TypedDict("Approval", {
    "id": str,
    "run_id": str,
    "step": str,
    "step_id": str,
    "key": NotRequired[Union[str, None]],
    "tool": NotRequired[Union[str, None]],
    "kind": Literal["step", "tool_call", "unknown_outcome"],
    "status": Literal["pending", "approved", "rejected", "answered", "expired", "withdrawn"],
    "subject_sha256": str,
    "subject": Any,
    "subject_truncated": NotRequired[bool],
    "requested_at": str,
    "requested_by": Union[str, None],
    "expires_at": Union[str, None],
    "decided_at": Union[str, None],
    "decided_by": Union[str, None],
    "comment": Union[str, None],
    "answer": NotRequired[Any],
    "answer_truncated": NotRequired[bool],
})

ApprovalPage = TypedDict("ApprovalPage", {
    "approvals": list["Approval"],
    "next_cursor": Union[str, None],
})

Decision = TypedDict("Decision", {
    "decision": Literal["approve", "reject"],
    "subject_sha256": str,
    "comment": NotRequired[Union[str, None]],
})

CallOutcome = TypedDict("CallOutcome", {
    "outcome": Literal["done", "not_done", "failed"],
    "result": NotRequired[Union[str, None]],
    "message": NotRequired[Union[str, None]],
    "subject_sha256": NotRequired[Union[str, None]],
})

Question = TypedDict("Question", {
    "id": str,
    "run_id": str,
    "step": str,
    "step_id": str,
    "key": NotRequired[Union[str, None]],
    "tool": NotRequired[Union[str, None]],
    "status": Literal["pending", "answered", "expired", "withdrawn"],
    "subject_sha256": str,
    "subject": Any,
    "subject_truncated": NotRequired[bool],
    "requested_at": str,
    "requested_by": Union[str, None],
    "expires_at": Union[str, None],
    "decided_at": Union[str, None],
    "decided_by": Union[str, None],
    "answer": Any,
    "answer_truncated": NotRequired[bool],
})

QuestionPage = TypedDict("QuestionPage", {
    "questions": list["Question"],
    "next_cursor": Union[str, None],
})

QuestionAnswer = TypedDict("QuestionAnswer", {
    "answer": Any,
})

WorkflowDocument = TypedDict("WorkflowDocument", {
    "name": str,
    "description": NotRequired[Union[str, None]],
    "timeout_ms": NotRequired[Union[int, None]],
    "compensation_timeout_ms": NotRequired[Union[int, None]],
    "result": NotRequired[Union[str, None]],
    "steps": list[dict[str, Any]],
})

Workflow = TypedDict("Workflow", {
    "name": str,
    "version": int,
    "built_in": bool,
    "created_at": NotRequired[str],
    "created_by": NotRequired[str],
    "document": NotRequired[dict[str, Any]],
})

WorkflowPage = TypedDict("WorkflowPage", {
    "workflows": list["Workflow"],
    "next_cursor": Union[str, None],
})

WorkflowVersions = TypedDict("WorkflowVersions", {
    "versions": list["Workflow"],
})

WorkflowCheck = TypedDict("WorkflowCheck", {
    "valid": bool,
    "steps": int,
})

WorkflowCompatibility = TypedDict("WorkflowCompatibility", {
    "open_runs": int,
    "more": bool,
    "would_break": list[dict[str, Any]],
})

NewProject = TypedDict("NewProject", {
    "name": str,
    "description": NotRequired[Union[str, None]],
})

ProjectChange = TypedDict("ProjectChange", {
    "name": NotRequired[Union[str, None]],
    "description": NotRequired[Union[str, None]],
    "archived": NotRequired[Union[bool, None]],
})

Project = TypedDict("Project", {
    "id": str,
    "name": str,
    "description": str,
    "version": int,
    "updated_at": str,
    "archived_at": Union[str, None],
    "created_at": str,
    "created_by": str,
})

ProjectPage = TypedDict("ProjectPage", {
    "projects": list["Project"],
    "next_cursor": Union[str, None],
})

Slots = TypedDict("Slots", {
    "slots": int,
})

Limits = TypedDict("Limits", {
    "limits": list[dict[str, Any]],
})

Weight = TypedDict("Weight", {
    "weight": float,
})

TenantWeight = TypedDict("TenantWeight", {
    "tenant_id": str,
    "weight": float,
})

WeightPage = TypedDict("WeightPage", {
    "weights": list["TenantWeight"],
    "next_after": Union[str, None],
})

NewSchedule = TypedDict("NewSchedule", {
    "name": str,
    "cron": str,
    "task": "NewTask",
    "time_zone": NotRequired[Union[str, None]],
    "overlap": NotRequired[Union[Literal["skip", "allow", "queue_one", "cancel_other"], None]],
    "catch_up_ms": NotRequired[Union[int, None]],
    "paused": NotRequired[Union[bool, None]],
})

ScheduleChange = TypedDict("ScheduleChange", {
    "name": NotRequired[Union[str, None]],
    "cron": NotRequired[Union[str, None]],
    "task": NotRequired[Union["NewTask", None]],
    "time_zone": NotRequired[Union[str, None]],
    "overlap": NotRequired[Union[Literal["skip", "allow", "queue_one", "cancel_other"], None]],
    "catch_up_ms": NotRequired[Union[int, None]],
    "paused": NotRequired[Union[bool, None]],
})

Schedule = TypedDict("Schedule", {
    "id": str,
    "name": str,
    "cron": str,
    "time_zone": str,
    "overlap": Literal["skip", "allow", "queue_one", "cancel_other"],
    "catch_up_ms": int,
    "paused": bool,
    "version": int,
    "next_at": Union[str, None],
    "last_at": Union[str, None],
    "last_run_id": Union[str, None],
    "fired": int,
    "skipped": int,
    "task": Union[dict[str, Any], None],
    "task_truncated": NotRequired[bool],
    "created_at": str,
    "created_by": str,
    "next_times": list[str],
})

SchedulePage = TypedDict("SchedulePage", {
    "schedules": list[dict[str, Any]],
    "next_cursor": Union[str, None],
})

Cron = TypedDict("Cron", {
    "cron": str,
    "time_zone": NotRequired[Union[str, None]],
    "after": NotRequired[Union[str, None]],
})

CronTimes = TypedDict("CronTimes", {
    "times": list[str],
})

Artefact = TypedDict("Artefact", {
    "id": str,
    "name": str,
    "sha256": str,
    "bytes": int,
    "media_type": str,
    "version": int,
    "run_id": Union[str, None],
    "step_id": Union[str, None],
    "created_at": str,
    "created_by": str,
})

ArtefactPage = TypedDict("ArtefactPage", {
    "artefacts": list["Artefact"],
    "next_cursor": Union[str, None],
})

NewMemory = TypedDict("NewMemory", {
    "text": str,
    "tags": NotRequired[Union[list[str], None]],
    "project_id": NotRequired[Union[str, None]],
    "key": NotRequired[Union[str, None]],
})

Memory = TypedDict("Memory", {
    "id": str,
    "text": str,
    "tags": list[str],
    "run_id": NotRequired[str],
    "rank": NotRequired[float],
    "highlight": NotRequired[str],
    "created_at": str,
    "created_by": str,
})

MemoryPage = TypedDict("MemoryPage", {
    "memories": list["Memory"],
    "next_cursor": Union[str, None],
})

NewTool = TypedDict("NewTool", {
    "manifest": dict[str, Any],
    "source": NotRequired[Union[str, None]],
    "source_base64": NotRequired[Union[str, None]],
})

Tool = TypedDict("Tool", {
    "name": str,
    "description": str,
    "parameters": dict[str, Any],
    "risk": Literal["read", "write", "execute", "network"],
    "idempotent": bool,
    "volatile": bool,
    "source": str,
    "timeout_ms": int,
    "result_bytes_max": int,
    "sha256": str,
    "status": str,
    "seen_at": NotRequired[str],
    "approved_sha256": NotRequired[Union[str, None]],
    "approved_by": NotRequired[Union[str, None]],
    "approved_at": NotRequired[Union[str, None]],
    "runtime": NotRequired[Literal["wasm", "python", "javascript"]],
    "source_sha256": NotRequired[str],
    "version": NotRequired[int],
    "source_bytes": NotRequired[int],
    "created_by": NotRequired[str],
    "created_at": NotRequired[str],
    "mcp_server_id": NotRequired[str],
})

ToolPage = TypedDict("ToolPage", {
    "tools": list["Tool"],
    "next_cursor": Union[str, None],
})

NewMCPServer = TypedDict("NewMCPServer", {
    "name": str,
    "transport": Literal["stdio", "http"],
    "command": NotRequired[Union[str, None]],
    "arguments": NotRequired[Union[list[str], None]],
    "environment": NotRequired[Union[dict[str, str], None]],
    "url": NotRequired[Union[str, None]],
    "headers": NotRequired[Union[dict[str, str], None]],
    "trust": NotRequired[Union[Literal["pin", "approve"], None]],
    "network": NotRequired[Union[bool, None]],
    "timeout_ms": NotRequired[Union[int, None]],
    "enabled": NotRequired[Union[bool, None]],
})

MCPServerChange = TypedDict("MCPServerChange", {
    "name": NotRequired[Union[str, None]],
    "transport": NotRequired[Union[Literal["stdio", "http"], None]],
    "command": NotRequired[Union[str, None]],
    "arguments": NotRequired[Union[list[str], None]],
    "environment": NotRequired[Union[dict[str, str], None]],
    "url": NotRequired[Union[str, None]],
    "headers": NotRequired[Union[dict[str, str], None]],
    "trust": NotRequired[Union[Literal["pin", "approve"], None]],
    "network": NotRequired[Union[bool, None]],
    "timeout_ms": NotRequired[Union[int, None]],
    "enabled": NotRequired[Union[bool, None]],
})

MCPServer = TypedDict("MCPServer", {
    "id": str,
    "name": str,
    "transport": Literal["stdio", "http"],
    "command": NotRequired[str],
    "arguments": NotRequired[list[str]],
    "environment_names": NotRequired[list[str]],
    "url": NotRequired[str],
    "header_names": NotRequired[list[str]],
    "trust": Literal["pin", "approve"],
    "network": NotRequired[bool],
    "timeout_ms": int,
    "version": int,
    "source": Literal["api", "configuration"],
    "enabled": bool,
    "allowed": bool,
    "created_by": NotRequired[str],
    "created_at": NotRequired[str],
    "updated_at": NotRequired[str],
    "state": Literal["connecting", "ready", "failed", "stopped", "unknown"],
    "error": Union[dict[str, Any], None],
    "reported_by": Union[str, None],
    "reported_at": Union[str, None],
})

MCPServerPage = TypedDict("MCPServerPage", {
    "mcp_servers": list["MCPServer"],
    "next_cursor": Union[str, None],
})

MCPTool = TypedDict("MCPTool", {
    "name": str,
    "description": str,
    "parameters": dict[str, Any],
    "risk": Literal["read", "write", "execute", "network"],
    "idempotent": bool,
    "volatile": bool,
    "source": str,
    "timeout_ms": int,
    "result_bytes_max": int,
    "sha256": str,
    "status": str,
    "seen_at": NotRequired[str],
    "approved_sha256": NotRequired[Union[str, None]],
    "approved_by": NotRequired[Union[str, None]],
    "approved_at": NotRequired[Union[str, None]],
})

MCPToolPage = TypedDict("MCPToolPage", {
    "tools": list["MCPTool"],
    "next_cursor": Union[str, None],
})

SecretRotation = TypedDict("SecretRotation", {
    "examined": int,
    "resealed": int,
    "unreadable": int,
    "next_cursor": Union[str, None],
})

ToolApproval = TypedDict("ToolApproval", {
    "sha256": str,
})

ProviderDefinition = TypedDict("ProviderDefinition", {
    "kind": NotRequired[Union[Literal["openai", "anthropic", "gemini", "ollama", "vllm", "compatible"], None]],
    "base_url": NotRequired[Union[str, None]],
    "keys": NotRequired[Union[list[dict[str, Any]], None]],
    "priority": NotRequired[Union[int, None]],
    "weight": NotRequired[Union[int, None]],
    "timeout_ms": NotRequired[Union[int, None]],
    "first_token_ms": NotRequired[Union[int, None]],
    "stall_ms": NotRequired[Union[int, None]],
    "enabled": NotRequired[Union[bool, None]],
})

Provider = TypedDict("Provider", {
    "name": str,
    "kind": Literal["openai", "anthropic", "gemini", "ollama", "vllm", "compatible"],
    "base_url": str,
    "keys": list[Union[str, dict[str, Any]]],
    "priority": int,
    "weight": int,
    "timeout_ms": int,
    "first_token_ms": NotRequired[int],
    "stall_ms": NotRequired[int],
    "enabled": bool,
    "source": Literal["api", "configuration"],
    "missing_keys": int,
    "probe": NotRequired[dict[str, Any]],
    "unhealthy": list[dict[str, Any]],
    "version": NotRequired[int],
    "created_at": NotRequired[str],
    "updated_at": NotRequired[str],
})

Providers = TypedDict("Providers", {
    "providers": list["Provider"],
})

ModelDefinition = TypedDict("ModelDefinition", {
    "provider_model": NotRequired[Union[str, None]],
    "tier": NotRequired[Union[Literal["small", "medium", "large"], None]],
    "capabilities": NotRequired[Union[list[Literal["tools", "vision", "json_schema", "reasoning", "embeddings"]], None]],
    "context_tokens": NotRequired[Union[int, None]],
    "output_tokens_max": NotRequired[Union[int, None]],
    "priority": NotRequired[Union[int, None]],
    "weight": NotRequired[Union[int, None]],
    "enabled": NotRequired[Union[bool, None]],
    "price": NotRequired[Union[dict[str, Any], None]],
})

Model = TypedDict("Model", {
    "name": str,
    "provider": str,
    "provider_model": str,
    "tier": Union[Literal["small", "medium", "large"], None],
    "capabilities": NotRequired[list[str]],
    "context_tokens": NotRequired[int],
    "output_tokens_max": NotRequired[int],
    "priority": int,
    "weight": int,
    "enabled": bool,
    "source": Literal["api", "configuration"],
    "price_known": bool,
    "price_source": Literal["declared", "table", "unknown"],
    "price": NotRequired[dict[str, Any]],
    "version": NotRequired[int],
    "created_at": NotRequired[str],
    "updated_at": NotRequired[str],
})

Models = TypedDict("Models", {
    "models": list["Model"],
})

AliasDefinition = TypedDict("AliasDefinition", {
    "models": list[str],
    "strategy": NotRequired[Union[Literal["priority", "weighted", "cheapest", "fastest", "least_busy"], None]],
    "fallbacks": NotRequired[Union[list[str], None]],
    "context_fallbacks": NotRequired[Union[list[str], None]],
    "content_fallbacks": NotRequired[Union[list[str], None]],
    "escalation": NotRequired[Union[list[str], None]],
    "hedge_after_ms": NotRequired[Union[int, None]],
    "rescue": NotRequired[Union[Literal["continue", "buffer"], None]],
    "check": NotRequired[Union[Union[dict[str, Any], None], None]],
})

Alias = TypedDict("Alias", {
    "name": str,
    "strategy": Literal["priority", "weighted", "cheapest", "fastest", "least_busy"],
    "models": list[str],
    "fallbacks": list[str],
    "context_fallbacks": list[str],
    "content_fallbacks": list[str],
    "escalation": NotRequired[list[str]],
    "hedge_after_ms": NotRequired[int],
    "rescue": NotRequired[str],
    "check": NotRequired[dict[str, Any]],
    "version": int,
})

Aliases = TypedDict("Aliases", {
    "aliases": list["Alias"],
})

NewBudget = TypedDict("NewBudget", {
    "scope": Literal["tenant", "project", "group", "run", "agent", "tool", "key"],
    "period": Literal["total", "hour", "day", "month"],
    "subject": NotRequired[Union[str, None]],
    "tokens": NotRequired[Union[int, None]],
    "usd": NotRequired[Union[float, None]],
    "alert_percent": NotRequired[Union[int, None]],
})

BudgetChange = TypedDict("BudgetChange", {
    "tokens": NotRequired[Union[int, None]],
    "usd": NotRequired[Union[float, None]],
    "alert_percent": NotRequired[Union[int, None]],
})

Budget = TypedDict("Budget", {
    "id": str,
    "scope": Literal["tenant", "project", "group", "run", "agent", "tool", "key"],
    "subject": str,
    "period": Literal["total", "hour", "day", "month"],
    "tokens": NotRequired[int],
    "usd": NotRequired[float],
    "alert_percent": int,
    "version": int,
    "spent": NotRequired[dict[str, Any]],
    "reserved": NotRequired[dict[str, Any]],
    "left": NotRequired[dict[str, Any]],
    "resets_at": NotRequired[str],
})

Budgets = TypedDict("Budgets", {
    "budgets": list["Budget"],
})

NewRateLimit = TypedDict("NewRateLimit", {
    "scope": Literal["model", "tenant", "project", "group", "run", "agent", "tool", "key"],
    "subject": NotRequired[Union[str, None]],
    "requests_per_minute": NotRequired[Union[int, None]],
    "tokens_per_minute": NotRequired[Union[int, None]],
    "concurrency": NotRequired[Union[int, None]],
})

RateLimit = TypedDict("RateLimit", {
    "id": str,
    "scope": Literal["model", "tenant", "project", "group", "run", "agent", "tool", "key"],
    "subject": str,
    "version": int,
    "requests_per_minute": NotRequired[int],
    "tokens_per_minute": NotRequired[int],
    "concurrency": NotRequired[int],
})

RateLimits = TypedDict("RateLimits", {
    "rate_limits": list["RateLimit"],
})

NewVirtualKey = TypedDict("NewVirtualKey", {
    "ttl_seconds": NotRequired[Union[int, None]],
    "project": NotRequired[Union[str, None]],
    "run": NotRequired[Union[str, None]],
    "step": NotRequired[Union[str, None]],
    "agent": NotRequired[Union[str, None]],
    "tool": NotRequired[Union[str, None]],
    "models": NotRequired[Union[list[str], None]],
    "tokens": NotRequired[Union[int, None]],
    "usd": NotRequired[Union[float, None]],
})

VirtualKey = TypedDict("VirtualKey", {
    "id": str,
    "key": str,
    "expires_at": str,
})

UsageReport = TypedDict("UsageReport", {
    "from": str,
    "to": str,
    "usage": list["UsageSum"],
})

UsageSum = TypedDict("UsageSum", {
    "bucket": NotRequired[str],
    "project": NotRequired[Union[str, None]],
    "group": NotRequired[Union[str, None]],
    "agent": NotRequired[Union[str, None]],
    "tool": NotRequired[Union[str, None]],
    "key": NotRequired[Union[str, None]],
    "run": NotRequired[Union[str, None]],
    "step": NotRequired[Union[str, None]],
    "principal": NotRequired[Union[str, None]],
    "model": NotRequired[Union[str, None]],
    "model_asked": NotRequired[Union[str, None]],
    "provider": NotRequired[Union[str, None]],
    "outcome": NotRequired[Union[str, None]],
    "cache": NotRequired[Union[str, None]],
    "dialect": NotRequired[Union[str, None]],
    "calls": int,
    "attempts": int,
    "input_tokens": int,
    "cache_read_tokens": int,
    "cache_write_tokens": int,
    "output_tokens": int,
    "unpriced_calls": int,
    "estimated_calls": int,
    "usd": float,
    "saved_usd": float,
})

ModelCall = TypedDict("ModelCall", {
    "id": str,
    "model": NotRequired[Union[str, None]],
    "model_asked": NotRequired[Union[str, None]],
    "provider": NotRequired[Union[str, None]],
    "outcome": NotRequired[Union[str, None]],
})

ModelCallPage = TypedDict("ModelCallPage", {
    "calls": list["ModelCall"],
    "next_cursor": Union[str, None],
})

ModelCallWithAttempts = TypedDict("ModelCallWithAttempts", {
    "id": str,
    "attempt_count": NotRequired[int],
    "attempts": list[dict[str, Any]],
    "total": dict[str, Any],
})

Caller = TypedDict("Caller", {
    "subject": str,
    "kind": str,
    "credential": str,
    "tenant_id": Union[str, None],
    "role": Literal["owner", "admin", "operator", "member", "viewer"],
    "grants": list[str],
    "project": Union[str, None],
})

APIKey = TypedDict("APIKey", {
    "id": str,
    "name": str,
    "subject": str,
    "grants": list[str],
    "project": Union[str, None],
    "version": int,
    "expires_at": Union[str, None],
    "last_used_at": Union[str, None],
    "rotated_at": Union[str, None],
    "previous_until": Union[str, None],
    "created_at": str,
    "created_by": str,
})

APIKeyPage = TypedDict("APIKeyPage", {
    "keys": list["APIKey"],
    "next_cursor": Union[str, None],
})

APIKeyWithText = TypedDict("APIKeyWithText", {
    "id": str,
    "name": str,
    "subject": str,
    "grants": list[str],
    "project": Union[str, None],
    "version": int,
    "expires_at": Union[str, None],
    "last_used_at": Union[str, None],
    "rotated_at": Union[str, None],
    "previous_until": Union[str, None],
    "created_at": str,
    "created_by": str,
    "key": str,
})

NewAPIKey = TypedDict("NewAPIKey", {
    "name": str,
    "grants": NotRequired[Union[list[str], None]],
    "project": NotRequired[Union[str, None]],
    "expires_at": NotRequired[Union[str, None]],
    "service_account_id": NotRequired[Union[str, None]],
})

Rotation = TypedDict("Rotation", {
    "overlap_seconds": NotRequired[Union[int, None]],
})

User = TypedDict("User", {
    "id": str,
    "email": str,
    "name": str,
    "role": Literal["owner", "admin", "operator", "member", "viewer"],
    "is_operator": bool,
    "has_password": bool,
    "has_second_factor": bool,
    "version": int,
    "updated_at": str,
    "last_sign_in_at": Union[str, None],
    "created_at": str,
    "created_by": str,
})

UserPage = TypedDict("UserPage", {
    "users": list["User"],
    "next_cursor": Union[str, None],
})

UserChange = TypedDict("UserChange", {
    "name": NotRequired[Union[str, None]],
    "role": NotRequired[Union[Literal["owner", "admin", "operator", "member", "viewer"], None]],
    "is_operator": NotRequired[Union[bool, None]],
})

ServiceAccount = TypedDict("ServiceAccount", {
    "id": str,
    "name": str,
    "description": str,
    "role": Literal["owner", "admin", "operator", "member", "viewer"],
    "is_operator": bool,
    "version": int,
    "updated_at": str,
    "created_at": str,
    "created_by": str,
})

ServiceAccountPage = TypedDict("ServiceAccountPage", {
    "service_accounts": list["ServiceAccount"],
    "next_cursor": Union[str, None],
})

NewServiceAccount = TypedDict("NewServiceAccount", {
    "name": str,
    "description": NotRequired[Union[str, None]],
    "role": NotRequired[Union[Literal["owner", "admin", "operator", "member", "viewer"], None]],
    "is_operator": NotRequired[Union[bool, None]],
})

ServiceAccountChange = TypedDict("ServiceAccountChange", {
    "name": NotRequired[Union[str, None]],
    "description": NotRequired[Union[str, None]],
    "role": NotRequired[Union[Literal["owner", "admin", "operator", "member", "viewer"], None]],
    "is_operator": NotRequired[Union[bool, None]],
})

Invitation = TypedDict("Invitation", {
    "id": str,
    "email": str,
    "role": Literal["owner", "admin", "operator", "member", "viewer"],
    "is_operator": bool,
    "expires_at": str,
    "created_at": str,
    "created_by": str,
})

InvitationPage = TypedDict("InvitationPage", {
    "invitations": list["Invitation"],
    "next_cursor": Union[str, None],
})

InvitationWithToken = TypedDict("InvitationWithToken", {
    "id": str,
    "email": str,
    "role": Literal["owner", "admin", "operator", "member", "viewer"],
    "is_operator": bool,
    "expires_at": str,
    "created_at": str,
    "created_by": str,
    "token": str,
})

NewInvitation = TypedDict("NewInvitation", {
    "email": str,
    "role": NotRequired[Union[Literal["owner", "admin", "operator", "member", "viewer"], None]],
    "is_operator": NotRequired[Union[bool, None]],
    "expires_in_seconds": NotRequired[Union[int, None]],
})

Acceptance = TypedDict("Acceptance", {
    "token": str,
    "name": NotRequired[Union[str, None]],
    "password": NotRequired[Union[str, None]],
    "key": NotRequired[Union[dict[str, Any], None]],
})

AcceptedInvitation = TypedDict("AcceptedInvitation", {
    "id": str,
    "email": str,
    "name": str,
    "role": Literal["owner", "admin", "operator", "member", "viewer"],
    "is_operator": bool,
    "has_password": bool,
    "has_second_factor": bool,
    "version": int,
    "updated_at": str,
    "last_sign_in_at": Union[str, None],
    "created_at": str,
    "created_by": str,
    "tenant_id": str,
    "key_id": NotRequired[str],
    "key": NotRequired[str],
})

Tenant = TypedDict("Tenant", {
    "id": str,
    "name": str,
    "state": Literal["active", "suspended", "deleting", "deleted"],
    "version": int,
    "updated_at": str,
    "suspended_at": Union[str, None],
    "deleted_at": Union[str, None],
    "confirmed": bool,
    "created_at": str,
    "created_by": str,
})

TenantPage = TypedDict("TenantPage", {
    "tenants": list["Tenant"],
    "next_cursor": Union[str, None],
})

TenantService = TypedDict("TenantService", {
    "service": str,
    "confirmed": bool,
    "total": NotRequired[int],
    "counts": NotRequired[dict[str, Any]],
    "deleted_at": Union[str, None],
    "checked_at": NotRequired[str],
    "failure": NotRequired[Union[str, None]],
})

TenantWithServices = TypedDict("TenantWithServices", {
    "id": str,
    "name": str,
    "state": Literal["active", "suspended", "deleting", "deleted"],
    "version": int,
    "updated_at": str,
    "suspended_at": Union[str, None],
    "deleted_at": Union[str, None],
    "confirmed": bool,
    "created_at": str,
    "created_by": str,
    "services": list["TenantService"],
})

NewTenant = TypedDict("NewTenant", {
    "name": str,
    "owner_email": NotRequired[Union[str, None]],
})

TenantWithInvitation = TypedDict("TenantWithInvitation", {
    "id": str,
    "name": str,
    "state": Literal["active", "suspended", "deleting", "deleted"],
    "version": int,
    "updated_at": str,
    "suspended_at": Union[str, None],
    "deleted_at": Union[str, None],
    "confirmed": bool,
    "created_at": str,
    "created_by": str,
    "invitation": NotRequired["InvitationWithToken"],
})

AuditPage = TypedDict("AuditPage", {
    "chain": str,
    "entries": list[dict[str, Any]],
    "next_cursor": Union[str, None],
})

AuditVerification = dict[str, Any]

PolicyStatus = TypedDict("PolicyStatus", {
    "mode": Literal["off", "dry_run", "enforce"],
    "canary_percent": int,
    "is_halted": bool,
    "version": int,
    "updated_at": Union[str, None],
    "updated_by": Union[str, None],
    "is_current": bool,
    "source": Literal["process", "server"],
    "revision": str,
    "last_fault": Union[str, None],
    "cache": dict[str, Any],
    "services": list[dict[str, Any]],
})

PolicySwitches = TypedDict("PolicySwitches", {
    "mode": NotRequired[Union[Literal["off", "dry_run", "enforce"], None]],
    "canary_percent": NotRequired[Union[int, None]],
    "halted": NotRequired[Union[bool, None]],
})

PolicyDocument = TypedDict("PolicyDocument", {
    "http": NotRequired[Union[dict[str, Any], None]],
    "tools": NotRequired[Union[dict[str, Any], None]],
    "models": NotRequired[Union[dict[str, Any], None]],
    "approvals": NotRequired[Union[dict[str, Any], None]],
    "sessions": NotRequired[Union[dict[str, Any], None]],
    "runners": NotRequired[Union[dict[str, Any], None]],
})

PolicyData = TypedDict("PolicyData", {
    "tenant_id": str,
    "data": dict[str, Any],
    "status": Literal["active", "suspended"],
    "version": int,
    "updated_at": Union[str, None],
    "updated_by": Union[str, None],
})

NewPolicyData = TypedDict("NewPolicyData", {
    "data": "PolicyDocument",
})

NewPolicyDataOfTenant = TypedDict("NewPolicyDataOfTenant", {
    "data": "PolicyDocument",
    "status": NotRequired[Union[Literal["active", "suspended"], None]],
})

PolicyQuestion = TypedDict("PolicyQuestion", {
    "decision": NotRequired[Union[Literal["http", "tools", "models", "approvals"], None]],
    "method": NotRequired[Union[str, None]],
    "path": NotRequired[Union[str, None]],
    "role": NotRequired[Union[Literal["owner", "admin", "operator", "member", "viewer"], None]],
    "grants": NotRequired[Union[list[str], None]],
    "input": NotRequired[Union[dict[str, Any], None]],
})

PolicyExplanation = TypedDict("PolicyExplanation", {
    "decision": str,
    "mode": Literal["off", "dry_run", "enforce"],
    "is_halted": bool,
    "explanation": dict[str, Any],
})

FieldFault = TypedDict("FieldFault", {
    "pointer": str,
    "code": str,
    "detail": str,
})


class APIError(Exception):
    """An answer that is a problem (RFC 9457). `code` is stable: decide by it."""

    def __init__(self, status: int, document: dict[str, Any], retry_after: Optional[float] = None):
        self.status = status
        self.code: str = document.get("code", "")
        self.detail: str = document.get("detail", "")
        self.errors: list[dict[str, str]] = document.get("errors", [])
        self.trace_id: Optional[str] = document.get("trace_id")
        self.document = document
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail}")


class Lagged(Exception):
    """A stream was ended because it was read too slowly; go on behind the event `after`."""

    def __init__(self, after: int):
        self.after = after
        super().__init__(f"read too slowly; go on behind event {after}")


def _segment(value: Any) -> str:
    return urllib.parse.quote(str(value), safe="")


def _etag(version: Union[int, str, None]) -> Optional[str]:
    return f'"{version}"' if isinstance(version, int) else version


def _item(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Client:
    """The API of one installation, with one credential. Not for several threads at a time."""

    # Statuses after which the same request may succeed, and nothing was done.
    _RETRIED = (429, 503)
    _ENDS = ("run.succeeded", "run.failed", "run.cancelled")

    def __init__(self, base_url: str, key: str, *, timeout: float = 90, retries: int = 2, retry_seconds_max: float = 30):
        """`retries`: how often a request is repeated that was refused for now, or whose connection broke and that is
        safe to repeat. Every POST that takes an Idempotency-Key has one, so that it is."""
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must be a URL with http or https")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._timeout, self._retries, self._retry_seconds_max = timeout, retries, retry_seconds_max
        self._connection: Optional[http.client.HTTPConnection] = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _call(
        self, method: str, path: str, *, query: Optional[dict[str, Any]] = None,
        headers: Optional[dict[str, Optional[str]]] = None, body: Any = None, has_key: bool = False,
    ) -> Any:
        target = self._target(path, query)
        fields = self._headers | {name: value for name, value in (headers or {}).items() if value is not None}
        if has_key and "Idempotency-Key" not in fields:
            fields["Idempotency-Key"] = uuid.uuid4().hex
        content: Optional[bytes] = body
        if body is not None and not isinstance(body, (bytes, bytearray)):
            content = json.dumps(body).encode()
            fields["Content-Type"] = "application/json"
        elif body is not None:
            fields["Content-Type"] = "application/octet-stream"
        is_safe = has_key or (method in ("GET", "PUT", "DELETE") and "If-Match" not in fields)
        tries = 0
        while True:
            try:
                return self._once(method, target, fields, content)
            except APIError as error:
                pause = error.retry_after if error.retry_after is not None else 2.0**tries
                if error.status not in self._RETRIED or tries >= self._retries or pause > self._retry_seconds_max:
                    raise
            except (OSError, http.client.HTTPException):
                self.close()
                pause = 0.2 * 2**tries
                if not is_safe or tries >= self._retries:
                    raise
            tries += 1
            time.sleep(pause)

    def _target(self, path: str, query: Optional[dict[str, Any]]) -> str:
        pairs = []
        for name, value in (query or {}).items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if one is not None:
                    pairs.append((name, _item(one)))
        return self._prefix + path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")

    def _once(self, method: str, target: str, fields: dict[str, str], content: Optional[bytes]) -> Any:
        connection = self._connection = self._connection or self._connect()
        connection.request(method, target, body=content, headers=fields)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 400:
            raise self._problem(answer, body)
        if not body:
            return None
        return json.loads(body) if "json" in answer.headers.get("Content-Type", "") else body

    @staticmethod
    def _problem(answer: http.client.HTTPResponse, body: bytes) -> APIError:
        try:
            document = json.loads(body)
        except ValueError:
            document = {}
        after = answer.headers.get("Retry-After", "")
        return APIError(
            answer.status, document if isinstance(document, dict) else {}, float(after) if after.isdigit() else None)

    def stream_run_events(
        self, id: str, *, after: int = 0, type: Optional[list[str]] = None, step: Optional[list[str]] = None,
    ) -> Iterator[RunEvent]:
        """The events of a run as they come, until it has ended. A stream that breaks goes on behind the last event;
        one that is read too slowly raises `Lagged`."""
        failures = 0
        while True:
            before = after
            try:
                for name, data in self._events(id, after, type, step):
                    if name == "lagged":
                        raise Lagged(data["after"])
                    after = data["seq"]
                    yield data
                    if name in self._ENDS:
                        return
                if after == before and self.get_run(id)["ended_at"] is not None:
                    return
            except (OSError, http.client.HTTPException):
                if failures >= self._retries:
                    raise
            except APIError as error:
                if error.status < 500 or failures >= self._retries:
                    raise
            failures = failures + 1 if after == before else 0
            time.sleep(min(0.2 * 2**failures, self._retry_seconds_max))

    def _events(
        self, id: str, after: int, type: Optional[list[str]], step: Optional[list[str]],
    ) -> Iterator[tuple[str, Any]]:
        connection = self._connect()
        try:
            target = self._target(f"/api/v1/runs/{_segment(id)}/events", {"type": type, "step": step})
            fields = self._headers | {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            connection.request("GET", target, headers=fields)
            answer = connection.getresponse()
            if answer.status != 200:
                raise self._problem(answer, answer.read())
            name, lines = "", []
            while line := answer.readline():
                line = line.rstrip(b"\r\n")
                if line.startswith(b"event:"):
                    name = line[6:].strip().decode()
                elif line.startswith(b"data:"):
                    lines.append(line[5:].removeprefix(b" "))
                elif not line and lines:
                    yield name, json.loads(b"\n".join(lines))
                    name, lines = "", []
        finally:
            connection.close()

    def wait_for_run(self, id: str) -> Run:
        """Waits for the end of a run, and returns it."""
        for _ in self.stream_run_events(id):
            pass
        return self.get_run(id)

    def list_providers(self) -> "Providers":
        """Lists the providers with their health."""
        return self._call("GET", "/api/v1/providers")

    def get_provider(self, provider: str) -> "Provider":
        """Describes a provider."""
        return self._call("GET", f"/api/v1/providers/{_segment(provider)}")

    def put_provider(
        self,
        provider: str,
        body: "ProviderDefinition",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "Provider":
        """Creates or changes a provider."""
        return self._call(
            "PUT",
            f"/api/v1/providers/{_segment(provider)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_provider(self, provider: str) -> None:
        """Deletes a provider."""
        return self._call("DELETE", f"/api/v1/providers/{_segment(provider)}")

    def forget_provider_failures(self, provider: str) -> None:
        """Forgets the failures of a provider, so that it is asked again at once."""
        return self._call("DELETE", f"/api/v1/providers/{_segment(provider)}/health")

    def get_model(self, provider: str, model: str) -> "Model":
        """Describes a model of a provider."""
        return self._call("GET", f"/api/v1/providers/{_segment(provider)}/models/{_segment(model)}")

    def put_model(
        self,
        provider: str,
        model: str,
        body: "ModelDefinition",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "Model":
        """Creates or changes a model of a provider."""
        return self._call(
            "PUT",
            f"/api/v1/providers/{_segment(provider)}/models/{_segment(model)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_model(self, provider: str, model: str) -> None:
        """Deletes a model of a provider."""
        return self._call("DELETE", f"/api/v1/providers/{_segment(provider)}/models/{_segment(model)}")

    def list_models(
        self,
        *,
        provider: Optional[str] = None,
        tier: Optional[Literal["small", "medium", "large"]] = None,
    ) -> "Models":
        """Lists the models with their properties and prices.

        All of them."""
        return self._call("GET", "/api/v1/models", query={"provider": provider, "tier": tier})

    def list_aliases(self) -> "Aliases":
        """Lists the aliases.

        All of them."""
        return self._call("GET", "/api/v1/aliases")

    def get_alias(self, alias: str) -> "Alias":
        """Describes an alias."""
        return self._call("GET", f"/api/v1/aliases/{_segment(alias)}")

    def put_alias(self, alias: str, body: "AliasDefinition", *, if_match: Union[int, str, None] = None) -> "Alias":
        """Creates or changes an alias."""
        return self._call(
            "PUT",
            f"/api/v1/aliases/{_segment(alias)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_alias(self, alias: str) -> None:
        """Deletes an alias."""
        return self._call("DELETE", f"/api/v1/aliases/{_segment(alias)}")

    def list_budgets(self) -> "Budgets":
        """Lists the budgets with what is spent."""
        return self._call("GET", "/api/v1/budgets")

    def create_budget(self, body: "NewBudget", *, idempotency_key: Optional[str] = None) -> "Budget":
        """Creates a budget."""
        return self._call(
            "POST",
            "/api/v1/budgets",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_budget(self, id: str, *, subject: Optional[str] = None) -> "Budget":
        """Describes a budget."""
        return self._call("GET", f"/api/v1/budgets/{_segment(id)}", query={"subject": subject})

    def change_budget(self, id: str, body: "BudgetChange", *, if_match: Union[int, str, None] = None) -> "Budget":
        """Changes a budget."""
        return self._call(
            "PATCH",
            f"/api/v1/budgets/{_segment(id)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_budget(self, id: str) -> None:
        """Deletes a budget."""
        return self._call("DELETE", f"/api/v1/budgets/{_segment(id)}")

    def list_rate_limits(self) -> "RateLimits":
        """Lists the rate limits."""
        return self._call("GET", "/api/v1/rate-limits")

    def create_rate_limit(self, body: "NewRateLimit", *, idempotency_key: Optional[str] = None) -> "RateLimit":
        """Creates a rate limit."""
        return self._call(
            "POST",
            "/api/v1/rate-limits",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_rate_limit(self, id: str) -> "RateLimit":
        """Describes a rate limit."""
        return self._call("GET", f"/api/v1/rate-limits/{_segment(id)}")

    def delete_rate_limit(self, id: str) -> None:
        """Deletes a rate limit."""
        return self._call("DELETE", f"/api/v1/rate-limits/{_segment(id)}")

    def create_virtual_key(self, body: "NewVirtualKey", *, idempotency_key: Optional[str] = None) -> "VirtualKey":
        """Makes a key with models, a budget and an end of its own."""
        return self._call(
            "POST",
            "/api/v1/virtual-keys",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def revoke_virtual_key(self, id: str) -> None:
        """Revokes a virtual key."""
        return self._call("DELETE", f"/api/v1/virtual-keys/{_segment(id)}")

    def get_usage(
        self,
        *,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        project: Optional[str] = None,
        group: Optional[str] = None,
        agent: Optional[str] = None,
        tool: Optional[str] = None,
        key: Optional[str] = None,
        run: Optional[str] = None,
        step: Optional[str] = None,
        principal: Optional[str] = None,
        model: Optional[str] = None,
        model_asked: Optional[str] = None,
        provider: Optional[str] = None,
        outcome: Optional[str] = None,
        cache: Optional[str] = None,
        dialect: Optional[str] = None,
        group_by: Optional[str] = None,
        bucket: Optional[Literal["hour", "day", "month"]] = None,
        format_: Optional[Literal["json", "csv"]] = None,
    ) -> "UsageReport":
        """Sums up what was used, by time and labels."""
        return self._call(
            "GET",
            "/api/v1/usage",
            query={"from": from_, "to": to, "project": project, "group": group, "agent": agent, "tool": tool, "key": key, "run": run, "step": step, "principal": principal, "model": model, "model_asked": model_asked, "provider": provider, "outcome": outcome, "cache": cache, "dialect": dialect, "group_by": group_by, "bucket": bucket, "format": format_},
        )

    def list_calls(
        self,
        *,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        project: Optional[str] = None,
        group: Optional[str] = None,
        agent: Optional[str] = None,
        tool: Optional[str] = None,
        key: Optional[str] = None,
        run: Optional[str] = None,
        step: Optional[str] = None,
        principal: Optional[str] = None,
        model: Optional[str] = None,
        model_asked: Optional[str] = None,
        provider: Optional[str] = None,
        outcome: Optional[str] = None,
        cache: Optional[str] = None,
        dialect: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "ModelCallPage":
        """Lists model calls.

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/calls",
            query={"from": from_, "to": to, "project": project, "group": group, "agent": agent, "tool": tool, "key": key, "run": run, "step": step, "principal": principal, "model": model, "model_asked": model_asked, "provider": provider, "outcome": outcome, "cache": cache, "dialect": dialect, "limit": limit, "cursor": cursor},
        )

    def iterate_calls(
        self,
        *,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        project: Optional[str] = None,
        group: Optional[str] = None,
        agent: Optional[str] = None,
        tool: Optional[str] = None,
        key: Optional[str] = None,
        run: Optional[str] = None,
        step: Optional[str] = None,
        principal: Optional[str] = None,
        model: Optional[str] = None,
        model_asked: Optional[str] = None,
        provider: Optional[str] = None,
        outcome: Optional[str] = None,
        cache: Optional[str] = None,
        dialect: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["ModelCall"]:
        """Every entry of `list_calls`, page by page."""
        while True:
            page = self.list_calls(from_=from_, to=to, project=project, group=group, agent=agent, tool=tool, key=key, run=run, step=step, principal=principal, model=model, model_asked=model_asked, provider=provider, outcome=outcome, cache=cache, dialect=dialect, limit=limit, cursor=cursor)
            yield from page["calls"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_call(self, id: str) -> "ModelCallWithAttempts":
        """Describes a model call with its attempts."""
        return self._call("GET", f"/api/v1/calls/{_segment(id)}")

    def list_tasks(
        self,
        *,
        project_id: Optional[str] = None,
        workflow: Optional[str] = None,
        label: Optional[str] = None,
        status: Optional[Literal["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]] = None,
        archived: Optional[bool] = None,
        task_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "TaskPage":
        """Lists tasks.

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/tasks",
            query={"project_id": project_id, "workflow": workflow, "label": label, "status": status, "archived": archived, "task_id": task_id, "limit": limit, "cursor": cursor},
        )

    def iterate_tasks(
        self,
        *,
        project_id: Optional[str] = None,
        workflow: Optional[str] = None,
        label: Optional[str] = None,
        status: Optional[Literal["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]] = None,
        archived: Optional[bool] = None,
        task_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Task"]:
        """Every entry of `list_tasks`, page by page."""
        while True:
            page = self.list_tasks(project_id=project_id, workflow=workflow, label=label, status=status, archived=archived, task_id=task_id, limit=limit, cursor=cursor)
            yield from page["tasks"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def submit_task(
        self,
        body: "NewTask",
        *,
        wait: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> "Task":
        """Submits a task, and waits for its end when `Prefer: wait` says so.

        The task is durable before it is answered."""
        return self._call(
            "POST",
            "/api/v1/tasks",
            headers={"Prefer": None if wait is None else f"wait={wait}", "Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_task(self, id: str) -> "Task":
        """Describes a task with its newest run."""
        return self._call("GET", f"/api/v1/tasks/{_segment(id)}")

    def change_task(self, id: str, body: "TaskChange", *, if_match: Union[int, str, None] = None) -> "Task":
        """Changes a task.

        What the task does is fixed by its run."""
        return self._call("PATCH", f"/api/v1/tasks/{_segment(id)}", headers={"If-Match": _etag(if_match)}, body=body)

    def archive_task(self, id: str, *, if_match: Union[int, str, None] = None) -> "Task":
        """Archives a task whose run has ended.

        Lists leave it out; its history stays."""
        return self._call("DELETE", f"/api/v1/tasks/{_segment(id)}", headers={"If-Match": _etag(if_match)})

    def list_runs(
        self,
        *,
        project_id: Optional[str] = None,
        workflow: Optional[str] = None,
        label: Optional[str] = None,
        status: Optional[Literal["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]] = None,
        archived: Optional[bool] = None,
        task_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "RunPage":
        """Lists runs.

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/runs",
            query={"project_id": project_id, "workflow": workflow, "label": label, "status": status, "archived": archived, "task_id": task_id, "limit": limit, "cursor": cursor},
        )

    def iterate_runs(
        self,
        *,
        project_id: Optional[str] = None,
        workflow: Optional[str] = None,
        label: Optional[str] = None,
        status: Optional[Literal["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]] = None,
        archived: Optional[bool] = None,
        task_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Run"]:
        """Every entry of `list_runs`, page by page."""
        while True:
            page = self.list_runs(project_id=project_id, workflow=workflow, label=label, status=status, archived=archived, task_id=task_id, limit=limit, cursor=cursor)
            yield from page["runs"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def cancel_runs(
        self,
        body: "BulkCancellation",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "BulkCancellationResult":
        """Cancels many runs.

        Up to 1,000 at once."""
        return self._call(
            "POST",
            "/api/v1/runs/bulk-cancel",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_run(self, id: str) -> "Run":
        """Describes a run."""
        return self._call("GET", f"/api/v1/runs/{_segment(id)}")

    def list_run_events(
        self,
        id: str,
        *,
        after: Optional[int] = None,
        limit: Optional[int] = None,
        type: Optional[list[str]] = None,
        step: Optional[list[str]] = None,
        agent: Optional[list[str]] = None,
        last_event_id: Optional[str] = None,
    ) -> "RunEventPage":
        """Reads the history of a run, in pages or as a live stream."""
        return self._call(
            "GET",
            f"/api/v1/runs/{_segment(id)}/events",
            query={"after": after, "limit": limit, "type": type, "step": step, "agent": agent},
            headers={"Last-Event-ID": last_event_id},
        )

    def iterate_run_events(
        self,
        id: str,
        *,
        after: Optional[int] = None,
        limit: Optional[int] = None,
        type: Optional[list[str]] = None,
        step: Optional[list[str]] = None,
        agent: Optional[list[str]] = None,
        last_event_id: Optional[str] = None,
    ) -> Iterator["RunEvent"]:
        """Every entry of `list_run_events`, page by page."""
        while True:
            page = self.list_run_events(id, after=after, limit=limit, type=type, step=step, agent=agent, last_event_id=last_event_id)
            yield from page["events"]
            after = page["next_after"]
            if after is None:
                return

    def list_run_steps(self, id: str, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "StepPage":
        """Lists the steps of a run."""
        return self._call("GET", f"/api/v1/runs/{_segment(id)}/steps", query={"limit": limit, "cursor": cursor})

    def iterate_run_steps(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Step"]:
        """Every entry of `list_run_steps`, page by page."""
        while True:
            page = self.list_run_steps(id, limit=limit, cursor=cursor)
            yield from page["steps"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_run_result(self, id: str) -> Any:
        """Reads the output of a run."""
        return self._call("GET", f"/api/v1/runs/{_segment(id)}/result")

    def get_run_bundle(self, id: str) -> "RunBundle":
        """Downloads a run as one file.

        For `cadre replay`, and for keeping."""
        return self._call("GET", f"/api/v1/runs/{_segment(id)}/bundle")

    def cancel_run(
        self,
        id: str,
        body: Optional["Cancellation"] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> "Run":
        """Cancels a run.

        A run that has something to undo is `compensating` first."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/cancel",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def pause_run(self, id: str, *, idempotency_key: Optional[str] = None) -> "Run":
        """Pauses a run."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/pause",
            headers={"Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def resume_run(self, id: str, *, idempotency_key: Optional[str] = None) -> "Run":
        """Resumes a paused run."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/resume",
            headers={"Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def signal_run(self, id: str, body: "Signal", *, idempotency_key: Optional[str] = None) -> "SignalReceipt":
        """Sends a signal to a run."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/signals",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def replay_run(self, id: str, *, idempotency_key: Optional[str] = None) -> "ReplayReport":
        """Replays the history of a run and reports differences."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/replay",
            headers={"Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def retry_run(
        self,
        id: str,
        body: Optional["Continuation"] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> "Run":
        """Makes a new run that goes on from what failed."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/retry",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def fork_run(self, id: str, body: "Fork", *, idempotency_key: Optional[str] = None) -> "Run":
        """Makes a new run out of the beginning of an old one."""
        return self._call(
            "POST",
            f"/api/v1/runs/{_segment(id)}/fork",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_step(self, id: str) -> "StepWithWait":
        """Describes a step."""
        return self._call("GET", f"/api/v1/steps/{_segment(id)}")

    def list_step_calls(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "StepCallPage":
        """Lists what the attempts of a step have recorded."""
        return self._call("GET", f"/api/v1/steps/{_segment(id)}/calls", query={"limit": limit, "cursor": cursor})

    def iterate_step_calls(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["StepCall"]:
        """Every entry of `list_step_calls`, page by page."""
        while True:
            page = self.list_step_calls(id, limit=limit, cursor=cursor)
            yield from page["calls"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_step_belief(self, id: str) -> "StepBelief":
        """Reads what the agent of a step believes."""
        return self._call("GET", f"/api/v1/steps/{_segment(id)}/belief")

    def list_approvals(
        self,
        *,
        status: Optional[Literal["pending", "approved", "rejected", "answered", "expired", "withdrawn"]] = None,
        run_id: Optional[str] = None,
        project_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "ApprovalPage":
        """Lists approvals.

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/approvals",
            query={"status": status, "run_id": run_id, "project_id": project_id, "limit": limit, "cursor": cursor},
        )

    def iterate_approvals(
        self,
        *,
        status: Optional[Literal["pending", "approved", "rejected", "answered", "expired", "withdrawn"]] = None,
        run_id: Optional[str] = None,
        project_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Approval"]:
        """Every entry of `list_approvals`, page by page."""
        while True:
            page = self.list_approvals(status=status, run_id=run_id, project_id=project_id, limit=limit, cursor=cursor)
            yield from page["approvals"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_approval(self, id: str) -> "Approval":
        """Describes an approval."""
        return self._call("GET", f"/api/v1/approvals/{_segment(id)}")

    def decide_approval(self, id: str, body: "Decision", *, idempotency_key: Optional[str] = None) -> "Approval":
        """Approves or rejects.

        The decision is bound to the digest of what was read."""
        return self._call(
            "POST",
            f"/api/v1/approvals/{_segment(id)}/decision",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def settle_approval(self, id: str, body: "CallOutcome", *, idempotency_key: Optional[str] = None) -> "Approval":
        """Says what became of a call.

        For the kind `unknown_outcome`."""
        return self._call(
            "POST",
            f"/api/v1/approvals/{_segment(id)}/outcome",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def list_questions(
        self,
        *,
        status: Optional[Literal["pending", "answered", "expired", "withdrawn"]] = None,
        run_id: Optional[str] = None,
        project_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "QuestionPage":
        """Lists the questions of agents.

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/questions",
            query={"status": status, "run_id": run_id, "project_id": project_id, "limit": limit, "cursor": cursor},
        )

    def iterate_questions(
        self,
        *,
        status: Optional[Literal["pending", "answered", "expired", "withdrawn"]] = None,
        run_id: Optional[str] = None,
        project_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Question"]:
        """Every entry of `list_questions`, page by page."""
        while True:
            page = self.list_questions(status=status, run_id=run_id, project_id=project_id, limit=limit, cursor=cursor)
            yield from page["questions"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_question(self, id: str) -> "Question":
        """Describes a question."""
        return self._call("GET", f"/api/v1/questions/{_segment(id)}")

    def answer_question(
        self,
        id: str,
        body: "QuestionAnswer",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "Question":
        """Answers a question."""
        return self._call(
            "POST",
            f"/api/v1/questions/{_segment(id)}/answer",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def list_workflows(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "WorkflowPage":
        """Lists workflows.

        By name; the built-in ones stand at the end of the first page."""
        return self._call("GET", "/api/v1/workflows", query={"limit": limit, "cursor": cursor})

    def iterate_workflows(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Iterator["Workflow"]:
        """Every entry of `list_workflows`, page by page."""
        while True:
            page = self.list_workflows(limit=limit, cursor=cursor)
            yield from page["workflows"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_workflow(self, body: "WorkflowDocument", *, idempotency_key: Optional[str] = None) -> "Workflow":
        """Creates a workflow."""
        return self._call(
            "POST",
            "/api/v1/workflows",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def validate_workflow(
        self,
        body: "WorkflowDocument",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "WorkflowCheck":
        """Checks a document without storing it."""
        return self._call(
            "POST",
            "/api/v1/workflows/validate",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_workflow(self, name: str) -> "Workflow":
        """Describes a workflow."""
        return self._call("GET", f"/api/v1/workflows/{_segment(name)}")

    def put_workflow(
        self,
        name: str,
        body: "WorkflowDocument",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "Workflow":
        """Adds a version of a workflow."""
        return self._call(
            "PUT",
            f"/api/v1/workflows/{_segment(name)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_workflow(self, name: str) -> None:
        """Deletes a workflow that no run has used."""
        return self._call("DELETE", f"/api/v1/workflows/{_segment(name)}")

    def list_workflow_versions(self, name: str) -> "WorkflowVersions":
        """Lists the versions of a workflow.

        Newest first, at most 1,000."""
        return self._call("GET", f"/api/v1/workflows/{_segment(name)}/versions")

    def get_workflow_version(self, name: str, version: int) -> "Workflow":
        """Reads a version."""
        return self._call("GET", f"/api/v1/workflows/{_segment(name)}/versions/{_segment(version)}")

    def check_workflow_compatibility(
        self,
        name: str,
        body: "WorkflowDocument",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "WorkflowCompatibility":
        """Lists the open runs that a document would break."""
        return self._call(
            "POST",
            f"/api/v1/workflows/{_segment(name)}/compatibility",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def list_projects(
        self,
        *,
        archived: Optional[bool] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "ProjectPage":
        """Lists projects.

        Newest first."""
        return self._call("GET", "/api/v1/projects", query={"archived": archived, "limit": limit, "cursor": cursor})

    def iterate_projects(
        self,
        *,
        archived: Optional[bool] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Project"]:
        """Every entry of `list_projects`, page by page."""
        while True:
            page = self.list_projects(archived=archived, limit=limit, cursor=cursor)
            yield from page["projects"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_project(self, body: "NewProject", *, idempotency_key: Optional[str] = None) -> "Project":
        """Creates a project."""
        return self._call(
            "POST",
            "/api/v1/projects",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_project(self, id: str) -> "Project":
        """Describes a project."""
        return self._call("GET", f"/api/v1/projects/{_segment(id)}")

    def change_project(self, id: str, body: "ProjectChange", *, if_match: Union[int, str, None] = None) -> "Project":
        """Changes a project."""
        return self._call(
            "PATCH",
            f"/api/v1/projects/{_segment(id)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def archive_project(self, id: str, *, if_match: Union[int, str, None] = None) -> "Project":
        """Archives a project."""
        return self._call("DELETE", f"/api/v1/projects/{_segment(id)}", headers={"If-Match": _etag(if_match)})

    def list_limits(self) -> "Limits":
        """Lists the limits of concurrency.

        All of them, at most 1,000."""
        return self._call("GET", "/api/v1/limits")

    def set_limit(
        self,
        scope: Literal["tenant", "project", "agent", "model", "lock"],
        name: str,
        body: "Slots",
    ) -> "Slots":
        """Sets a limit of concurrency."""
        return self._call("PUT", f"/api/v1/limits/{_segment(scope)}/{_segment(name)}", body=body)

    def remove_limit(self, scope: Literal["tenant", "project", "agent", "model", "lock"], name: str) -> None:
        """Removes a limit of concurrency."""
        return self._call("DELETE", f"/api/v1/limits/{_segment(scope)}/{_segment(name)}")

    def list_schedules(
        self,
        *,
        project_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "SchedulePage":
        """Lists schedules.

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/schedules",
            query={"project_id": project_id, "limit": limit, "cursor": cursor},
        )

    def iterate_schedules(
        self,
        *,
        project_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator[dict[str, Any]]:
        """Every entry of `list_schedules`, page by page."""
        while True:
            page = self.list_schedules(project_id=project_id, limit=limit, cursor=cursor)
            yield from page["schedules"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_schedule(self, body: "NewSchedule", *, idempotency_key: Optional[str] = None) -> "Schedule":
        """Creates a schedule."""
        return self._call(
            "POST",
            "/api/v1/schedules",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def preview_schedule(self, body: "Cron", *, idempotency_key: Optional[str] = None) -> "CronTimes":
        """Lists the next times of a cron expression."""
        return self._call(
            "POST",
            "/api/v1/schedules/preview",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_schedule(self, id: str) -> "Schedule":
        """Describes a schedule."""
        return self._call("GET", f"/api/v1/schedules/{_segment(id)}")

    def change_schedule(
        self,
        id: str,
        body: "ScheduleChange",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "Schedule":
        """Changes a schedule."""
        return self._call(
            "PATCH",
            f"/api/v1/schedules/{_segment(id)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_schedule(self, id: str) -> None:
        """Deletes a schedule."""
        return self._call("DELETE", f"/api/v1/schedules/{_segment(id)}")

    def list_weights(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> "WeightPage":
        """Lists the weights of tenants."""
        return self._call("GET", "/operator/v1/weights", query={"limit": limit, "after": after})

    def iterate_weights(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
    ) -> Iterator["TenantWeight"]:
        """Every entry of `list_weights`, page by page."""
        while True:
            page = self.list_weights(limit=limit, after=after)
            yield from page["weights"]
            after = page["next_after"]
            if after is None:
                return

    def set_weight(self, tenant: str, body: "Weight") -> "TenantWeight":
        """Sets the weight of a tenant."""
        return self._call("PUT", f"/operator/v1/weights/{_segment(tenant)}", body=body)

    def remove_weight(self, tenant: str) -> None:
        """Removes the weight of a tenant."""
        return self._call("DELETE", f"/operator/v1/weights/{_segment(tenant)}")

    def rotate_mcp_secrets(
        self,
        *,
        cursor: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> "SecretRotation":
        """Seals secrets of MCP servers under the newest key, a hundred at a time (`?cursor=`).

        A part of all of them; go on with `next_cursor`."""
        return self._call(
            "POST",
            "/operator/v1/mcp-servers/secrets/rotation",
            query={"cursor": cursor},
            headers={"Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def list_uploads(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "ArtefactPage":
        """Lists uploads that wait for a task.

        Newest first."""
        return self._call("GET", "/api/v1/artefacts", query={"limit": limit, "cursor": cursor})

    def iterate_uploads(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Iterator["Artefact"]:
        """Every entry of `list_uploads`, page by page."""
        while True:
            page = self.list_uploads(limit=limit, cursor=cursor)
            yield from page["artefacts"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def upload_artefact(self, body: bytes, *, name: str, idempotency_key: Optional[str] = None) -> "Artefact":
        """Uploads a file (`?name=`) that tasks can name as an input.

        The body is stored as it is."""
        return self._call(
            "POST",
            "/api/v1/artefacts",
            query={"name": name},
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_artefact(self, id: str) -> "Artefact":
        """Describes a file."""
        return self._call("GET", f"/api/v1/artefacts/{_segment(id)}")

    def delete_upload(self, id: str) -> None:
        """Deletes an upload that belongs to no run."""
        return self._call("DELETE", f"/api/v1/artefacts/{_segment(id)}")

    def get_artefact_content(
        self,
        id: str,
        *,
        range: Optional[str] = None,
        if_range: Optional[str] = None,
        if_none_match: Optional[str] = None,
    ) -> bytes:
        """Downloads a file, or a range of it."""
        return self._call(
            "GET",
            f"/api/v1/artefacts/{_segment(id)}/content",
            headers={"Range": range, "If-Range": if_range, "If-None-Match": if_none_match},
        )

    def list_run_artefacts(
        self,
        id: str,
        *,
        versions: Optional[Literal["newest", "all"]] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "ArtefactPage":
        """Lists the files of a run.

        By name."""
        return self._call(
            "GET",
            f"/api/v1/runs/{_segment(id)}/artefacts",
            query={"versions": versions, "limit": limit, "cursor": cursor},
        )

    def iterate_run_artefacts(
        self,
        id: str,
        *,
        versions: Optional[Literal["newest", "all"]] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Artefact"]:
        """Every entry of `list_run_artefacts`, page by page."""
        while True:
            page = self.list_run_artefacts(id, versions=versions, limit=limit, cursor=cursor)
            yield from page["artefacts"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def list_memories(
        self,
        *,
        project_id: Optional[str] = None,
        q: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "MemoryPage":
        """Lists memories of a project, or searches them (`?q=`).

        Newest first; with `q` up to 50 that fit, best first."""
        return self._call(
            "GET",
            "/api/v1/memories",
            query={"project_id": project_id, "q": q, "limit": limit, "cursor": cursor},
        )

    def iterate_memories(
        self,
        *,
        project_id: Optional[str] = None,
        q: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Memory"]:
        """Every entry of `list_memories`, page by page."""
        while True:
            page = self.list_memories(project_id=project_id, q=q, limit=limit, cursor=cursor)
            yield from page["memories"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def add_memory(self, body: "NewMemory", *, idempotency_key: Optional[str] = None) -> "Memory":
        """Stores a memory."""
        return self._call(
            "POST",
            "/api/v1/memories",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_memory(self, id: str) -> "Memory":
        """Describes a memory."""
        return self._call("GET", f"/api/v1/memories/{_segment(id)}")

    def delete_memory(self, id: str) -> None:
        """Deletes a memory."""
        return self._call("DELETE", f"/api/v1/memories/{_segment(id)}")

    def list_tools(
        self,
        *,
        source: Optional[Literal["built_in", "user", "mcp"]] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "ToolPage":
        """Lists tools: built-in ones, those of users and of MCP servers.

        By name."""
        return self._call("GET", "/api/v1/tools", query={"source": source, "limit": limit, "cursor": cursor})

    def iterate_tools(
        self,
        *,
        source: Optional[Literal["built_in", "user", "mcp"]] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Tool"]:
        """Every entry of `list_tools`, page by page."""
        while True:
            page = self.list_tools(source=source, limit=limit, cursor=cursor)
            yield from page["tools"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def add_tool(self, body: "NewTool", *, idempotency_key: Optional[str] = None) -> "Tool":
        """Adds a version of a tool: its manifest and its source."""
        return self._call(
            "POST",
            "/api/v1/tools",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_tool(self, name: str) -> "Tool":
        """Describes a tool."""
        return self._call("GET", f"/api/v1/tools/{_segment(name)}")

    def delete_tool(self, name: str) -> None:
        """Deletes a tool of a user with all its versions."""
        return self._call("DELETE", f"/api/v1/tools/{_segment(name)}")

    def list_mcp_servers(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "MCPServerPage":
        """Lists MCP servers with their state.

        Newest first; those of the configuration stand in front."""
        return self._call("GET", "/api/v1/mcp-servers", query={"limit": limit, "cursor": cursor})

    def iterate_mcp_servers(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["MCPServer"]:
        """Every entry of `list_mcp_servers`, page by page."""
        while True:
            page = self.list_mcp_servers(limit=limit, cursor=cursor)
            yield from page["mcp_servers"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def register_mcp_server(self, body: "NewMCPServer", *, idempotency_key: Optional[str] = None) -> "MCPServer":
        """Registers an MCP server."""
        return self._call(
            "POST",
            "/api/v1/mcp-servers",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_mcp_server(self, id: str) -> "MCPServer":
        """Describes an MCP server."""
        return self._call("GET", f"/api/v1/mcp-servers/{_segment(id)}")

    def change_mcp_server(
        self,
        id: str,
        body: "MCPServerChange",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "MCPServer":
        """Changes an MCP server."""
        return self._call(
            "PATCH",
            f"/api/v1/mcp-servers/{_segment(id)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def delete_mcp_server(self, id: str) -> None:
        """Deletes an MCP server with its tools."""
        return self._call("DELETE", f"/api/v1/mcp-servers/{_segment(id)}")

    def list_mcp_server_tools(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "MCPToolPage":
        """Lists the tools of an MCP server, as they are and as they were approved.

        By name."""
        return self._call(
            "GET",
            f"/api/v1/mcp-servers/{_segment(id)}/tools",
            query={"limit": limit, "cursor": cursor},
        )

    def iterate_mcp_server_tools(
        self,
        id: str,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["MCPTool"]:
        """Every entry of `list_mcp_server_tools`, page by page."""
        while True:
            page = self.list_mcp_server_tools(id, limit=limit, cursor=cursor)
            yield from page["tools"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def approve_mcp_tool(
        self,
        id: str,
        name: str,
        body: "ToolApproval",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "MCPTool":
        """Approves the definition of a tool."""
        return self._call(
            "POST",
            f"/api/v1/mcp-servers/{_segment(id)}/tools/{_segment(name)}/approve",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_caller(self) -> "Caller":
        """Describes who asks: tenant, role and grants."""
        return self._call("GET", "/api/v1/me")

    def list_keys(
        self,
        *,
        subject: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "APIKeyPage":
        """Lists API keys: one's own, or all of the tenant for its admins.

        Newest first."""
        return self._call("GET", "/api/v1/keys", query={"subject": subject, "limit": limit, "cursor": cursor})

    def iterate_keys(
        self,
        *,
        subject: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["APIKey"]:
        """Every entry of `list_keys`, page by page."""
        while True:
            page = self.list_keys(subject=subject, limit=limit, cursor=cursor)
            yield from page["keys"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_key(self, body: "NewAPIKey", *, idempotency_key: Optional[str] = None) -> "APIKeyWithText":
        """Makes an API key; its text is shown once."""
        return self._call(
            "POST",
            "/api/v1/keys",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_key(self, id: str) -> "APIKey":
        """Describes an API key."""
        return self._call("GET", f"/api/v1/keys/{_segment(id)}")

    def revoke_key(self, id: str, *, if_match: Union[int, str, None] = None) -> None:
        """Revokes an API key."""
        return self._call("DELETE", f"/api/v1/keys/{_segment(id)}", headers={"If-Match": _etag(if_match)})

    def rotate_key(
        self,
        id: str,
        body: Optional["Rotation"] = None,
        *,
        if_match: Union[int, str, None] = None,
        idempotency_key: Optional[str] = None,
    ) -> "APIKeyWithText":
        """Gives an API key a new text; the one before stays good for a while."""
        return self._call(
            "POST",
            f"/api/v1/keys/{_segment(id)}/rotate",
            headers={"If-Match": _etag(if_match), "Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def list_users(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "UserPage":
        """Lists the users of the tenant.

        Newest first."""
        return self._call("GET", "/api/v1/users", query={"limit": limit, "cursor": cursor})

    def iterate_users(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Iterator["User"]:
        """Every entry of `list_users`, page by page."""
        while True:
            page = self.list_users(limit=limit, cursor=cursor)
            yield from page["users"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_user(self, id: str) -> "User":
        """Describes a user."""
        return self._call("GET", f"/api/v1/users/{_segment(id)}")

    def change_user(self, id: str, body: "UserChange", *, if_match: Union[int, str, None] = None) -> "User":
        """Changes the name or the role of a user."""
        return self._call("PATCH", f"/api/v1/users/{_segment(id)}", headers={"If-Match": _etag(if_match)}, body=body)

    def remove_user(self, id: str, *, if_match: Union[int, str, None] = None) -> None:
        """Removes a user with its keys."""
        return self._call("DELETE", f"/api/v1/users/{_segment(id)}", headers={"If-Match": _etag(if_match)})

    def list_service_accounts(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "ServiceAccountPage":
        """Lists the service accounts of the tenant.

        Newest first."""
        return self._call("GET", "/api/v1/service-accounts", query={"limit": limit, "cursor": cursor})

    def iterate_service_accounts(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["ServiceAccount"]:
        """Every entry of `list_service_accounts`, page by page."""
        while True:
            page = self.list_service_accounts(limit=limit, cursor=cursor)
            yield from page["service_accounts"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_service_account(
        self,
        body: "NewServiceAccount",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "ServiceAccount":
        """Makes a service account."""
        return self._call(
            "POST",
            "/api/v1/service-accounts",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_service_account(self, id: str) -> "ServiceAccount":
        """Describes a service account."""
        return self._call("GET", f"/api/v1/service-accounts/{_segment(id)}")

    def change_service_account(
        self,
        id: str,
        body: "ServiceAccountChange",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "ServiceAccount":
        """Changes a service account."""
        return self._call(
            "PATCH",
            f"/api/v1/service-accounts/{_segment(id)}",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def remove_service_account(self, id: str, *, if_match: Union[int, str, None] = None) -> None:
        """Removes a service account with its keys."""
        return self._call("DELETE", f"/api/v1/service-accounts/{_segment(id)}", headers={"If-Match": _etag(if_match)})

    def list_invitations(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "InvitationPage":
        """Lists invitations that wait.

        Newest first."""
        return self._call("GET", "/api/v1/invitations", query={"limit": limit, "cursor": cursor})

    def iterate_invitations(
        self,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator["Invitation"]:
        """Every entry of `list_invitations`, page by page."""
        while True:
            page = self.list_invitations(limit=limit, cursor=cursor)
            yield from page["invitations"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_invitation(
        self,
        body: "NewInvitation",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "InvitationWithToken":
        """Invites somebody to the tenant; the token is shown once."""
        return self._call(
            "POST",
            "/api/v1/invitations",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_invitation(self, id: str) -> "Invitation":
        """Describes an invitation."""
        return self._call("GET", f"/api/v1/invitations/{_segment(id)}")

    def revoke_invitation(self, id: str) -> None:
        """Revokes an invitation."""
        return self._call("DELETE", f"/api/v1/invitations/{_segment(id)}")

    def accept_invitation(self, body: "Acceptance") -> "AcceptedInvitation":
        """Makes the user of an invitation, by its token."""
        return self._call("POST", "/api/v1/invitations/accept", body=body)

    def list_tenants(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> "TenantPage":
        """Lists the tenants.

        Newest first."""
        return self._call("GET", "/operator/v1/tenants", query={"limit": limit, "cursor": cursor})

    def iterate_tenants(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Iterator["Tenant"]:
        """Every entry of `list_tenants`, page by page."""
        while True:
            page = self.list_tenants(limit=limit, cursor=cursor)
            yield from page["tenants"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def create_tenant(self, body: "NewTenant", *, idempotency_key: Optional[str] = None) -> "TenantWithInvitation":
        """Makes a tenant and an invitation for its first owner."""
        return self._call(
            "POST",
            "/operator/v1/tenants",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_tenant(self, id: str) -> "TenantWithServices":
        """Describes a tenant."""
        return self._call("GET", f"/operator/v1/tenants/{_segment(id)}")

    def delete_tenant(self, id: str, *, if_match: Union[int, str, None] = None) -> "TenantWithServices":
        """Begins to delete all that a tenant has.

        It goes on in the background; `state` is `deleted` when nothing is left."""
        return self._call("DELETE", f"/operator/v1/tenants/{_segment(id)}", headers={"If-Match": _etag(if_match)})

    def suspend_tenant(
        self,
        id: str,
        *,
        if_match: Union[int, str, None] = None,
        idempotency_key: Optional[str] = None,
    ) -> "TenantWithServices":
        """Suspends a tenant: its credentials are refused.

        Holds everywhere when `confirmed` is true."""
        return self._call(
            "POST",
            f"/operator/v1/tenants/{_segment(id)}/suspend",
            headers={"If-Match": _etag(if_match), "Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def resume_tenant(
        self,
        id: str,
        *,
        if_match: Union[int, str, None] = None,
        idempotency_key: Optional[str] = None,
    ) -> "TenantWithServices":
        """Lets a suspended tenant work again.

        Holds everywhere when `confirmed` is true."""
        return self._call(
            "POST",
            f"/operator/v1/tenants/{_segment(id)}/resume",
            headers={"If-Match": _etag(if_match), "Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def invite_owner(
        self,
        id: str,
        body: "NewInvitation",
        *,
        idempotency_key: Optional[str] = None,
    ) -> "InvitationWithToken":
        """Invites an owner to a tenant."""
        return self._call(
            "POST",
            f"/operator/v1/tenants/{_segment(id)}/invitations",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def export_tenant(self, id: str) -> bytes:
        """Exports all that a tenant has."""
        return self._call("GET", f"/operator/v1/tenants/{_segment(id)}/export")

    def sign_in(self) -> None:
        """Signs a browser in with a password."""
        return self._call("POST", "/auth/v1/sign-in")

    def confirm_sign_in(self) -> None:
        """Ends a sign-in with a code of an app, or a recovery code."""
        return self._call("POST", "/auth/v1/second-factor")

    def sign_out(self) -> None:
        """Ends the session of the browser, or all sessions of its user."""
        return self._call("POST", "/auth/v1/sign-out")

    def get_session(self) -> None:
        """Describes the session of the browser, with its CSRF token."""
        return self._call("GET", "/auth/v1/session")

    def list_sessions(self) -> None:
        """Lists the sessions of the user."""
        return self._call("GET", "/auth/v1/sessions")

    def end_sessions(self) -> None:
        """Ends all sessions of the user."""
        return self._call("DELETE", "/auth/v1/sessions")

    def end_session(self, id: str) -> None:
        """Ends a session of the user."""
        return self._call("DELETE", f"/auth/v1/sessions/{_segment(id)}")

    def enrol_second_factor(self, *, idempotency_key: Optional[str] = None) -> None:
        """Makes a secret for an authenticator app."""
        return self._call("POST", "/auth/v1/totp", headers={"Idempotency-Key": idempotency_key}, has_key=True)

    def confirm_second_factor(self, *, idempotency_key: Optional[str] = None) -> None:
        """Turns the second factor on with a first code, and gives recovery codes."""
        return self._call("POST", "/auth/v1/totp/confirm", headers={"Idempotency-Key": idempotency_key}, has_key=True)

    def remove_second_factor(self, *, idempotency_key: Optional[str] = None) -> None:
        """Turns the second factor off."""
        return self._call("POST", "/auth/v1/totp/remove", headers={"Idempotency-Key": idempotency_key}, has_key=True)

    def rotate_second_factors(
        self,
        *,
        cursor: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> "SecretRotation":
        """Seals second factors under the newest key, a hundred at a time (`?cursor=`).

        A part of all of them; go on with `next_cursor`."""
        return self._call(
            "POST",
            "/operator/v1/second-factors/rotation",
            query={"cursor": cursor},
            headers={"Idempotency-Key": idempotency_key},
            has_key=True,
        )

    def change_password(self, *, idempotency_key: Optional[str] = None) -> None:
        """Changes the password, and ends all other sessions of the user."""
        return self._call("POST", "/auth/v1/password", headers={"Idempotency-Key": idempotency_key}, has_key=True)

    def start_oidc(self, provider: str) -> None:
        """Sends a browser to an identity provider."""
        return self._call("GET", f"/auth/v1/oidc/{_segment(provider)}/start")

    def end_oidc(self, provider: str) -> None:
        """Takes a browser back from an identity provider."""
        return self._call("GET", f"/auth/v1/oidc/{_segment(provider)}/callback")

    def list_audit(
        self,
        *,
        actor: Optional[str] = None,
        route: Optional[str] = None,
        outcome: Optional[str] = None,
        request: Optional[str] = None,
        since: Optional[str] = None,
        until: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> "AuditPage":
        """Lists entries of the audit log, newest first (`?actor=`, `route`, `outcome`, `request`, `since`, `until`).

        Newest first."""
        return self._call(
            "GET",
            "/api/v1/audit",
            query={"actor": actor, "route": route, "outcome": outcome, "request": request, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )

    def iterate_audit(
        self,
        *,
        actor: Optional[str] = None,
        route: Optional[str] = None,
        outcome: Optional[str] = None,
        request: Optional[str] = None,
        since: Optional[str] = None,
        until: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Iterator[dict[str, Any]]:
        """Every entry of `list_audit`, page by page."""
        while True:
            page = self.list_audit(actor=actor, route=route, outcome=outcome, request=request, since=since, until=until, limit=limit, cursor=cursor)
            yield from page["entries"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def export_audit(self, *, after: Optional[str] = None) -> bytes:
        """Exports the audit log as lines of JSON, with all that verifying it needs (`?after=` an entry's number)."""
        return self._call("GET", "/api/v1/audit/export", query={"after": after})

    def verify_audit(self) -> "AuditVerification":
        """Verifies the audit log and lists what is wrong with it."""
        return self._call("GET", "/api/v1/audit/verification")

    def list_audit_of_tenant(
        self,
        *,
        actor: Optional[str] = None,
        route: Optional[str] = None,
        outcome: Optional[str] = None,
        request: Optional[str] = None,
        since: Optional[str] = None,
        until: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        tenant: Optional[str] = None,
    ) -> "AuditPage":
        """Lists entries of the audit log of the installation, or of a tenant (`?tenant=`).

        Newest first."""
        return self._call(
            "GET",
            "/operator/v1/audit",
            query={"actor": actor, "route": route, "outcome": outcome, "request": request, "since": since, "until": until, "limit": limit, "cursor": cursor, "tenant": tenant},
        )

    def iterate_audit_of_tenant(
        self,
        *,
        actor: Optional[str] = None,
        route: Optional[str] = None,
        outcome: Optional[str] = None,
        request: Optional[str] = None,
        since: Optional[str] = None,
        until: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        tenant: Optional[str] = None,
    ) -> Iterator[dict[str, Any]]:
        """Every entry of `list_audit_of_tenant`, page by page."""
        while True:
            page = self.list_audit_of_tenant(actor=actor, route=route, outcome=outcome, request=request, since=since, until=until, limit=limit, cursor=cursor, tenant=tenant)
            yield from page["entries"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def export_audit_of_tenant(self, *, after: Optional[str] = None, tenant: Optional[str] = None) -> bytes:
        """Exports the audit log of the installation, or of a tenant (`?tenant=`)."""
        return self._call("GET", "/operator/v1/audit/export", query={"after": after, "tenant": tenant})

    def verify_audit_of_tenant(self, *, tenant: Optional[str] = None) -> "AuditVerification":
        """Verifies the audit log of the installation, or of a tenant (`?tenant=`)."""
        return self._call("GET", "/operator/v1/audit/verification", query={"tenant": tenant})

    def get_policy(self) -> "PolicyStatus":
        """Shows the mode of the policies, the canary, the halt switch, the bundle and the remembered decisions."""
        return self._call("GET", "/operator/v1/policy")

    def set_policy(self, body: "PolicySwitches", *, if_match: Union[int, str, None] = None) -> "PolicyStatus":
        """Changes the mode of the policies, the canary or the halt switch, in every gateway; what is left out stays.

        It works while everything else is halted."""
        return self._call("PUT", "/operator/v1/policy", headers={"If-Match": _etag(if_match)}, body=body)

    def get_policy_data(self) -> "PolicyData":
        """Shows what the tenant has set for its policies."""
        return self._call("GET", "/api/v1/policy/data")

    def set_policy_data(self, body: "NewPolicyData", *, if_match: Union[int, str, None] = None) -> "PolicyData":
        """Replaces what the tenant has set for its policies."""
        return self._call("PUT", "/api/v1/policy/data", headers={"If-Match": _etag(if_match)}, body=body)

    def remove_policy_data(self, *, if_match: Union[int, str, None] = None) -> None:
        """Takes away what the tenant has set for its policies."""
        return self._call("DELETE", "/api/v1/policy/data", headers={"If-Match": _etag(if_match)})

    def explain_policy(self, body: "PolicyQuestion", *, idempotency_key: Optional[str] = None) -> "PolicyExplanation":
        """Explains a decision of the policies in the tenant of the caller, rule by rule."""
        return self._call(
            "POST",
            "/api/v1/policy/explain",
            headers={"Idempotency-Key": idempotency_key},
            body=body,
            has_key=True,
        )

    def get_policy_data_of_tenant(self, id: str) -> "PolicyData":
        """Shows what a tenant has set for its policies."""
        return self._call("GET", f"/operator/v1/tenants/{_segment(id)}/policy-data")

    def set_policy_data_of_tenant(
        self,
        id: str,
        body: "NewPolicyDataOfTenant",
        *,
        if_match: Union[int, str, None] = None,
    ) -> "PolicyData":
        """Replaces what a tenant has set for its policies, and says whether policies see it as suspended."""
        return self._call(
            "PUT",
            f"/operator/v1/tenants/{_segment(id)}/policy-data",
            headers={"If-Match": _etag(if_match)},
            body=body,
        )

    def remove_policy_data_of_tenant(self, id: str, *, if_match: Union[int, str, None] = None) -> None:
        """Takes away what a tenant has set for its policies; policies see it as active again."""
        return self._call(
            "DELETE",
            f"/operator/v1/tenants/{_segment(id)}/policy-data",
            headers={"If-Match": _etag(if_match)},
        )

    def get_open_api(self, *, if_none_match: Optional[str] = None) -> dict[str, Any]:
        """Describes the API for programs (OpenAPI 3.1)."""
        return self._call("GET", "/openapi.json", headers={"If-None-Match": if_none_match})
