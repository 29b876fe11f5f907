#!/usr/bin/env python3
"""The trace drill: two replicas of each service export to a receiver that decodes with the published schema of OTLP. The
whole tree of a task is compared, from the submission to the provider and back; attempts that fail, a worker that is killed,
sub-runs and retries have their links; what clients send in `traceparent` does no harm; logs and metrics arrive too; and a
collector that is away costs no request anything.

Usage: PYTHON trace_drill.py --bin FOLDER [--quick]    PYTHON has opentelemetry-proto (.build/python after make setup)
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("Faults", "Support")]
from otlp import Receiver, expect, named, path, tree  # noqa: E402
from stack import Stack  # noqa: E402

TRACE = "4bf92f3577b34da6a3ce929d0e0e47"
PARENT = "00f067aa0ba902b7"
# The chain from the caller to the provider: service, name and kind of each span, each the child of the one before.
CHAIN = [
    ("gateway", "POST /api/v1/tasks", "server"), ("gateway", "POST orchestrator", "client"),
    ("orchestrator", "POST /api/v1/tasks", "server"), ("orchestrator", "run", "internal"),
    ("orchestrator", "dispatch_step", "producer"), ("agent-core", "invoke_agent", "consumer"),
    ("agent-core", "POST llm-router", "client"), ("llm-router", "POST /v1/chat/completions", "server"),
    ("llm-router", "chat mock-model", "client"), ("llm-router", "POST provider:default", "client"),
    ("mock-provider", "POST /v1/chat/completions", "server")]


class Drill:
    def __init__(self, options):
        self.receiver = Receiver()
        self.receiver.start()
        os.environ.update({
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.receiver.port}", "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BLRP_SCHEDULE_DELAY": "100", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=drill"})
        options.replicas = 2
        options.set = ["orchestrator.CADRE_TRACE_URL=http://jaeger.example/trace/{trace_id}?uiFind=x",
                       # One service speaks the other encoding.
                       "llm-router.OTEL_EXPORTER_OTLP_PROTOCOL=http/json"]
        self.stack = Stack(options)
        self.traces = 0
        self.is_quick = options.quick

    # MARK: Helpers

    def until(self, what, condition, seconds=90):
        limit = time.time() + seconds
        while True:
            found = condition()
            if found:
                return found
            assert time.time() < limit, f"waited in vain until {what}"
            time.sleep(0.05)

    def submit(self, body, traceparent=None):
        """Submits a task below a new trace of the caller; returns the trace and the document."""
        self.traces += 1
        trace = TRACE + format(self.traces, "02x")
        status, made = self.stack.call("POST", "/api/v1/tasks", body, {"traceparent": traceparent or f"00-{trace}-{PARENT}-01"})
        assert status in (200, 201, 202), (status, made)
        return trace, made

    def run_of(self, run):
        return self.stack.call("GET", f"/api/v1/runs/{run}")[1]

    def ended(self, run):
        return self.until(f"{run} has ended", lambda: (lambda row: row.get("ended_at") and row)(self.run_of(run)))

    def scripts(self, *scripts):
        status, answer = self.stack.call("PUT", "/mock/scripts", {"scripts": list(scripts)}, port=self.stack.mock)
        assert status == 204, (status, answer)

    def whole(self, trace, runs=1, orphans=0):
        """All spans of a trace, once those of its runs are there and all parents but `orphans` are known."""
        def look():
            spans = self.receiver.spans(trace)
            return spans if len(named(spans, "run")) == runs and len(self.orphans(spans)) <= orphans else None
        try:
            spans = self.until("the trace is there", look)
        except AssertionError:
            print(tree(self.receiver.spans(trace)), self.receiver.received()["refused"][:5], sep="\n")
            raise
        time.sleep(0.5)  # More than the time between exports: nothing that disturbs the tree comes later.
        spans = self.receiver.spans(trace)
        ids = [span["id"] for span in spans]
        assert len(ids) == len(set(ids)), "a span was exported twice"
        assert len(self.orphans(spans)) <= orphans, tree(spans)
        return spans

    @staticmethod
    def orphans(spans):
        known = {span["id"] for span in spans} | {PARENT, ""}
        return [span for span in spans if span["parent"] not in known]

    # MARK: The parts

    def tree_of_a_task(self):
        trace, made = self.submit({"prompt": "one"})
        run = made["run"]["id"]
        assert made["run"]["trace_id"] == trace, made
        assert made["run"]["trace_url"] == f"http://jaeger.example/trace/{trace}?uiFind=x", made
        self.ended(run)
        for path in (f"/api/v1/runs/{run}", f"/api/v1/tasks/{made['id']}", "/api/v1/runs?limit=1"):
            document = self.stack.call("GET", path)[1]
            row = document["runs"][0] if "runs" in document else document.get("run", document)
            assert row["trace_id"] == trace and trace in row["trace_url"], row
        spans = self.whole(trace)
        parent = PARENT
        found = []
        for service, name, kind in CHAIN:
            fitting = [span for span in spans if (span["service"], span["name"], span["kind"], span["parent"]) == (service, name, kind, parent)]
            assert len(fitting) == 1, f"{service} {name}\n{tree(spans)}"
            parent = fitting[0]["id"]
            found.append(fitting[0])
        submit, _, _, run_span, dispatch, agent, _, _, chat, provider, _ = found
        # And back: the worker's result.
        delivery = [span for span in spans if span["parent"] == agent["id"] and span["name"] == "POST orchestrator"]
        assert delivery, tree(spans)
        taken = [span["name"] for span in spans if span["parent"] in {one["id"] for one in delivery}]
        assert "POST /worker/v1/steps/{id}/result" in taken, taken
        others = [span for span in spans if span not in found and span not in delivery]
        assert {span["name"] for span in others} <= {"POST /worker/v1/steps/{id}/result", "POST /worker/v1/steps/{id}/journal"}, tree(spans)
        assert not any(span["is_error"] for span in spans) and not any(span["links"] for span in spans), tree(spans)
        expect(submit, {"http.request.method": "POST", "http.route": "/api/v1/tasks", "http.response.status_code": 202})
        expect(run_span, {"cadre.run.id": run, "cadre.task.id": made["id"], "cadre.workflow": "single", "cadre.outcome": "succeeded"})
        step = dispatch["attributes"]["cadre.step.id"]
        expect(dispatch, {"cadre.run.id": run, "cadre.attempt": 1})
        expect(agent, {"cadre.run.id": run, "cadre.step.id": step, "cadre.attempt": 1, "cadre.outcome": "succeeded"})
        expect(chat, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "default", "gen_ai.response.model": "mock-model", "gen_ai.provider.name": "openai", "cadre.attempts": 1})
        assert chat["attributes"]["gen_ai.usage.output_tokens"] > 0
        expect(provider, {"http.response.status_code": 200})
        # The run ends with the commit of the result, of which the worker learns a moment later.
        assert run_span["start"] <= dispatch["end"] <= agent["end"], tree(spans)
        assert max(one["start"] for one in delivery) <= run_span["end"] <= submit["start"] + 60e9, tree(spans)
        assert agent["start"] <= chat["start"] <= chat["end"] <= agent["end"], tree(spans)
        return spans

    def many(self):
        """Trees are whole whatever replica does what."""
        made = [self.submit({"prompt": f"many {number}"}) for number in range(4 if self.is_quick else 12)]
        instances = {}
        for trace, task in made:
            self.ended(task["run"]["id"])
            spans = self.whole(trace)
            assert [name for _, name, _ in CHAIN] == path(spans, "mock-provider"), tree(spans)
            for span in spans:
                instances.setdefault(span["service"], set()).add(span["instance"])
        two = {service for service, of in instances.items() if len(of) == 2}
        assert self.is_quick or two >= {"orchestrator", "agent-core", "llm-router"}, instances

    def failing_attempts(self):
        self.scripts({"match": "", "status": 500})
        status, made = self.stack.call("PUT", "/api/v1/workflows/traced-retry", {"name": "traced-retry", "steps": [
            {"key": "try", "input": {"prompt": "fails"}, "retry": {"attempts_max": 3, "backoff_ms": 10}}]})
        assert status in (200, 201), made
        trace, made = self.submit({"workflow": "traced-retry", "input": {}})
        end = self.ended(made["run"]["id"])
        self.scripts()
        assert end["status"] == "failed", end
        spans = self.whole(trace)
        dispatches = sorted(named(spans, "dispatch_step"), key=lambda span: span["attributes"]["cadre.attempt"])
        assert [span["attributes"]["cadre.attempt"] for span in dispatches] == [1, 2, 3], tree(spans)
        assert dispatches[0]["links"] == []
        for before, after in zip(dispatches, dispatches[1:]):
            assert after["links"] == [{"trace": trace, "id": before["id"], "attributes": {"cadre.link": "previous_attempt"}}], after
        (run,) = named(spans, "run")
        assert run["is_error"] and run["error"] and run["attributes"]["cadre.outcome"] == "failed", run
        agents = named(spans, "invoke_agent")
        assert len(agents) == 3 and all(span["is_error"] for span in agents), tree(spans)
        assert all(span["is_error"] for span in spans if span["name"].startswith("chat ")), tree(spans)
        # A retry is a trace of its own, which refers to the run that failed.
        status, again = self.stack.call("POST", f"/api/v1/runs/{made['run']['id']}/retry", {})
        assert status == 201, (status, again)
        assert again["trace_id"] != trace
        assert self.ended(again["id"])["status"] == "succeeded"
        retried = self.whole(again["trace_id"])
        links = [link for span in retried if span["name"] == "POST /api/v1/runs/{id}/retry" for link in span["links"]]
        assert links == [{"trace": trace, "id": run["id"], "attributes": {"cadre.link": "continued_run"}}], tree(retried)
        # Its first attempt is the fourth of all; the third is not in this trace.
        (dispatch,) = named(retried, "dispatch_step")
        assert dispatch["attributes"]["cadre.attempt"] == 4 and not dispatch["links"], dispatch

    def killed_worker(self):
        self.scripts({"match": "", "reply": "late", "latency_ms": 2000})
        trace, made = self.submit({"prompt": "killed"})
        run = made["run"]["id"]
        self.until("the model is called", lambda: self.stack.call("GET", "/mock/usage", port=self.stack.mock)[1]["running"] > 0)
        events = self.stack.call("GET", f"/api/v1/runs/{run}/events?limit=100")[1]["events"]
        worker = next(event["data"]["worker"] for event in events if event["type"] == "step.started")
        pid = next(pid for name, pid in self.stack.children() if name == "agent-core" and re.search(rf"\b{pid}\b", worker))
        os.kill(pid, signal.SIGKILL)
        end = self.ended(run)
        self.scripts()
        assert end["status"] == "succeeded", end
        # What the killed process had not exported is lost; the router's span of its call is the only one that stands alone.
        spans = self.whole(trace, orphans=1)
        alone = self.orphans(spans)
        assert [(span["service"], span["name"]) for span in alone] == [("llm-router", "POST /v1/chat/completions")], tree(spans)
        first, second = sorted(named(spans, "dispatch_step"), key=lambda span: span["attributes"]["cadre.attempt"])
        (lost,) = named(spans, "lease_lost")
        assert lost["parent"] == first["id"] and lost["is_error"], tree(spans)
        expect(lost, {"cadre.run.id": run, "cadre.attempt": 1, "cadre.outcome": "lost", "error.type": "lease_lost"})
        assert second["links"] == [{"trace": trace, "id": first["id"], "attributes": {"cadre.link": "previous_attempt"}}], second
        (agent,) = named(spans, "invoke_agent")
        assert agent["parent"] == second["id"], tree(spans)
        (run_span,) = named(spans, "run")
        assert not run_span["is_error"] and first["parent"] == second["parent"] == run_span["id"], tree(spans)

    def sub_runs(self):
        for name, steps in (("traced-child", [{"key": "work", "input": {"prompt": "child"}}]),
                            ("traced-parent", [{"key": "sub", "type": "run", "workflow": "traced-child", "input": {}},
                                               {"key": "wait", "type": "delay", "delay_ms": 5, "depends_on": ["sub"]}])):
            status, made = self.stack.call("PUT", f"/api/v1/workflows/{name}", {"name": name, "steps": steps})
            assert status in (200, 201), made
        trace, made = self.submit({"workflow": "traced-parent", "input": {}})
        self.ended(made["run"]["id"])
        spans = self.whole(trace, runs=2)
        runs = {span["attributes"]["cadre.workflow"]: span for span in named(spans, "run")}
        parent, child = runs["traced-parent"], runs["traced-child"]
        assert child["parent"] == parent["id"], tree(spans)
        expect(child, {"cadre.parent.run.id": made["run"]["id"]})
        assert {span["parent"] for span in spans if span["name"].startswith("timer ")} == {parent["id"]}, tree(spans)
        assert {span["name"] for span in spans} >= {"timer own", "timer child_ended", "timer delay"}, tree(spans)
        (dispatch,) = named(spans, "dispatch_step")
        assert dispatch["parent"] == child["id"], tree(spans)

    def hostile(self):
        good = f"00-{TRACE}ff-{PARENT}-01"
        bad = ["", "00", good[:-1], good + "-x", good.upper(), good.replace("4bf9", "4bg9"), "ff" + good[2:], f"00-{'0' * 32}-{PARENT}-01",
               f"00-{TRACE}ff-{'0' * 16}-01", "0" * 60_000, "\x00\xff" * 20, "{trace_id}", "'; drop table run; --"]
        for value in bad:
            status, headers, made = self.raw([("traceparent", value)])
            # Headers that are no text at all may be refused; anything else is an answer of a trace of its own.
            if status in (400, 431):
                continue
            assert status == 202, (status, value[:80], made)
            trace = made["run"]["trace_id"]
            assert re.fullmatch("[0-9a-f]{32}", trace) and trace != TRACE + "ff", (value[:80], trace)
            assert headers["traceresponse"].split("-")[1] == trace, (value[:80], headers)
        # Two contradict each other: neither counts.
        _, _, made = self.raw([("traceparent", good), ("traceparent", good.replace("ff-", "fe-"))])
        assert not made["run"]["trace_id"].startswith(TRACE), made
        # A later version may have more behind.
        _, headers, made = self.raw([("traceparent", "cc" + good[2:] + "-what-ever"), ("tracestate", "a=1"), ("tracestate", "b=2")])
        assert made["run"]["trace_id"] == TRACE + "ff" and headers["traceresponse"].startswith(f"00-{TRACE}ff-"), (headers, made)
        self.ended(made["run"]["id"])
        spans = self.whole(TRACE + "ff")
        assert {span["state"] for span in spans if span["service"] == "gateway"} == {"a=1,b=2"}, spans
        # A caller that does not record decides for all behind it, and what is not recorded has no link.
        unsampled = f"00-{TRACE}fd-{PARENT}-00"
        _, headers, made = self.raw([("traceparent", unsampled)])
        assert made["run"]["trace_id"] == TRACE + "fd" and "trace_url" not in made["run"], made
        assert headers["traceresponse"].endswith("-00"), headers
        self.ended(made["run"]["id"])
        # A bad tracestate is dropped alone.
        _, _, made = self.raw([("traceparent", good.replace("ff-", "fc-")), ("tracestate", "UPPER=1," * 100)])
        assert made["run"]["trace_id"] == TRACE + "fc", made
        self.ended(made["run"]["id"])
        assert {span["state"] for span in self.whole(TRACE + "fc")} == {""}
        assert self.receiver.spans(TRACE + "fd") == []

    def raw(self, headers):
        """A submission with exactly these fields; returns status, fields and document."""
        body = b'{"prompt":"hostile"}'
        head = f"POST /api/v1/tasks HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.stack.key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        head = head.encode() + b"".join(f"{name}: ".encode() + value.encode("latin-1") + b"\r\n" for name, value in headers) + b"\r\n"
        with socket.create_connection(("127.0.0.1", self.stack.gateways[0]), timeout=60) as connection:
            connection.sendall(head + body)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        top, _, rest = answer.partition(b"\r\n\r\n")
        lines = top.decode().split("\r\n")
        fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
        return int(lines[0].split()[1]), fields, json.loads(rest) if rest.startswith(b"{") else None

    def metrics_and_logs(self):
        services = {"gateway", "orchestrator", "llm-router", "agent-core", "mock-provider"}
        received = self.until("all services export metrics and logs", lambda: (lambda now: now if {
            one["service"] for one in now["metrics"]} == services == {one["service"] for one in now["logs"]} else None)(self.receiver.received()))
        exported = {}
        for one in received["metrics"]:
            exported.setdefault((one["service"], one["name"]), {**one, "points": []})["points"] += one["points"]
        # The same names, labels and exemplars as in a scrape.
        for service in ("llm-router", "orchestrator"):
            scraped = self.scrape(service)
            families = set(re.findall(r"^# TYPE (\S+) ", scraped, re.M))
            counters = {name for of, name in exported if of == service and exported[of, name]["kind"] == "sum"}
            assert {name if name not in counters else name[:-len("_total")] for of, name in exported if of == service} <= families, families
            for histogram in {"llm-router": ["cadre_model_call_duration_seconds", "cadre_model_overhead_seconds", "cadre_model_first_byte_seconds",
                                             "gen_ai_client_token_usage", "gen_ai_client_operation_duration_seconds", "cadre_http_client_request_duration_seconds"],
                              "orchestrator": ["cadre_step_dispatch_seconds", "cadre_http_server_request_duration_seconds"]}[service]:
                found = re.search(rf'^{histogram}_bucket\{{.*\}} \d+ # \{{trace_id="([0-9a-f]{{32}})"\}}', scraped, re.M)
                assert found, f"{histogram} of {service} has no exemplar"
                assert self.receiver.spans(found[1]), f"the exemplar of {histogram} names a trace that is not there"
                assert any(point["exemplars"] for point in exported[service, histogram]["points"]), histogram
        tokens = exported["llm-router", "gen_ai_client_token_usage"]["points"]
        assert all(point["sum"] >= point["count"] for point in tokens if point["count"]), tokens
        lines = [one for one in received["logs"] if one["trace"]]
        failed = [one for one in lines if one["message"] == "an attempt failed"]
        assert failed and all(one["service"] == "agent-core" and one["level"] == "warning" and self.receiver.spans(one["trace"]) for one in failed), lines
        assert self.stack.key not in json.dumps(received), "the key of the API was exported"

    def scrape(self, service):
        """What all replicas of a service export, one behind the other."""
        texts = []
        for pid in [pid for name, pid in self.stack.children() if name == service]:
            connection = http.client.HTTPConnection("127.0.0.1", int(self.stack.environment(pid)["CADRE_ADMIN_PORT"]), timeout=30)
            connection.request("GET", "/metrics", headers={"accept": "application/openmetrics-text"})
            texts.append(connection.getresponse().read().decode())
        return "".join(texts)

    def count(self, service, metric):
        return sum(int(found) for found in re.findall(rf"^{metric} (\d+)", self.scrape(service), re.M))

    def collector_away(self):
        # Refused for a while: the batch comes again.
        self.receiver.call("POST", "/behave", {"status": 503, "times": 4})
        trace, made = self.submit({"prompt": "busy collector"})
        self.ended(made["run"]["id"])
        self.whole(trace)
        # Away altogether: nothing is slower, nothing is lost but telemetry, and that is counted.
        self.receiver.stop()
        before = self.count("gateway", "cadre_telemetry_spans_failed_total")
        for number in range(5):
            _, made = self.submit({"prompt": f"away {number}"})
            assert self.ended(made["run"]["id"])["status"] == "succeeded"
        self.until("lost spans are counted", lambda: self.count("gateway", "cadre_telemetry_spans_failed_total") > before)
        self.receiver.start()
        trace, made = self.submit({"prompt": "back"})
        self.ended(made["run"]["id"])
        self.whole(trace)

    def run(self):
        for part in (self.tree_of_a_task, self.many, self.failing_attempts, self.killed_worker, self.sub_runs, self.hostile,
                     self.metrics_and_logs, self.collector_away):
            if self.is_quick and part == self.collector_away:
                continue
            began = time.time()
            part()
            print(f"{part.__name__}: {time.time() - began:.1f} s", flush=True)
            refused = self.receiver.received()["refused"]
            assert refused == [], refused


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--quick", action="store_true", help="fewer tasks, and no collector that goes away")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    drill = None
    try:
        drill = Drill(options)
        drill.run()
    finally:
        if drill:
            drill.stack.stop()
            drill.receiver.stop()
            shutil.rmtree(drill.stack.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
