"""Command-line agents on models of three kinds: requests like theirs, and the real programs where they are installed."""
import glob
import json
import os
import subprocess
import sys

import anthropic
import openai

from agent_provider import AgentProvider
from world import Skipped

FOLDER = os.path.join(os.path.dirname(__file__), "requests")
KINDS = ("compatible", "openai", "anthropic")
LONG = "mcp__plugin_with_quite_a_long_name_server__get_failed_pipeline_jobs_of_merge_request"


def recorded(name):
    with open(f"{FOLDER}/{name}.json") as file:
        return json.load(file)


def typed(name, *extra):
    """A recorded request for a client that does not know some of its members."""
    body = recorded(name)
    body["extra_body"] = {member: body.pop(member) for member in extra}
    return body


class Stage:
    """The provider for agents, registered as all three kinds."""

    def __init__(self, world):
        self.world = world

    def __enter__(self):
        self.provider = AgentProvider()
        self.models = {kind: self.provider.provider(self.world, kind) for kind in KINDS}
        return self

    def __exit__(self, *_):
        self.provider.close()
        for name in self.models.values():
            self.world.call("DELETE", f"/api/v1/providers/{name}", operator=True)


def sent(body):
    """The text of the last request, and the names of its tools."""
    return json.dumps(body), [(tool.get("function") or tool).get("name") for tool in body.get("tools", [])]


def case_a_coding_agent_calls_tools_of_all_forms_on_every_kind(world):
    with Stage(world) as stage:
        client = openai.OpenAI(base_url=world.url() + "/v1", api_key=world.virtual_key(), max_retries=0)
        for kind in ("compatible", "anthropic"):
            stage.provider.play({"text": "I begin.", "calls": [
                ("exec_command", {"cmd": "ls"}), ("agents_v1__spawn_agent", {"message": "hi"}),
                ("apply_patch", {"input": "*** Begin Patch\n*** End Patch"})]})
            stream = client.responses.create(model=stage.models[kind], stream=True, **typed("coder_first", "client_metadata"))
            items = [event.item.to_dict() for event in stream if event.type == "response.output_item.done"]
            assert not stage.provider.refusals, stage.provider.refusals
            assert [item["type"] for item in items] == ["message", "function_call", "function_call", "custom_tool_call"]
            assert items[2]["name"] == "spawn_agent" and items[2]["namespace"] == "agents_v1", items[2]
            assert items[3]["name"] == "apply_patch" and items[3]["input"].startswith("*** Begin"), items[3]
            _, names = sent(stage.provider.bodies[-1])
            assert names == ["exec_command", "apply_patch", "agents_v1__spawn_agent"], names


def case_the_history_of_a_coding_agent_is_taken_by_every_kind(world):
    with Stage(world) as stage:
        for kind in KINDS:
            stage.provider.play({"text": "done"})
            body = {**recorded("coder_first"), "input": recorded("coder_history"), "model": stage.models[kind]}
            done = world.call("POST", "/v1/responses", {**body, "stream": True})
            assert done.status == 200 and b"done" in done.body, (kind, done, stage.provider.refusals)
            if kind == "openai":
                continue
            dropped = done.headers["x-cadre-dropped"]
            for name in ("tools.web_search", "tools.tool_search", "input.web_search_call", "text.verbosity"):
                assert name in dropped, dropped
            text, _ = sent(stage.provider.bodies[-1])
            picture = '{"type": "image", "source"' if kind == "anthropic" else '"image_url": {"url": "data:image/png'
            assert picture in text and "of-another-model" not in text, text


def case_an_assistant_of_messages_is_taken_by_every_kind(world):
    with Stage(world) as stage:
        client = anthropic.Anthropic(base_url=world.url(), api_key=world.virtual_key(), max_retries=0)
        for kind in KINDS:
            stage.provider.play({"text": "go"})
            body = typed("assistant_first", "context_management", "output_config", "thinking")
            with client.messages.stream(model=stage.models[kind], **body) as stream:
                assert stream.get_final_text() == "go"
            assert not stage.provider.refusals, (kind, stage.provider.refusals)
            text, names = sent(stage.provider.bodies[-1])
            assert "12345678901234567890" in text and "iVBOR" in text, text
            if kind == "anthropic":
                continue
            assert LONG not in text and names[3] == "str_replace_based_edit_tool", names
            # The provider calls by the name that it was given; the client reads its own.
            stage.provider.play({"calls": [(names[1], {"a": 1})]})
            body["messages"] = [{"role": "user", "content": "x"}]
            made = client.messages.create(model=stage.models[kind], timeout=60, **body)
            assert made.stop_reason == "tool_use" and made.content[0].name == LONG, made


def case_a_thread_is_refused_so_that_its_client_goes_on_without(world):
    with Stage(world) as stage:
        stage.provider.play({"text": "x"})
        for kind in ("compatible", "openai"):
            done = world.call("POST", "/v1/messages", {
                "model": stage.models[kind], "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
                "thread": {"type": "continue", "previous_message_id": "msg_1"}})
            error = done.json["error"]
            assert done.status == 400 and error["type"] == "invalid_request_error", done
            assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["model"]}, error
        assert not stage.provider.bodies


def case_text_completions_are_answered_by_every_kind(world):
    with Stage(world) as stage:
        client = openai.OpenAI(base_url=world.url() + "/v1", api_key=world.virtual_key(), max_retries=0)
        for kind in KINDS:
            stage.provider.play({"text": "there was"})
            made = client.completions.create(model=stage.models[kind], prompt="Once", max_tokens=9, stop=["."])
            assert made.choices[0].text == "there was" and made.usage.prompt_tokens == 9, made
            chunks = list(client.completions.create(model=stage.models[kind], prompt="Once", stream=True))
            assert "".join(chunk.choices[0].text for chunk in chunks) == "there was", chunks
            assert chunks[-1].choices[0].finish_reason == "stop"


def program(pattern):
    """A program of a Python package; skips the case where it is not installed."""
    found = glob.glob(os.path.join(sys.prefix, "lib/python3*/site-packages", pattern))
    if not found:
        raise Skipped(f"{pattern} is not installed (deploy/setup.sh test)")
    return found[0]


def run(arguments, folder, **environment):
    return subprocess.run(arguments, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                          env={"PATH": os.environ["PATH"], "HOME": folder, **environment})


def case_codex_completes_its_loop_on_every_kind(world):
    codex = program("codex_cli_bin/bin/codex")
    patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch"
    with Stage(world) as stage:
        # A name that the program knows makes it use tools without a schema.
        for kind in KINDS:
            made = world.call("PUT", "/api/v1/aliases/gpt-5.5", {"models": [stage.models[kind]]}, operator=True)
            assert made.status in (200, 201), made
            folder = f"{world.folder}/codex-{kind}"
            os.makedirs(folder)
            with open(f"{folder}/config.toml", "w") as file:
                file.write('model_provider = "router"\n[model_providers.router]\nname = "router"\nwire_api = "responses"\n'
                           f'base_url = "{world.url()}/v1"\nenv_key = "ROUTER_KEY"\nrequest_max_retries = 0\n'
                           'stream_max_retries = 0\n')
            stage.provider.play(
                {"text": "I begin.", "calls": [("exec_command", {"cmd": "echo one > one.txt"}),
                                               ("exec_command", {"cmd": "echo two > two.txt"})]},
                {"calls": [("apply_patch", patch if kind == "openai" else {"input": patch})]}, {"text": "All done."})
            done = run([codex, "exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", "-m", "gpt-5.5", "go"],
                       folder, CODEX_HOME=folder, ROUTER_KEY=world.virtual_key())
            assert done.returncode == 0 and "All done." in done.stdout, (kind, done, stage.provider.refusals)
            for name in ("one.txt", "two.txt", "new.txt"):
                assert os.path.exists(f"{folder}/{name}"), (kind, name, done.stdout)
        world.call("DELETE", "/api/v1/aliases/gpt-5.5", operator=True)


def case_claude_completes_its_loop_on_every_kind(world):
    claude = program("claude_agent_sdk/_bundled/claude")
    with Stage(world) as stage:
        for kind in KINDS:
            folder = f"{world.folder}/claude-{kind}"
            os.makedirs(folder)
            stage.provider.play(
                {"text": "I begin.", "calls": [("Bash", {"command": "echo one > one.txt", "description": "x"}),
                                               ("Bash", {"command": "echo two > two.txt", "description": "x"})]},
                {"text": "All done."})
            done = run([claude, "-p", "go", "--model", stage.models[kind], "--output-format", "json",
                        "--dangerously-skip-permissions"], folder, ANTHROPIC_BASE_URL=world.url(), IS_SANDBOX="1",
                       ANTHROPIC_API_KEY=world.virtual_key(), CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1")
            assert done.returncode == 0, (kind, done, stage.provider.refusals)
            assert json.loads(done.stdout)["result"] == "All done.", done.stdout
            for name in ("one.txt", "two.txt"):
                assert os.path.exists(f"{folder}/{name}"), (kind, name, done.stdout)
