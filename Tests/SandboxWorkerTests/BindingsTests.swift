import Testing

/// The declarations of the engine's functions against the bindings that come with the library: a name, the count of its
/// arguments, and whether it gives something back.
@Suite(.enabled(if: Installation.hasEngine, "deploy/sandbox/build has not made the engine folder"))
struct BindingsTests {
  private struct Function: Equatable {
    var arguments: Int
    var hasResult: Bool
  }

  @Test func `every function that is used is declared as the library has it`() throws {
    let declared = Self.declared()
    let found = Self.bound()
    #expect(declared.count > 60 && found.count > 700, "both are read")
    for (name, function) in declared {
      let bound = try #require(found[name], "the library has no \(name)")
      #expect(bound == function, "\(name)")
    }
    let version = String(decoding: TestFile.read(Installation.engine + "/manifest.json"), as: UTF8.self)
    let header = String(decoding: TestFile.read(Self.header), as: UTF8.self)
    #expect(version.contains("\"50.0.1\"") && header.contains("CADRE_ENGINE_VERSION \"50.0.1\""))
  }

  private static let header = Installation.root + "/Services/Sandbox/Engine/wasmtime.h"

  /// `F(result, name, (argument, ...))` of the header.
  private static func declared() -> [String: Function] {
    let text = String(decoding: TestFile.read(header), as: UTF8.self).replacing("\\\n", with: " ")
    var functions: [String: Function] = [:]
    for part in text.split(separator: " F(").dropFirst() {
      guard let open = part.firstIndex(of: "("), let close = part.firstIndex(of: ")") else { continue }
      let head = part[..<open].split(separator: ",")
      let arguments = part[part.index(after: open)..<close]
      guard head.count >= 2 else { continue }
      let name = head[1].filter { !$0.isWhitespace }
      let isEmpty = arguments.trimmingPrefix(" ") == "void"
      functions[name] = Function(
        arguments: isEmpty ? 0 : arguments.split(separator: ",").count,
        hasResult: head[0].filter { !$0.isWhitespace } != "void")
    }
    return functions
  }

  /// `_name.restype = ...` and `_name.argtypes = [...]` of the bindings.
  private static func bound() -> [String: Function] {
    let text = String(decoding: TestFile.read(Installation.engine + "/lib/bindings.py"), as: UTF8.self)
    var functions: [String: Function] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("_") {
      let parts = line.dropFirst().split(separator: " = ", maxSplits: 1)
      guard parts.count == 2 else { continue }
      if parts[0].hasSuffix(".restype") {
        functions[String(parts[0].dropLast(8)), default: Function(arguments: 0, hasResult: false)].hasResult =
          parts[1] != "None"
      }
      if parts[0].hasSuffix(".argtypes") {
        functions[String(parts[0].dropLast(9)), default: Function(arguments: 0, hasResult: false)].arguments =
          count(of: parts[1])
      }
    }
    return functions
  }

  /// The elements of a list that may have lists and calls inside.
  private static func count(of list: Substring) -> Int {
    var depth = 0
    var count = list == "[]" ? 0 : 1
    for character in list {
      if "[(".contains(character) { depth += 1 }
      if "])".contains(character) { depth -= 1 }
      if character == ",", depth == 1 { count += 1 }
    }
    return count
  }
}
