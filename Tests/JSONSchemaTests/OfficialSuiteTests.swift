import Foundation
import JSON
import JSONSchema
import Testing

/// The official suite of JSON Schema, when a folder with it is named; `json-schema/*.json` below it.
private let folder = ProcessInfo.processInfo.environment["CADRE_CONFORMANCE_DIR"].map { $0 + "/json-schema" }

@Suite struct OfficialSuiteTests {
  /// Groups that refer to documents outside of themselves, which are never fetched.
  private static let remote: Set<String> = [
    "remote ref, containing refs itself", "strict-tree schema, guards against misspelled properties",
    "$ref and $dynamicAnchor are independent of order - $defs first",
  ]

  @Test(.enabled(if: folder != nil, "CADRE_CONFORMANCE_DIR names no folder"))
  func `the official suite passes`() throws {
    let folder = try #require(folder)
    var passed = 0
    var failed = 0
    var refused = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".json") {
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
      var options = SchemaOptions()
      if name.hasPrefix("optional-format") { options.formats = .assertion }
      for group in try JSONDocument(parsing: bytes).root.elements {
        let title = group["description"]?.string ?? ""
        let tests = try #require(group["tests"])
        let schema: CompiledSchema
        do {
          schema = try CompiledSchema(try #require(group["schema"]), options: options)
        } catch {
          let isExpected = Self.remote.contains(title) && (error as? SchemaError)?.code == .unresolvedReference
          #expect(isExpected, "\(name): \(title): \(error)")
          if isExpected { refused += tests.count } else { failed += tests.count }
          continue
        }
        for test in tests.elements {
          let value = try #require(test["data"])
          let isValid = test["valid"]?.bool
          let violations = schema.violations(of: value)
          let isRight = violations.isEmpty == isValid && schema.accepts(value) == isValid
          let comment = "\(name): \(title): \(test["description"]?.string ?? ""): \(violations)"
          #expect(isRight, "\(comment)")
          if isRight { passed += 1 } else { failed += 1 }
        }
      }
    }
    print("official suite: \(passed) passed, \(failed) failed, \(refused) refused because they need other documents")
    #expect(passed > 1000)
  }
}
