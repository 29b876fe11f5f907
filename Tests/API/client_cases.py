"""The client in Python that is made of the description."""
import os
import subprocess
import sys
import threading

from stack import ROOT

CLIENT = os.path.join(ROOT, "docs", "clients", "python", "cadre_client.py")


def case_the_client_is_up_to_date(stack):
    made = subprocess.run(
        [sys.executable, os.path.join(ROOT, "deploy", "python-client.py"), stack.url + "/openapi.json"],
        stdout=subprocess.PIPE, check=True).stdout
    with open(CLIENT, "rb") as file:
        assert file.read() == made, "run make docs: docs/clients/python/cadre_client.py differs from the description"


def client(stack):
    from cadre_client import Client
    return Client(stack.url, stack.key)


def case_the_client_submits_waits_and_reads(stack):
    with client(stack) as cadre:
        task = cadre.submit_task({"prompt": "What is 6 times 7?", "title": "by the client"}, wait=60)
        assert task["status"] == "succeeded" and task["run"]["result"]["answer"], task
        events = list(cadre.stream_run_events(task["run"]["id"]))
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["type"] == "run.succeeded"
        only = list(cadre.stream_run_events(task["run"]["id"], type=["step.started"]))
        assert only and {event["type"] for event in only} == {"step.started"}, only
        tasks = list(cadre.iterate_tasks(limit=1))
        assert task["id"] in [one["id"] for one in tasks] and len({one["id"] for one in tasks}) == len(tasks)
        changed = cadre.change_task(task["id"], {"priority": 3}, if_match=task["version"])
        assert changed["priority"] == 3
        artefact = cadre.upload_artefact(b"bytes", name="of/client.bin")
        assert cadre.get_artefact_content(artefact["id"]) == b"bytes"


def case_the_client_cancels_while_it_streams(stack):
    with client(stack) as cadre:
        cadre.put_workflow("client-waits", {"name": "client-waits", "steps": [{"key": "go", "type": "signal", "signal": "go"}]})
        run = cadre.submit_task({"workflow": "client-waits", "input": {}})["run"]["id"]
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(client(stack).stream_run_events(run)))
        reader.start()
        assert cadre.cancel_run(run, {"reason": "enough"})["status"] == "cancelled"
        reader.join(90)
        assert not reader.is_alive() and seen[-1]["type"] == "run.cancelled", seen
        assert cadre.wait_for_run(run)["status"] == "cancelled"


def case_the_client_says_what_was_wrong(stack):
    from cadre_client import APIError
    with client(stack) as cadre:
        budget = cadre.create_budget({"scope": "agent", "subject": "client", "period": "day", "tokens": 10})
        assert cadre.change_budget(budget["id"], {"tokens": 20})["tokens"] == 20
        for call, status, code in (
                (lambda: cadre.create_budget({"scope": "agent", "subject": "client", "period": "day", "tokens": 1}), 409, "budget_exists"),
                (lambda: cadre.get_run("run_" + "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15), 404, "run_not_found"),
                (lambda: cadre.submit_task({"prompt": ""}), 422, "invalid_input")):
            try:
                call()
                raise AssertionError("no error")
            except APIError as error:
                assert (error.status, error.code) == (status, code) and error.detail and error.trace_id, error
        cadre.delete_budget(budget["id"])
        # The same key with the same document is the same task.
        first = cadre.submit_task({"prompt": "x"}, idempotency_key="client-1")
        assert cadre.submit_task({"prompt": "x"}, idempotency_key="client-1")["id"] == first["id"]
