package test

p := [regex.match(`^(a|b)+$`, "abab"), glob.match("*.x", ["."], "a.x"), net.cidr_contains("10.0.0.0/8", "10.1.0.0/16")]

q := json.patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}])

s := [walked | walk(input, walked)]

u := units.parse_bytes("1.5KiB") + to_number("12") - 3 % 2

v := {a | a := split("a.b.c", ".")[_]} | object.keys(input)
---
{"a": {"b": [1, {"c": null}]}}
