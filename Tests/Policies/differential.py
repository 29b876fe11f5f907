#!/usr/bin/env python3
"""Makes programs of Rego at random, asks another engine what they say, and writes cases for ConformanceTests.

differential.py FOLDER [COUNT [SEED]]   writes FOLDER/rego/generated.jsonl
The engine is OPA itself where the module opa_bindings can be imported, else regopy. What an engine refuses to read is no
case. Run by `make policy-differential`.
"""
import json
import os
import random
import sys

STRINGS = ["a", "b", "ab", "", "A b", "x/y", "1.2.3", "ü", "GET", "admin"]
NUMBERS = [0, 1, 2, 3, 7, -1, -4, 10, 2.5, 100]


class Maker:
    """One program. Expressions have a type, so that most of them have a value."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.depth = 0
        self.rules = []
        self.numbers = ["input.n", "input.m"]
        self.strings = ["input.s", "input.t", "input.o.k"]
        self.arrays = ["input.l"]
        self.sets = []
        self.objects = ["input.o"]
        self.variables = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def number(self, depth=0):
        r = self.random.random()
        if depth > 2 or r < 0.3:
            return str(self.random.choice(NUMBERS))
        if r < 0.5:
            return self.random.choice(self.numbers)
        if r < 0.7:
            left, right = self.number(depth + 1), self.number(depth + 1)
            return f"({left} {self.pick('+', '-', '*')} {right})"
        return self.pick(
            lambda: f"count({self.collection(depth + 1)})",
            lambda: f"abs({self.number(depth + 1)})",
            lambda: f"round({self.number(depth + 1)})",
            lambda: f"sum([1, 2, {self.number(depth + 1)}])",
            lambda: f"max([0, {self.number(depth + 1)}])",
            lambda: f"floor({self.number(depth + 1)})",
            lambda: f"indexof({self.string(depth + 1)}, {self.string(depth + 1)})",
            lambda: f"object.get({self.object(depth + 1)}, {self.string(depth + 1)}, 5)",
            lambda: f"({self.pick('7', '10', '-9', '12')} % {self.pick('2', '3', '5')})",
            lambda: f"({self.number(depth + 1)} / {self.pick('1', '2', '4')})",
        )()

    def string(self, depth=0):
        r = self.random.random()
        if depth > 2 or r < 0.35:
            return json.dumps(self.random.choice(STRINGS), ensure_ascii=False)
        if r < 0.55:
            return self.random.choice(self.strings)
        s = lambda: self.string(depth + 1)
        return self.pick(
            lambda: f"upper({s()})", lambda: f"lower({s()})", lambda: f"trim_space({s()})",
            lambda: f"concat({s()}, [{s()}, {s()}])", lambda: f"sprintf(\"%v|%d\", [{s()}, {self.pick('1', '22')}])",
            lambda: f"replace({s()}, {json.dumps(self.pick('a', 'b', '.'))}, {s()})",
            lambda: f"substring({s()}, 0, {self.pick('0', '1', '-1')})",
            lambda: f"trim({s()}, {json.dumps(self.pick('a', ' ', '.'))})",
            lambda: f"trim_prefix({s()}, {s()})", lambda: f"format_int({self.pick('10', '255', '-7')}, {self.pick('2', '10', '16')})",
            lambda: f"type_name({self.any(depth + 1)})", lambda: f"json.marshal({self.any(depth + 1)})",
            lambda: f"base64.encode({s()})", lambda: f"strings.reverse({s()})",
        )()

    def array(self, depth=0):
        if depth > 2 or self.random.random() < 0.25:
            return self.random.choice(self.arrays + ["[1, 2, 3]", "[]", '["a", "b"]'])
        return self.pick(
            lambda: f"[{self.any(depth + 1)}, {self.any(depth + 1)}]",
            lambda: f"array.concat({self.array(depth + 1)}, {self.array(depth + 1)})",
            lambda: f"array.slice({self.array(depth + 1)}, 0, {self.pick('0', '1', '2')})",
            lambda: f"array.reverse({self.array(depth + 1)})",
            lambda: f"split({self.string(depth + 1)}, {json.dumps(self.pick('.', '/', 'a'))})",
            lambda: f"numbers.range({self.pick('0', '1', '3')}, {self.pick('2', '4', '-1')})",
            lambda: f"sort({self.collection(depth + 1)})",
            lambda: self.comprehension("[", "]", depth),
        )()

    def set(self, depth=0):
        if depth > 2 or self.random.random() < 0.25:
            return self.random.choice(self.sets + ["{1, 2}", "set()", '{"a", "b"}'])
        return self.pick(
            lambda: f"({self.set(depth + 1)} {self.pick('|', '&', '-')} {self.set(depth + 1)})",
            lambda: f"{{{self.any(depth + 1)}, {self.any(depth + 1)}}}",
            lambda: f"object.keys({self.object(depth + 1)})",
            lambda: self.comprehension("{", "}", depth),
        )()

    def object(self, depth=0):
        if depth > 2 or self.random.random() < 0.3:
            return self.random.choice(self.objects + ['{"k": 1}', "{}", '{"a": "b", "c": [1]}'])
        return self.pick(
            lambda: f'{{"p": {self.any(depth + 1)}, "q": {self.any(depth + 1)}}}',
            lambda: f"object.union({self.object(depth + 1)}, {self.object(depth + 1)})",
            lambda: f"object.remove({self.object(depth + 1)}, [{self.string(depth + 1)}])",
            lambda: f"object.filter({self.object(depth + 1)}, [{self.string(depth + 1)}, \"k\"])",
        )()

    def collection(self, depth=0):
        return self.pick(self.array, self.set, self.object)(depth)

    def any(self, depth=0):
        return self.pick(self.number, self.string, self.array, self.set, self.object, self.truth)(depth)

    def fresh(self):
        self.variables += 1
        return f"v{self.variables}"

    def comprehension(self, opening, closing, depth):
        v = self.fresh()
        # The order of a list is that of what it is made of: that of sets with computed members is not the same everywhere.
        source = self.collection(depth + 1) if opening == "{" else self.pick(self.array, self.object)(depth + 1)
        condition = self.pick(f"is_number({v})", f"is_string({v})", f"{v} != 1", f"not {v} == 2", f"{v} != \"a\"")
        head = self.pick(v, f"[{v}]", f"type_name({v})")
        return f"{opening}{head} | some {v} in {source}; {condition}{closing}"

    def truth(self, depth=0):
        return self.pick(
            lambda: f"({self.number(depth + 1)} {self.pick('<', '<=', '>', '>=', '==', '!=')} {self.number(depth + 1)})",
            lambda: f"startswith({self.string(depth + 1)}, {self.string(depth + 1)})",
            lambda: f"contains({self.string(depth + 1)}, {self.string(depth + 1)})",
            lambda: f"is_string({self.any(depth + 1)})",
            lambda: f"({self.any(depth + 1)} == {self.any(depth + 1)})",
            lambda: f"regex.match(`{self.pick('^a', 'b$', '[0-9]+', 'a|b', '.*')}`, {self.string(depth + 1)})",
            lambda: f"glob.match({json.dumps(self.pick('a*', '*', 'x/*', '[a-z]*'))}, [\"/\"], {self.string(depth + 1)})",
            lambda: self.pick("true", "false"),
        )()

    def statement(self):
        return self.pick(
            lambda: self.truth(),
            # Operands of calls in a negation are left out: where they are undefined, engines differ.
            lambda: f"not {self.pick('input.n == 3', 'input.o.missing', 'input.o.k', 'input.s == input.t', 'input.l[0]')}",
            lambda: f"{self.any()} in {self.collection()}",
            lambda: (lambda v: f"some {v} in {self.collection()}\n  {v} != {self.any()}")(self.fresh()),
            lambda: (lambda v: f"every {v} in {self.collection()} {{ {self.pick(f'is_number({v})', f'{v} != 0', f'count([{v}]) == 1')} }}")(self.fresh()),
            lambda: (lambda v: f"{v} := {self.any()}\n  {v} != {self.any()}")(self.fresh()),
            lambda: f"input.s == {json.dumps(self.random.choice(STRINGS), ensure_ascii=False)}",
            lambda: f"input.s in {{{', '.join(json.dumps(s) for s in self.random.sample(STRINGS[:4], 2))}}}",
            lambda: f"input.n == {self.random.choice(NUMBERS[:5])}",
            lambda: f"input.{self.pick('missing', 'o.missing', 'o.k')}",
            lambda: (lambda v: f"[_, {v}] = {self.pick('[1, 2]', '[input.s, input.n]', 'input.l')}\n  {v} != 7")(self.fresh()),
            lambda: (lambda v: f"input.l[{v}] == {self.number()}\n  {v} >= 0")(self.fresh()),
            lambda: f"{self.truth()} with input.n as {self.number()}",
        )()

    def body(self):
        return "{\n  " + "\n  ".join(self.statement() for _ in range(self.random.randint(1, 3))) + "\n}"

    def program(self):
        rules = []
        for number in range(self.random.randint(2, 5)):
            kind = self.random.randrange(8)
            name = f"r{number}"
            if kind == 0:
                rules.append(f"default {name} := {self.pick('false', '0', '[]')}")
                rules += [f"{name} := {self.any()} if {self.body()}"]
            elif kind == 1:
                rules += [f"{name} contains {self.any()} if {self.body()}" for _ in range(self.random.randint(1, 4))]
                self.sets.append(name)
            elif kind == 2:
                rules += [f"{name}[{self.string()}] := {self.number()} if {self.body()}" for _ in range(2)]
                self.objects.append(name)
            elif kind == 3:
                rules.append(f"{name} := {self.any()} if {self.body()} else := {self.any()} if {self.body()} else := {self.any()}")
            elif kind == 4:
                value = self.any()
                rules += [f"{name} := {value} if {self.body()}" for _ in range(self.random.randint(3, 6))]
            elif kind == 5:
                rules += [f"{name}f({json.dumps(s)}, y) := y if {self.body()}" for s in self.random.sample(STRINGS[:4], 3)]
                rules.append(f"{name} := {name}f({self.string()}, {self.number()})")
            elif kind == 6:
                rules.append(f"{name} := [{self.any()}, {self.any()}]")
                self.arrays.append(name)
            else:
                rules += [
                    f"{name} := {json.dumps(s + '!')} if {{\n  input.s == {json.dumps(s)}\n  {self.statement()}\n}}"
                    for s in self.random.sample(STRINGS[:7], 4)
                ]
                self.strings.append(name)
        return "package test\n\n" + "\n\n".join(rules) + "\n"

    def input(self):
        value = lambda: self.random.choice(STRINGS + NUMBERS + [None, True, [1, "a"], {"k": 2}])
        return {
            "n": self.random.choice(NUMBERS), "m": self.random.choice(NUMBERS), "s": self.random.choice(STRINGS[:7]),
            "t": self.random.choice(STRINGS), "l": [value() for _ in range(self.random.randint(0, 4))],
            "o": {"k": self.random.choice(STRINGS), **{self.random.choice(STRINGS): value() for _ in range(2)}},
        }


def opa():
    import opa_bindings

    def ask(module, document):
        with opa_bindings.OpaEngine() as engine:
            engine.add_policy("test.rego", module)
            try:
                return engine.eval_document("test", document), None
            except opa_bindings.OpaUndefinedError:
                return None, None
            except opa_bindings.OpaError as error:
                return None, str(error)

    return "OPA", ask


def regopy():
    from regopy import Interpreter

    def ask(module, document):
        rego = Interpreter()
        rego.add_module("test", module)
        rego.set_input(document)
        output = rego.query("x = data.test")
        if not output.ok():
            return None, "error"
        return json.loads(str(output))["bindings"]["x"], None

    return "regopy", ask


def main():
    folder, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    try:
        name, ask = opa()
    except ImportError:
        name, ask = regopy()
    os.makedirs(folder + "/rego", exist_ok=True)
    written, tried = 0, 0
    with open(folder + "/rego/generated.jsonl", "w", encoding="utf-8") as file:
        while written < count and tried < count * 10:
            tried += 1
            maker = Maker(seed + tried)
            module, document = maker.program(), maker.input()
            case = {"note": f"generated/{seed + tried}", "modules": [module], "query": "data.test = x", "input": document}
            try:
                result, error = ask(module, document)
            except Exception:
                continue
            if error is None:
                if result is None:
                    continue
                case["want_result"] = [{"x": result}]
            elif "eval_conflict_error" in error or "complete rules must not" in error or "object keys must be unique" in error:
                case["want_error_code"] = "eval_conflict_error"
                case["strict_error"] = False
            else:
                continue
            file.write(json.dumps(case, ensure_ascii=False) + "\n")
            written += 1
    print(f"{written} cases of {tried} programs by {name}, seed {seed}")


if __name__ == "__main__":
    main()
