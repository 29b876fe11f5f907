internal import Glibc
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import Redis
internal import SystemSources
internal import Telemetry

/// A small server for measurements: the same work that the baselines do, behind our HTTP server.
/// `bench-server PORT POSTGRES REDIS` serves (REDIS is a path or an address), `bench-server json` measures the JSON module.
let arguments = CommandLine.arguments
if arguments.count == 2, arguments[1] == "json" {
  JSONBenchmark.run()
  exit(0)
}
guard arguments.count == 4, let port = Int(arguments[1]) else {
  print("usage: bench-server PORT POSTGRES REDIS | bench-server json")
  exit(2)
}
signal(SIGPIPE, SIG_IGN)
let group = EventLoopGroup()
let telemetry = Telemetry.disabled(service: "bench")
let postgres = PostgresPool(
  group: group, configuration: PostgresConfiguration(connectionString: arguments[2]), telemetry: telemetry)
let redis = RedisPool(
  group: group,
  configuration: try RedisConfiguration(url: arguments[3].hasPrefix("/") ? "unix:\(arguments[3])" : arguments[3]))

var router = Router()
router.on(.get, "/small") { _ in .text(.ok, "hello, world\n") }
router.on(.get, "/redis") { _ in
  HTTPResponse(.ok, body: .bytes(try await redis.get("bench") ?? []))
}
router.on(.get, "/select") { _ in
  var random = SystemRandom.shared
  let rows = try await postgres.query(
    "select abalance from pgbench_accounts where aid = $1", [Int32(random.next() % 100_000 + 1)])
  return .text(.ok, "\(try rows.first?.decode(0, as: Int32.self) ?? -1)\n")
}
router.on(.get, "/insert") { _ in
  _ = try await postgres.query("insert into bench_insert (body) values ($1)", [String(repeating: "x", count: 200)])
  return .text(.ok, "ok\n")
}
let server = HTTPServer(
  group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: port)), router: router,
  telemetry: telemetry)
group.loops[0].task {
  await postgres.start()
  await redis.start()
  _ = try await redis.send(["SET", "bench", "0123456789abcdef0123456789abcdef"])
  try await server.start()
  print("ready")
  fflush(nil)
}
while true { pause() }
