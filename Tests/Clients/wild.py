"""What the cases of wild providers share: a scripted provider, a router with short times, ways to ask."""
import json

from scripted import Provider, delta

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
PATHS = (CHAT, MESSAGES, RESPONSES)
DONE = "[DONE]"
TEXT = [delta(content="hi"), delta("stop"), DONE]


def raw(world):
    """The scripted provider behind `r-chat` and `r-claude`, and a router with short times."""
    if not hasattr(world, "raw"):
        world.raw = Provider()
        world.start_router(
            "quick", CADRE_PROVIDER_TIMEOUT_MS="4000", CADRE_PROVIDER_FIRST_TOKEN_MS="1500", CADRE_PROVIDER_STALL_MS="2500",
            CADRE_CALL_TIMEOUT_MS="8000", CADRE_STREAM_HEARTBEAT_MS="250", CADRE_BREAKER_COOL_MS="300")
        for name, kind in (("rawchat", "compatible"), ("rawclaude", "anthropic"), ("rawgemini", "gemini")):
            put(world, f"providers/{name}", kind=kind, base_url=f"http://127.0.0.1:{world.raw.port}/v1")
        for name in ("rawchat/models/r-chat", "rawclaude/models/r-claude", "rawgemini/models/r-gemini"):
            put(world, f"providers/{name}", price={"input": 1, "output": 1})
        put(world, "aliases/backed", models=["r-chat"], fallbacks=["beta-medium"])
        put(world, "aliases/claude-backed", models=["r-claude"], fallbacks=["beta-medium"])
    for name in ("rawchat", "rawclaude", "rawgemini"):
        for router in ("router", "quick"):
            world.call("DELETE", f"/api/v1/providers/{name}/health", operator=True, router=router)
    world.scripts("beta", {"reply": "rescued"})
    return world.raw


def put(world, path, **fields):
    made = world.call("PUT", f"/api/v1/{path}", fields, operator=True, router="quick")
    assert made.status in (200, 201), made


def body(path, model, **more):
    content = {"input": "hello"} if path == RESPONSES else {"messages": [{"role": "user", "content": "hello"}]}
    return {"model": model, **({"max_tokens": 100} if path == MESSAGES else {}), **content, **more}


def ask(world, model, path=CHAT, router="quick", headers=None, timeout=90, **more):
    return world.call("POST", path, body(path, model, **more), router=router, headers=headers, timeout=timeout)


def stream(world, model, path=CHAT, router="quick", headers=None, **more):
    answer = ask(world, model, path, router, headers, stream=True, **more)
    answer.text = words(answer.body, path)
    return answer


def events(data):
    return [json.loads(line[6:]) for line in data.decode().splitlines()
            if line.startswith("data: ") and line != "data: [DONE]"]


def words(data, path):
    text = ""
    for event in events(data):
        if path == CHAT:
            for choice in event.get("choices", []):
                text += choice["delta"].get("content") or ""
        elif path == MESSAGES:
            text += event.get("delta", {}).get("text", "")
        elif event["type"] == "response.output_text.delta":
            text += event["delta"]
    return text


def ended(answer, path):
    return {CHAT: b"[DONE]", MESSAGES: b"event: message_stop", RESPONSES: b"event: response.completed"}[path] in answer.body


def alive(world, router="quick"):
    assert world.processes[router].poll() is None and ask(world, "beta-medium", router=router).status == 200
