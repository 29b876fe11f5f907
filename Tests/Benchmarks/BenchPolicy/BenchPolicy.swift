import JSON
import Policy
import PolicyTools
import SystemSources

/// Measures decisions in process: `bench-policy POLICIES DATA QUESTIONS ROUNDS`. The questions are lines of JSON with
/// `path` and `input`. Prints JSON: for each path, the nanoseconds of a decision with an input that is there (p50, p99)
/// and with one that is read from JSON first.
@main enum BenchPolicy {
  private struct Question {
    let path: [String]
    let text: [UInt8]
    let input: RegoValue
  }

  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let rounds = Int(arguments[4]) else {
      return print("usage: bench-policy POLICIES DATA QUESTIONS ROUNDS")
    }
    do { try measure(arguments[1], arguments[2], arguments[3], rounds) } catch { print("failed: \(error)") }
  }

  private static func measure(_ folder: String, _ data: String, _ file: String, _ rounds: Int) throws {
    var sources = try PolicyFolder.read([folder])
    try sources.add(try PolicyFolder.bytes(data), at: [], from: data)
    let program = try PolicyProgram(sources.texts(withTests: false))
    var byPath: [String: [Question]] = [:]
    for line in try PolicyFolder.bytes(file).split(separator: 0x0A) {
      let root = try JSONDocument(parsing: Array(line)).root
      guard let path = root["path"]?.string, let input = root["input"] else { continue }
      let question = Question(
        path: path.split(separator: "/").map(String.init), text: Array(input.rawBytes), input: RegoValue(input))
      byPath[path, default: []].append(question)
    }
    var writer = JSONWriter()
    writer.beginObject()
    for (path, questions) in byPath.sorted(by: { $0.key < $1.key }) {
      let base = sources.data
      // Once before, so that nothing is measured that happens once.
      for question in questions {
        _ = try program.document(at: question.path, input: question.input, data: base, now: 0)
      }
      var direct: [UInt64] = []
      var parsed: [UInt64] = []
      for _ in 0..<rounds {
        for question in questions {
          var start = MonotonicClock.now()
          _ = try program.document(at: question.path, input: question.input, data: base, now: 0)
          direct.append(MonotonicClock.now() - start)
          start = MonotonicClock.now()
          let input = RegoValue(try JSONDocument(parsing: question.text).root)
          _ = try program.document(at: question.path, input: input, data: base, now: 0)
          parsed.append(MonotonicClock.now() - start)
        }
      }
      writer.key(path)
      writer.beginObject()
      write("direct", direct, to: &writer)
      write("parsed", parsed, to: &writer)
      writer.endObject()
    }
    writer.endObject()
    print(String(decoding: writer.bytes, as: UTF8.self))
  }

  private static func write(_ name: String, _ durations: [UInt64], to writer: inout JSONWriter) {
    let sorted = durations.sorted()
    writer.key(name)
    writer.beginObject()
    writer.member("count", Int64(sorted.count))
    writer.member("sum_ns", Int64(clamping: sorted.reduce(0, +)))
    writer.member("p50_ns", Int64(clamping: sorted[sorted.count / 2]))
    writer.member("p99_ns", Int64(clamping: sorted[sorted.count * 99 / 100]))
    writer.endObject()
  }
}
