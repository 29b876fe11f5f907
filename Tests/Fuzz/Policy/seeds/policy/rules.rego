package a.b

import data.a.b.c as d

default p := false

p if {
	input.x == "a"
	some k, v in input.y
	not v in {1, 2}
	every e in [k, v] { e != null }
}

q contains {"n": n, "s": sprintf("%v", [n])} if some n in numbers.range(1, 5)

r[x] := count(y) if { some x; y := input.y[x] }

f(1, x) := x + 1 if x > 0 else := [x | x > 2] else := {x: 1}

t := $"{f(1, 2)} and {input.z}" if p with input.x as "b"
---
{"x": "a", "y": {"k": [1, 2]}}
