"""A provider for agents: refuses what the true ones refuse, answers step by step, and remembers what it was sent.

It speaks chat completions, messages and responses. `steps` are dictionaries with `text` and `calls` (name and arguments);
the step that is played is the number of turns with calls in the history, the last one again and again.
"""
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Refused(Exception):
    pass


def need(condition, reason):
    if not condition:
        raise Refused(reason)


def check_chat(body):
    tools = body.get("tools")
    need(tools is None or tools, "tools is empty")
    need(tools or "tool_choice" not in body, "tool_choice without tools")
    for tool in tools or []:
        need(tool["type"] == "function", f"tool of type {tool['type']}")
        need(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["function"]["name"]), f"name {tool['function']['name']}")
        need("properties" in tool["function"].get("parameters", {"properties": 1}), "schema without properties")
    need(len(body.get("user", "")) <= 64, "user is too long")
    waiting = []
    for message in body["messages"]:
        if message["role"] == "tool":
            need(message["tool_call_id"] in waiting, "a result without its call")
            waiting.remove(message["tool_call_id"])
            need(isinstance(message["content"], str), "a result that is no text")
            continue
        need(not waiting, "calls without results")
        waiting = [call["id"] for call in message.get("tool_calls", [])]
        for call in message.get("tool_calls", []):
            json.loads(call["function"]["arguments"])
    need(not waiting, "calls without results at the end")


def check_messages(body):
    for tool in body.get("tools", []):
        if tool.get("type", "custom") != "custom":
            continue
        need(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool["name"]), f"name {tool['name']}")
        need(tool["input_schema"]["type"] == "object", "schema is no object")
    need(body["messages"][0]["role"] == "user", "the first turn is not the user's")
    waiting = set()
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else [{"type": "text", "text": message["content"]}]
        need(blocks, "an empty turn")
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if message["role"] != "system":
            need(results == waiting, f"results {results} of calls {waiting}")
            waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
        for block in blocks:
            need(block["type"] != "text" or block["text"].strip(), "an empty text")
            need(block["type"] != "thinking" or block["signature"], "thoughts without a signature")
    need(not waiting, "calls without results at the end")


def turns_with_calls(path, body):
    if path.endswith("/chat/completions"):
        return sum(1 for message in body["messages"] if message.get("tool_calls"))
    if path.endswith("/messages"):
        return sum(1 for message in body["messages"] if isinstance(message["content"], list)
                   and any(block["type"] == "tool_use" for block in message["content"]))
    items = body["input"] if isinstance(body["input"], list) else []
    calls = [item.get("type", "").endswith("_call") for item in items if item.get("type") != "reasoning"]
    return sum(1 for place, is_call in enumerate(calls) if is_call and not (place and calls[place - 1]))


def event(data, name=None):
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n"


def chat_events(step, number):
    def chunk(delta, finish=None):
        return event({"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": "m",
                      "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    yield chunk({"role": "assistant", "content": step.get("text", "")})
    for place, (name, arguments) in enumerate(step.get("calls", [])):
        yield chunk({"tool_calls": [{"index": place, "id": f"call_{number}_{place}", "type": "function",
                                     "function": {"name": name, "arguments": json.dumps(arguments)}}]})
    yield chunk({}, "tool_calls" if step.get("calls") else "stop")
    yield event({"id": f"chatcmpl-{number}", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
    yield "data: [DONE]\n\n"


def message_events(step, number):
    usage = {"input_tokens": 9, "output_tokens": 3}
    yield event({"type": "message_start", "message": {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": usage}}, "message_start")
    blocks = [({"type": "text", "text": ""}, {"type": "text_delta", "text": step["text"]})] if step.get("text") else []
    for place, (name, arguments) in enumerate(step.get("calls", [])):
        blocks.append(({"type": "tool_use", "id": f"toolu_{number}_{place}", "name": name, "input": {}},
                       {"type": "input_json_delta", "partial_json": json.dumps(arguments)}))
    for place, (block, delta) in enumerate(blocks):
        yield event({"type": "content_block_start", "index": place, "content_block": block}, "content_block_start")
        yield event({"type": "content_block_delta", "index": place, "delta": delta}, "content_block_delta")
        yield event({"type": "content_block_stop", "index": place}, "content_block_stop")
    reason = "tool_use" if step.get("calls") else "end_turn"
    yield event({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
                "message_delta")
    yield event({"type": "message_stop"}, "message_stop")


def response_events(step, number):
    items = []
    if step.get("text"):
        items.append({"id": f"msg_{number}", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": step["text"], "annotations": []}]})
    for place, (name, arguments) in enumerate(step.get("calls", [])):
        call = {"id": f"fc_{number}_{place}", "status": "completed", "call_id": f"call_{number}_{place}", "name": name}
        # A text is what a custom tool takes.
        items.append({**call, "type": "custom_tool_call", "input": arguments} if isinstance(arguments, str)
                     else {**call, "type": "function_call", "arguments": json.dumps(arguments)})
    response = {"id": f"resp_{number}", "object": "response", "created_at": 1, "status": "completed", "model": "m",
                "output": items, "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}}
    yield event({"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
                "response.created")
    for place, item in enumerate(items):
        for name in ("added", "done"):
            yield event({"type": f"response.output_item.{name}", "output_index": place, "item": item},
                        f"response.output_item.{name}")
    yield event({"type": "response.completed", "response": response}, "response.completed")


class AgentProvider:
    def __init__(self):
        self.steps = [{"text": "hello"}]
        self.bodies = []
        self.refusals = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.reply(200, "application/json", b'{"object":"list","data":[]}')

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                outer.bodies.append(body)
                try:
                    if self.path.endswith("/chat/completions"):
                        check_chat(body)
                    elif self.path.endswith("/messages"):
                        check_messages(body)
                except Refused as reason:
                    outer.refusals.append(str(reason))
                    error = {"type": "error", "error": {"type": "invalid_request_error", "message": str(reason)}}
                    return self.reply(400, "application/json", json.dumps(error).encode())
                step = outer.steps[min(turns_with_calls(self.path, body), len(outer.steps) - 1)]
                events = (chat_events if self.path.endswith("/chat/completions") else
                          message_events if self.path.endswith("/messages") else response_events)
                stream = "".join(events(step, len(outer.bodies))).encode()
                self.reply(200, "text/event-stream", stream)

            def reply(self, status, kind, data):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def play(self, *steps):
        self.steps, self.bodies, self.refusals = list(steps), [], []

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def provider(self, world, kind):
        """Registers a provider of a kind with one model; the model's name."""
        name = f"agent-{kind}"
        address = f"http://127.0.0.1:{self.server.server_port}/v1"
        for path, body in ((f"/api/v1/providers/{name}", {"kind": kind, "base_url": address, "timeout_ms": 60000}),
                           (f"/api/v1/providers/{name}/models/{name}", {"price": {"input": 1, "output": 1}})):
            done = world.call("PUT", path, body, operator=True)
            assert done.status in (200, 201), done
        return name
