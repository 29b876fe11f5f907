internal import JSON
internal import Primitives
internal import SystemSources

/// Megabytes per second of the JSON module, the median of several rounds.
enum JSONBenchmark {
  static func run() {
    let prose = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 40)
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("model", "m")
    writer.key("messages")
    writer.beginArray()
    for _ in 0..<60 {
      writer.beginObject()
      writer.member("role", "user")
      writer.member("content", prose)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    let long = writer.bytes
    writer = JSONWriter()
    writer.beginArray()
    for number in 0..<5000 {
      writer.beginObject()
      writer.member("id", Int64(number))
      writer.member("ok", number % 2 == 0)
      writer.member("name", "n\(number)")
      writer.endObject()
    }
    writer.endArray()
    let small = writer.bytes
    report("parse, long strings", long.count) { _ = try? JSONDocument(parsing: long) }
    report("parse, small tokens", small.count) { _ = try? JSONDocument(parsing: small) }
    let value = (try? JSONDocument(parsing: small)).map { JSONValue($0.root) } ?? .null
    report("write, small tokens", small.count) {
      var writer = JSONWriter(reservingBytes: small.count)
      value.write(to: &writer)
    }
    report("write, long strings", prose.utf8.count * 60) {
      var writer = JSONWriter(reservingBytes: prose.utf8.count * 60)
      writer.beginArray()
      for _ in 0..<60 { writer.string(prose) }
      writer.endArray()
    }
  }

  private static func report(_ name: String, _ bytes: Int, _ body: () -> Void) {
    var rates: [Double] = []
    for _ in 0..<9 {
      let started = MonotonicClock.now()
      var rounds = 0
      while MonotonicClock.now() - started < 60_000_000 {
        body()
        rounds += 1
      }
      rates.append(Double(rounds * bytes) / (Double(MonotonicClock.now() - started) / 1e9) / 1e6)
    }
    print("\(name)\t\(Int(rates.sorted()[4]))")
  }
}
