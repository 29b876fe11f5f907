#!/usr/bin/env python3
"""Uses the MCP server of a running installation with the official client: of both eras with mcp 2, of the one with sessions with
mcp 1. Every request goes to the next replica of the gateway. Prints PASS or FAIL for each case.

Usage: mcp_client.py --ports PORT[,PORT] --key KEY --other-key KEY     the second key is of another tenant
"""
import argparse
import asyncio
import contextlib
import itertools
import json
import sys
import time
import traceback
import urllib.request

import mcp
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

try:
    from mcp import Client
    import httpx2 as httpx
except ImportError:
    Client = None
    import httpx

PATIENCE_SECONDS = 120
OPEN = ("pending", "running")
WORKFLOW = {"name": "mcp-decides", "steps": [
    {"key": "go", "type": "signal", "signal": "go"},
    {"key": "ask", "type": "approval", "depends_on": ["go"], "input": {"deploy": "{{steps.go.output.what}}"}},
    {"key": "done", "type": "transform", "depends_on": ["ask"], "input": {"approved": {"$ref": "steps.ask.output.approved"}}}]}
TOOLS = {"submit_task", "get_run", "wait_for_run", "list_tasks", "list_runs", "list_workflows", "send_signal", "list_approvals", "decide_approval", "report_outcome",
         "list_questions", "answer_question", "list_artefacts", "get_artefact", "cancel_run"}


class Replicas(httpx.AsyncHTTPTransport):
    """Sends each request to the next replica, as a balancer does."""

    def __init__(self, ports):
        super().__init__()
        self.ports, self.sent = itertools.cycle(ports), []

    async def handle_async_request(self, request):
        port = next(self.ports)
        request.url = request.url.copy_with(port=port)
        self.sent.append((request.method, port))
        return await super().handle_async_request(request)


class World:
    def __init__(self, options):
        self.ports = [int(port) for port in options.ports.split(",")]
        self.key, self.other = options.key, options.other_key

    @contextlib.asynccontextmanager
    async def client(self, mode, key=None, headers=None):
        """A client that is connected; `sessions` and `stateless` are the eras."""
        replicas = Replicas(self.ports)
        fields = {"authorization": f"Bearer {key or self.key}", **(headers or {})}
        async with httpx.AsyncClient(headers=fields, transport=replicas, timeout=httpx.Timeout(PATIENCE_SECONDS)) as http:
            transport = streamable_http_client(f"http://127.0.0.1:{self.ports[0]}/mcp", http_client=http)
            if Client:
                async with Client(transport, mode={"sessions": "legacy", "stateless": "auto"}[mode]) as client:
                    yield Peer(client, client.protocol_version, client.server_info, replicas)
            else:
                async with transport as (reading, writing, session_id), ClientSession(reading, writing) as session:
                    opened = await session.initialize()
                    assert session_id() is None, "there is nothing to keep in a session"
                    yield Peer(session, opened.protocolVersion, opened.serverInfo, replicas)

    def call(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[0]}{path}", method=method, data=json.dumps(body).encode() if body else None,
                                         headers={"authorization": f"Bearer {self.key}", "content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def upload(self, name, media_type, content):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[0]}/api/v1/artefacts?name={name}", method="POST", data=content,
                                         headers={"authorization": f"Bearer {self.key}", "content-type": media_type})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


class Peer:
    """What both versions of the package have in common. Results are dictionaries as they are on the wire."""

    def __init__(self, session, version, server, replicas):
        self.session, self.version, self.server, self.replicas = session, version, server, replicas

    @staticmethod
    def wire(result):
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def tools(self):
        return self.wire(await self.session.list_tools())["tools"]

    async def call(self, tool, arguments, progress=None):
        return self.wire(await self.session.call_tool(tool, arguments, progress_callback=progress))

    async def good(self, tool, arguments, progress=None):
        result = await self.call(tool, arguments, progress)
        assert not result.get("isError"), result
        content = result["structuredContent"]
        assert json.loads(result["content"][0]["text"]) == content
        return content

    async def bad(self, tool, arguments):
        result = await self.call(tool, arguments)
        assert result["isError"] and "structuredContent" not in result, result
        return result["content"][0]["text"]

    async def resources(self, cursor=None):
        if Client or cursor is None:
            found = await self.session.list_resources(**({"cursor": cursor} if cursor else {}))
        else:
            found = await self.session.list_resources(params=mcp.types.PaginatedRequestParams(cursor=cursor))
        return self.wire(found)

    async def read(self, uri):
        return self.wire(await self.session.read_resource(uri if Client else mcp.types.AnyUrl(uri)))["contents"]


async def until(condition, what):
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await condition()
        if found:
            return found
        assert time.monotonic() < limit, what
        await asyncio.sleep(0.1)


async def case_tools(world, mode):
    async with world.client(mode) as peer:
        expected = {"stateless": "2026-07-28", "sessions": "2025-11-25"}[mode]
        assert peer.version == expected, peer.version
        assert peer.server.name == "cadre", peer.server
        tools = {tool["name"]: tool for tool in await peer.tools()}
        assert TOOLS <= set(tools), set(tools)
        for tool in tools.values():
            assert tool["description"] and tool["title"] and tool["inputSchema"]["type"] == "object" and tool["outputSchema"], tool
        assert tools["get_run"]["annotations"]["readOnlyHint"] and tools["cancel_run"]["annotations"]["destructiveHint"]


async def case_submit_wait_read(world, mode):
    async with world.client(mode) as peer:
        done = await peer.good("submit_task", {"prompt": f"hello {mode}", "labels": ["mcp"], "wait_ms": 60_000})
        run = done["run"]
        assert done["ended"] and run["status"] == "succeeded" and run["result"]["answer"], done
        again = await peer.good("get_run", {"run_id": run["id"]})
        assert again["run"] == run and again["ended"]
        tasks = await peer.good("list_tasks", {"label": "mcp", "limit": 5})
        assert run["task_id"] in [task["id"] for task in tasks["tasks"]], tasks
        runs = await peer.good("list_runs", {"task_id": run["task_id"]})
        assert [one["id"] for one in runs["runs"]] == [run["id"]]
        assert "single" in [one["name"] for one in (await peer.good("list_workflows", {}))["workflows"]]
        page = await peer.resources()
        assert f"cadre://runs/{run['id']}" in [one["uri"] for one in page["resources"]]
        result = await peer.read(f"cadre://runs/{run['id']}/result")
        assert json.loads(result[0]["text"]) == run["result"], result
        # Both replicas were asked, and neither had to know of the other's requests.
        assert {port for _, port in peer.replicas.sent} == set(world.ports), peer.replicas.sent


async def case_progress(world, mode):
    async with world.client(mode) as peer:
        heard = []

        async def progress(done, total, message):
            heard.append((done, message))
        done = await peer.good("submit_task", {"prompt": "plan it: think long", "workflow": "plan-execute", "wait_ms": 60_000}, progress)
        assert done["ended"], done
        numbers = [done for done, _ in heard]
        assert heard and numbers == sorted(set(numbers)), heard
        assert any(message.startswith("step.") for _, message in heard), heard


async def case_idempotency(world, mode):
    async with world.client(mode) as peer:
        task = {"prompt": "once", "idempotency_key": f"mcp-{mode}-{time.time_ns()}"}
        first, second = [await peer.good("submit_task", {**task, "wait_ms": wait}) for wait in (0, 60_000)]
        assert first["run"]["id"] == second["run"]["id"] and second["ended"]
        assert "idempotency_key_reused" in await peer.bad("submit_task", {**task, "prompt": "twice"})


async def case_signal_and_approval(world, mode):
    world.call("PUT", "/api/v1/workflows/mcp-decides", WORKFLOW)
    async with world.client(mode) as peer:
        run = (await peer.good("submit_task", {"workflow": "mcp-decides", "input": {}}))["run"]["id"]
        waited = await peer.good("wait_for_run", {"run_id": run, "wait_ms": 1000})
        assert not waited["ended"] and waited["run"]["status"] in OPEN, waited
        assert "unknown_signal" in await peer.bad("send_signal", {"run_id": run, "name": "stop"})
        signal = {"run_id": run, "name": "go", "id": "s1", "data": {"what": "v2"}}
        assert [(await peer.good("send_signal", signal))["repeated"] for _ in range(2)] == [False, True]

        async def asked():
            return (await peer.good("list_approvals", {"status": "pending", "run_id": run}))["approvals"]
        approval = (await until(asked, "a person is asked"))[0]
        assert approval["subject"] == {"deploy": "v2"}, approval
        decision = {"approval_id": approval["id"], "decision": "approve", "comment": "as she said"}
        assert "subject_differs" in await peer.bad("decide_approval", {**decision, "subject_sha256": "0" * 64})
        decided = await peer.good("decide_approval", {**decision, "subject_sha256": approval["subject_sha256"]})
        assert decided["status"] == "approved", decided
        assert "already_decided" in await peer.bad("decide_approval", {**decision, "subject_sha256": approval["subject_sha256"]})
        done = await peer.good("wait_for_run", {"run_id": run})
        assert done["ended"] and done["run"]["result"] == {"approved": True}, done


async def case_question_of_an_agent(world, mode):
    async with world.client(mode) as peer:
        run = (await peer.good("submit_task", {"prompt": f"ask a person, {mode}", "input": {"tools": ["ask_human"]}}))["run"]["id"]

        async def asked():
            return (await peer.good("list_questions", {"status": "pending", "run_id": run}))["questions"]
        question = (await until(asked, "an agent asks"))[0]
        assert "Which colour?" in json.dumps(question["subject"]), question
        answered = await peer.good("answer_question", {"question_id": question["id"], "answer": {"text": "blue"}})
        assert answered["status"] == "answered", answered
        assert "already_decided" in await peer.bad("answer_question", {"question_id": question["id"], "answer": {"text": "red"}})
        done = await peer.good("wait_for_run", {"run_id": run})
        assert done["ended"] and done["run"]["status"] == "succeeded", done


async def case_files(world, mode):
    text = "name,count\nzoë,7\n"
    uploaded = world.upload(f"table-{mode}.csv", "text/csv", text.encode())
    async with world.client(mode) as peer, world.client(mode, key=world.other) as other:
        result = await peer.call("get_artefact", {"artefact_id": uploaded["id"]})
        found = result["structuredContent"]
        assert found["is_whole"] and found["artefact"]["sha256"] == uploaded["sha256"], result
        assert result["content"][1]["text"] == text, result
        piece = await peer.call("get_artefact", {"artefact_id": uploaded["id"], "offset": 5, "bytes_max": 5})
        assert piece["content"][1]["text"] == "count" and not piece["structuredContent"]["is_whole"], piece
        assert (await peer.read(f"cadre://artefacts/{uploaded['id']}"))[0]["text"] == text
        assert "artefact_not_found" in await other.bad("get_artefact", {"artefact_id": uploaded["id"]})
        run = (await peer.good("submit_task", {"prompt": "no files", "wait_ms": 60_000}))["run"]["id"]
        assert (await peer.good("list_artefacts", {"run_id": run}))["artefacts"] == []


async def case_giving_up_touches_no_run(world, mode):
    world.call("PUT", "/api/v1/workflows/mcp-decides", WORKFLOW)
    async with world.client(mode) as peer:
        run = (await peer.good("submit_task", {"workflow": "mcp-decides", "input": {}}))["run"]["id"]
        waiting = asyncio.create_task(peer.call("wait_for_run", {"run_id": run, "wait_ms": 600_000}))
        await asyncio.sleep(1)
        assert not waiting.done()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        # The same connection serves on, and the run is as it was.
        assert (await peer.good("get_run", {"run_id": run}))["run"]["status"] in OPEN
        cancelled = await peer.good("cancel_run", {"run_id": run, "reason": "enough"})
        assert cancelled["ended"] and cancelled["run"]["status"] == "cancelled", cancelled
        assert "run_ended" in await peer.bad("cancel_run", {"run_id": run})


async def case_tenants_do_not_meet(world, mode):
    async with world.client(mode) as peer, world.client(mode, key=world.other) as other:
        run = (await peer.good("submit_task", {"prompt": "secret", "wait_ms": 60_000}))["run"]["id"]
        for tool, arguments in (("get_run", {}), ("wait_for_run", {}), ("cancel_run", {}), ("send_signal", {"name": "go"})):
            assert "run_not_found" in await other.bad(tool, {"run_id": run, **arguments})
        assert run not in [one["id"] for one in (await other.good("list_runs", {"limit": 100}))["runs"]]
        assert run not in json.dumps(await other.resources())
        try:
            await other.read(f"cadre://runs/{run}/result")
            raise AssertionError("no error")
        except Exception as error:  # noqa: BLE001: its class has another name in each version
            assert type(error).__name__ in ("MCPError", "McpError"), repr(error)


async def case_faults(world, mode):
    async with world.client(mode) as peer:
        assert "arguments do not fit" in await peer.bad("get_run", {"run_id": "run_1"})
        assert "invalid_input" in await peer.bad("submit_task", {"title": "nothing to do"})
        assert "unknown_workflow" in await peer.bad("submit_task", {"prompt": "x", "workflow": "nobody-knows"})
        for work in (lambda: peer.session.call_tool("rm_rf", {}), lambda: peer.session.list_prompts()):
            try:
                await work()
                raise AssertionError("no error")
            except Exception as error:  # noqa: BLE001
                assert type(error).__name__ in ("MCPError", "McpError"), repr(error)


async def case_a_wrong_key_or_a_web_page_is_refused(world, mode):
    for key, headers in (("wrong-key-of-some-length", {}), (None, {"origin": "https://evil.example"})):
        try:
            async with world.client(mode, key=key, headers=headers) as peer:
                await peer.tools()
        except (AssertionError, SystemError):
            raise
        except BaseException as error:  # noqa: BLE001: also groups of exceptions
            assert not isinstance(error, KeyboardInterrupt)
        else:
            raise AssertionError("it was let in")


async def run(world):
    failed = 0
    modes = ["stateless", "sessions"] if Client else ["sessions"]
    cases = [(name[5:].replace("_", " "), body) for name, body in globals().items() if name.startswith("case_")]
    for mode in modes:
        for name, body in cases:
            start = time.monotonic()
            try:
                await asyncio.wait_for(body(world, mode), PATIENCE_SECONDS)
                print(f"PASS {mode}: {name} ({time.monotonic() - start:.1f} s)", flush=True)
            except Exception:  # noqa: BLE001
                failed += 1
                print(f"FAIL {mode}: {name}\n{traceback.format_exc()}\nEND", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ports", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--other-key", required=True)
    sys.exit(1 if asyncio.run(run(World(parser.parse_args()))) else 0)


if __name__ == "__main__":
    main()
