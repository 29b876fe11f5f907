import Foundation
import JSON
import Testing

@testable import Policy

/// Public cases of Rego, by category. They are read from the folder that `CADRE_CONFORMANCE_DIR` names.
@Suite("Rego conformance")
struct ConformanceTests {
  static let folder = ProcessInfo.processInfo.environment["CADRE_CONFORMANCE_DIR"].map { $0 + "/rego" }

  static func run(_ view: JSONView) -> String? {
    let note = view["note"]?.string ?? ""
    let modules = (view["modules"].map { Array($0.elements) } ?? []).enumerated().map {
      (file: "\($0.offset).rego", text: Array(($0.element.string ?? "").utf8))
    }
    let wantCode = view["want_error_code"]?.string
    var got: String
    do {
      let program = try PolicyProgram(modules)
      var input = view["input"].map { RegoValue($0) }
      if let term = view["input_term"]?.string {
        input = try PolicyProgram([]).answers("x = \(term)", input: nil, data: .object(RegoObject())).first?["x"]
      }
      let data = view["data"].map { RegoValue($0) } ?? .object(RegoObject())
      let answers = try program.answers(
        view["query"]?.string ?? "", input: input, data: data,
        now: 1_700_000_000_000_000_000, isStrict: view["strict_error"]?.bool ?? (wantCode != nil))
      if wantCode != nil || view["want_error"] != nil { return "\(note): no error, got \(answers)" }
      guard let want = view["want_result"] else { return nil }
      let isSorted = view["sort_bindings"]?.bool ?? false
      // Some cases give sets in the order of their values, others in that of the lists that they become.
      var sortsSets = true
      func normal(_ value: RegoValue) -> RegoValue {
        switch value {
        case .set(let set):
          let elements = set.elements.map(normal)
          return .array(sortsSets ? elements.sorted() : elements)
        case .array(let list): return .array(isSorted ? list.map(normal).sorted() : list.map(normal))
        case .object(let object):
          return .object(
            RegoObject(
              (0..<object.count).map {
                (.string(object.keys[$0].string ?? object.keys[$0].json), normal(object.values[$0]))
              }))
        default: return value
        }
      }
      let wanted = want.elements.map { normal(RegoValue($0)).json }.sorted()
      var have: [String] = []
      for order in [true, false] {
        sortsSets = order
        have = answers.map { normal(.object(RegoObject($0.map { (.string($0.key), $0.value) }))).json }.sorted()
        if wanted == have { return nil }
      }
      return "\(note): want \(wanted) got \(have)"
    } catch let error as PolicyError { got = error.description } catch let error as EvaluationError {
      got = "\(error.code.rawValue): \(error.message)"
      if error.code.rawValue == wantCode || (wantCode == nil && view["want_error"] != nil) { return nil }
    } catch { got = "\(error)" }
    return "\(note): want \(wantCode ?? "result") got \(got)"
  }

  /// Programs made at random, with the answers of OPA 1.20: `Tests/Policies/differential.py` makes more of them.
  @Test func `generated programs say what OPA says`() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Cases/generated.jsonl")
    var count = 0
    for line in try Data(contentsOf: file).split(separator: 10) {
      let failure = ConformanceTests.run(try JSONDocument(parsing: Array(line)).root)
      #expect(failure == nil)
      count += 1
    }
    #expect(count > 100)
  }

  @Test(.enabled(if: folder != nil, "CADRE_CONFORMANCE_DIR names no folder"))
  func cases() throws {
    let folder = try #require(ConformanceTests.folder)
    var failures: [String] = []
    var count = 0
    var byFile: [(String, Int, Int)] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where file.hasSuffix(".jsonl") {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))
      var (all, good) = (0, 0)
      for line in bytes.split(separator: 10) {
        let document = try JSONDocument(parsing: Array(line))
        all += 1
        if let failure = ConformanceTests.run(document.root) {
          failures.append("\(file): \(failure)")
        } else {
          good += 1
        }
      }
      count += all
      byFile.append((file, good, all))
    }
    print("conformance: \(count - failures.count) of \(count)")
    if let report = ProcessInfo.processInfo.environment["CADRE_CONFORMANCE_REPORT"] {
      try (byFile.map { "\($0.0) \($0.1)/\($0.2)" } + failures).joined(separator: "\n").write(
        toFile: report, atomically: true, encoding: .utf8)
    }
    #expect(count > 0)
    // Of cases that were made for it, none may fail.
    if ProcessInfo.processInfo.environment["CADRE_CONFORMANCE_STRICT"] != nil { #expect(failures == []) }
  }
}
