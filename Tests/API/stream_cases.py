"""Live events of runs for many readers: server-sent events and WebSocket."""
import http.client
import json
import threading

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

WORKFLOW = {"name": "surface-stream", "steps": [
    {"key": "one", "type": "signal", "signal": "one"},
    {"key": "two", "type": "signal", "signal": "two", "depends_on": ["one"]}]}


def begun(stack):
    stack.call("PUT", "/api/v1/workflows/surface-stream", WORKFLOW)
    answer = stack.call("POST", "/api/v1/tasks", {"workflow": "surface-stream", "input": {}})
    assert answer.status == 202, answer
    return answer.json["run"]["id"]


def signal(stack, run, name):
    answer = stack.call("POST", f"/api/v1/runs/{run}/signals", {"name": name})
    assert answer.status == 202, answer


class Stream:
    """An open stream of server-sent events."""

    def __init__(self, stack, run, after=None, query=""):
        self.connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=90)
        fields = {"Authorization": f"Bearer {stack.key}", "Accept": "text/event-stream"}
        if after is not None:
            fields["Last-Event-ID"] = str(after)
        self.connection.request("GET", f"/api/v1/runs/{run}/events{query}", headers=fields)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def next(self):
        fields = {}
        while line := self.answer.readline():
            line = line.decode().rstrip("\n")
            if not line and "data" in fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        return None

    def all(self):
        found = []
        while one := self.next():
            found.append(one)
        return found




def case_all_readers_of_a_run_see_every_event_once(stack):
    run = begun(stack)
    streams = [Stream(stack, run) for _ in range(20)]
    # Every one is live before the first signal: it has read what there was.
    for stream in streams:
        while stream.next()[1] != "step.ready":
            pass
    for name in ("one", "two"):
        signal(stack, run, name)
    expected = [event["seq"] for event in stack.call("GET", f"/api/v1/runs/{run}/events?limit=1000").json["events"]]
    for stream in streams:
        found = stream.all()
        assert found[-1][1] == "run.succeeded", found
        numbers = [number for number, _, _ in found]
        assert numbers == expected[-len(numbers):], (numbers, expected)


def case_a_stream_is_resumed_behind_the_last_event(stack):
    run = begun(stack)
    first = Stream(stack, run)
    number = first.next()[0]
    first.connection.close()
    second = Stream(stack, run, after=number)
    signal(stack, run, "one")
    signal(stack, run, "two")
    found = second.all()
    assert [one[0] for one in found] == list(range(number + 1, number + 1 + len(found))), found
    assert Stream(stack, run, after=found[-1][0]).all() == []
    only = Stream(stack, run, query="?type=signal.received").all()
    assert [one[1] for one in only] == ["signal.received"] * 2, only
    assert [one[2]["step"] for one in Stream(stack, run, query="?step=two").all()].count("two") > 1


def case_events_come_by_websocket(stack):
    run = begun(stack)
    address = f"ws://127.0.0.1:{stack.port}/api/v1/runs/{run}/events"
    fields = {"Authorization": f"Bearer {stack.key}"}
    with connect(address + "?after=1", additional_headers=fields) as socket:
        assert json.loads(socket.recv(timeout=90))["seq"] == 2
        # What a client says is not looked at.
        socket.send("hello")
        signal(stack, run, "one")
        signal(stack, run, "two")
        types = []
        try:
            while True:
                types.append(json.loads(socket.recv(timeout=90))["type"])
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 1000, closed
        assert types[-1] == "run.succeeded" and types.count("signal.received") == 2, types
    for bad, fields, status in ((address, {}, 401), (address.replace(run, "run_" + "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15), fields, 404),
                                (address + "?agent=a", fields, 400)):
        try:
            connect(bad, additional_headers=fields)
            raise AssertionError("no error")
        except InvalidStatus as error:
            assert error.response.status_code == status, error


def case_readers_that_leave_do_not_disturb_the_others(stack):
    run = begun(stack)
    staying = Stream(stack, run)
    while staying.next()[1] != "step.ready":
        pass
    done = []
    reader = threading.Thread(target=lambda: done.extend(staying.all()))
    reader.start()
    for _ in range(20):
        leaving = Stream(stack, run)
        leaving.next()
        leaving.connection.close()
    signal(stack, run, "one")
    signal(stack, run, "two")
    reader.join(90)
    assert not reader.is_alive() and done[-1][1] == "run.succeeded", done
