#!/usr/bin/env python3
"""Writes the Python client of the API: one module of types and methods, made of the description of the API.

Usage: python-client.py FILE-OR-URL > docs/clients/python/cadre_client.py    (the URL of /openapi.json of a gateway)
"""
import json
import keyword
import os
import re
import sys
import urllib.request

RUNTIME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python-client-runtime.py")
# Models are called with the clients of OpenAI and Anthropic.
LEFT_OUT = ("/v1/", "/reference")
WIDTH = 118


def snake(name):
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"[^A-Za-z0-9]+", "_", name).lower()
    return name + "_" if keyword.iskeyword(name) or name in ("from", "format") else name


def text(value):
    return json.dumps(value, ensure_ascii=False)


class Types:
    """Schemas as types of Python."""

    def __init__(self, schemas):
        self.schemas = schemas

    def of(self, schema):
        if "$ref" in schema:
            return text(schema["$ref"].rsplit("/", 1)[1])
        if "enum" in schema:
            return f"Literal[{', '.join(text(word) for word in schema['enum'])}]"
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.either([self.of(one) for one in schema[word]])
        kind = schema.get("type")
        if isinstance(kind, list):
            return self.either([self.of({**schema, "type": one}) for one in kind])
        if kind == "array":
            return f"list[{self.of(schema.get('items', {}))}]"
        if kind == "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {self.of(more)}]" if isinstance(more, dict) else "dict[str, Any]"
        return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}.get(kind, "Any")

    @staticmethod
    def either(types):
        types = list(dict.fromkeys(types))
        return "Any" if "Any" in types else types[0] if len(types) == 1 else f"Union[{', '.join(types)}]"

    def declaration(self, name):
        schema = self.schemas[name]
        if schema.get("type") != "object" or "properties" not in schema:
            return f"{name} = {self.of(schema)}\n"
        required = set(schema.get("required", []))
        lines = []
        for member, inner in schema["properties"].items():
            kind = self.of(inner)
            lines.append(f"    {text(member)}: {kind if member in required else f'NotRequired[{kind}]'},")
        return f"{name} = TypedDict({text(name)}, {{\n" + "\n".join(lines) + "\n})\n"


class Operation:
    def __init__(self, document, types, path, method, value):
        self.path, self.method, self.value, self.types = path, method.upper(), value, types
        self.parameters = [self.resolve(document, one) for one in value.get("parameters", [])]
        self.name = snake(value["operationId"])

    @staticmethod
    def resolve(document, value):
        while "$ref" in value:
            target = document
            for part in value["$ref"][2:].split("/"):
                target = target[part]
            value = target
        return value

    def of(self, place):
        return [one for one in self.parameters if one["in"] == place]

    @property
    def answers(self):
        """Media types and schemas of what is answered when all goes well."""
        found = {}
        for status, answer in self.value["responses"].items():
            if status.startswith("2"):
                for media, content in answer.get("content", {}).items():
                    found.setdefault(media, content.get("schema", {}))
        return found

    @property
    def result(self):
        if "application/json" in self.answers:
            return self.types.of(self.answers["application/json"])
        return "bytes" if self.answers else "None"

    def arguments(self):
        """Names, annotations and defaults of the method's arguments."""
        first = [(snake(one["name"]), self.types.of(one["schema"]), None) for one in self.of("path")]
        body = self.value.get("requestBody")
        if body:
            media, content = next(iter(body["content"].items()))
            kind = self.types.of(content["schema"]) if media == "application/json" else "bytes"
            needed = body.get("required", False) or kind == "bytes"
            first.append(("body", kind if needed else f"Optional[{kind}]", None if needed else "None"))
        named = []
        for one in self.of("query"):
            needed = one.get("required", False)
            kind = self.types.of(one["schema"])
            named.append((snake(one["name"]), kind if needed else f"Optional[{kind}]", None if needed else "None"))
        for one in self.of("header"):
            if one["name"] == "Prefer":
                named.append(("wait", "Optional[int]", "None"))
            else:
                kind = "Union[int, str, None]" if one["name"] == "If-Match" else "Optional[str]"
                named.append((snake(one["name"]), kind, "None"))
        named.sort(key=lambda one: one[2] is not None)
        return first, named

    def signature(self, name, result, without=()):
        first, named = self.arguments()
        parts = ["self"] + [f"{n}: {k}" + (f" = {d}" if d else "") for n, k, d in first]
        named = [one for one in named if one[0] not in without]
        if named:
            parts += ["*"] + [f"{n}: {k}" + (f" = {d}" if d else "") for n, k, d in named]
        line = f"    def {name}({', '.join(parts)}) -> {result}:"
        if len(line) <= WIDTH:
            return line
        return f"    def {name}(\n        " + ",\n        ".join(parts) + f",\n    ) -> {result}:"

    def address(self):
        if not self.of("path"):
            return text(self.path)
        return "f" + text(re.sub(r"\{([^}]+)\}", lambda m: "{_segment(" + snake(m.group(1)) + ")}", self.path))

    def pairs(self, place):
        rows = []
        for one in self.of(place):
            name = snake(one["name"])
            if one["name"] == "Prefer":
                rows.append('"Prefer": None if wait is None else f"wait={wait}"')
            elif one["name"] == "If-Match":
                rows.append('"If-Match": _etag(if_match)')
            else:
                rows.append(f"{text(one['name'])}: {name}")
        return "{" + ", ".join(rows) + "}"

    def call(self, indent="        "):
        body = self.value.get("requestBody")
        parts = [text(self.method), self.address()]
        if self.of("query"):
            parts.append(f"query={self.pairs('query')}")
        if self.of("header"):
            parts.append(f"headers={self.pairs('header')}")
        if body:
            parts.append("body=body")
        if any(one["name"] == "Idempotency-Key" for one in self.of("header")):
            parts.append("has_key=True")
        call = f"self._call({', '.join(parts)})"
        if len(call) + len(indent) + 7 > WIDTH:
            call = "self._call(\n" + indent + "    " + (",\n" + indent + "    ").join(parts) + ",\n" + indent + ")"
        return call

    def page(self):
        """The member with the entries of a page, and the item that names the next one."""
        schema = self.answers.get("application/json", {})
        if "$ref" not in schema:
            return None
        members = self.types.schemas[schema["$ref"].rsplit("/", 1)[1]].get("properties", {})
        items = {one["name"] for one in self.of("query")}
        lists = [name for name, inner in members.items() if inner.get("type") == "array"]
        for cursor, item in (("next_cursor", "cursor"), ("next_after", "after")):
            if cursor in members and item in items and len(lists) == 1:
                return lists[0], self.types.of(members[lists[0]]["items"]), cursor, item
        return None

    def source(self):
        summary = self.value["summary"]
        if "description" in self.value and len(self.value["description"]) < 200:
            summary += "\n\n        " + self.value["description"]
        lines = [self.signature(self.name, self.result), f'        """{summary}"""', f"        return {self.call()}", ""]
        page = self.page()
        if page:
            entries, kind, cursor, item = page
            first, named = self.arguments()
            handed = [name for name, _, _ in first] + [f"{name}={name}" for name, _, _ in named]
            lines += [
                self.signature(f"iterate_{self.name.removeprefix('list_')}", f"Iterator[{kind}]"),
                f'        """Every entry of `{self.name}`, page by page."""',
                "        while True:",
                f"            page = self.{self.name}({', '.join(handed)})",
                f"            yield from page[{text(entries)}]",
                f"            {item} = page[{text(cursor)}]",
                f"            if {item} is None:",
                "                return", ""]
        return "\n".join(lines)


def client(document):
    types = Types(document["components"]["schemas"])
    operations = [
        Operation(document, types, path, method, value)
        for path, methods in document["paths"].items() if not path.startswith(LEFT_OUT)
        for method, value in methods.items()]
    # What is reached from the operations, in the order of the document.
    wanted, queue = set(), [json.dumps([one.value, one.parameters]) for one in operations]
    while queue:
        for name in re.findall(r"#/components/schemas/(\w+)", queue.pop()):
            if name not in wanted:
                wanted.add(name)
                queue.append(json.dumps(types.schemas[name]))
    wanted -= {"Problem"}
    runtime = open(RUNTIME, encoding="utf-8").read()
    head, tail = runtime.split("# OPERATIONS\n")
    head, base = head.split("# TYPES\n")
    declared = "\n".join(types.declaration(name) for name in types.schemas if name in wanted)
    methods = "\n".join(one.source() for one in operations)
    return head + declared + base + methods + tail


def main():
    place = sys.argv[1]
    if place.startswith(("http://", "https://")):
        with urllib.request.urlopen(place, timeout=30) as answer:
            document = json.load(answer)
    else:
        document = json.load(open(place, encoding="utf-8"))
    sys.stdout.write(client(document))


if __name__ == "__main__":
    main()
