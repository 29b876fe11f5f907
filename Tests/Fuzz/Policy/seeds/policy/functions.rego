package fuzz

p := [
	time.format([input.n, "Europe/Berlin", "Mon Jan _2 15:04:05.000 -07:00 MST 2006"]),
	time.parse_ns("02 Jan 06 15:04 MST", input.s),
	time.add_date([input.n, "America/New_York"], 1, -1, 40),
	time.diff([input.n, "UTC"], input.m),
	time.clock([input.n, input.s]),
]

q := [
	crypto.md5(input.s), crypto.hmac.sha512(input.s, "k"),
	io.jwt.decode(input.token),
	io.jwt.verify_hs256(input.token, input.s),
	uuid.rfc4122(input.s), rand.intn(input.s, input.n),
	regex.globs_match(input.s, "[a-z]+.*"),
]

r := json.match_schema(input, {"properties": {"s": {"type": "integer"}, "n": {"minimum": 3, "enum": [1, 2]}}, "required": ["z"]})

s := json.verify_schema(input.schema)

t if not startswith(input.s, input.missing)

u if not lower(input.list[_]) in {"a"}
---
{"n": 1700000000000000000, "m": 5, "s": "02 Dec 22 18:40 UTC", "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.eA", "schema": {"type": "objec", "items": {"not": {"pattern": "^(a+)+$"}}}, "list": ["A", "b"]}
