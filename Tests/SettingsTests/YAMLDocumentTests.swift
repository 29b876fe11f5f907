import Testing

@testable import Settings

@Suite struct YAMLDocumentTests {
  private static func faults(_ bytes: [UInt8], _ environment: [String: String] = [:]) -> [SettingsFault] {
    do {
      _ = try ConfigNode(yaml: bytes, path: "t.yaml", environment: environment)
      return []
    } catch {
      return error.faults
    }
  }

  private static func faults(_ text: String) -> [SettingsFault] { faults(Array(text.utf8)) }

  private static func parse(_ text: String) throws -> ConfigNode { try ConfigNode(yaml: Array(text.utf8), path: "t") }

  @Test func `scalars follow the core schema and quotes make strings`() throws {
    let text = """
      [true, 'true', 12, "12", 0o17, 0xfF, 1.5, .5, 5., -1e3, .inf, ~, '', yes, 1_000, 0b1, +7, -0x1, 99999999999999999999]
      """
    guard case .list(let nodes) = try Self.parse(text).content else {
      Issue.record("no list")
      return
    }
    let expected: [ConfigScalar.Value?] = [
      .boolean(true), .string, .integer(12), .string, .integer(15), .integer(255), .number(1.5), .number(0.5),
      .number(5), .number(-1000), .number(.infinity), .null, .string, .string, .string, .string, .integer(7), .string,
      .number(1e20),
    ]
    #expect(nodes.map { $0.scalar?.value } == expected)
  }

  @Test func `places count from one and from the key or value itself`() throws {
    let root = try Self.parse("a: 1\nb:\n  - x\n  - {c: é, d: 2}\n")
    guard case .list(let list) = root["b"]?.content else {
      Issue.record("no list")
      return
    }
    #expect(list.first?.origin == .file(path: "t", line: 3, column: 5))
    #expect(list.last?["d"]?.origin == .file(path: "t", line: 4, column: 15))
  }

  @Test func `a billion laughs are refused at the first anchor`() {
    var text = "a0: &a0 [lol, lol, lol]\n"
    for level in 1...9 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    let faults = Self.faults(text)
    #expect(!faults.isEmpty)
    #expect(faults.allSatisfy { $0.code == .unsupported })
    #expect(faults.first?.origin == .file(path: "t.yaml", line: 1, column: 5))
  }

  @Test(arguments: [
    "a: &x 1", "a: *x", "&x a: 1", "<<: *x", "a: !!str 1", "a: !custom {}", "!!map {a: 1}", "a: ! 1",
    "? [1]\n: 2", "{[a]: 1}", ": 1", "a: 1\n---\nb: 2", "--- 1\n--- 2", "a: 1\n...\nb: 2",
  ])
  func `unsupported constructs are refused`(_ text: String) {
    let faults = Self.faults(text)
    #expect(faults.contains { $0.code == .unsupported || $0.code == .syntax }, "\(faults)")
  }

  @Test(arguments: [
    "a: [1", "a: {", "a: 'x", "\tb: 1", "a: b: c", "a: \"\\q\"", "a:\n - 1\n b: 2", "%YAML 9.9\n--- 1", "a: @x",
    "- a\nb: 1", "[1]]", "a: %", "key: |\n  x\n bad",
  ])
  func `text that is not YAML is a syntax fault with a place`(_ text: String) {
    let faults = Self.faults(text)
    #expect(faults.map(\.code) == [.syntax], "\(faults)")
    guard case .file("t.yaml", let line, let column) = faults.first?.origin else {
      Issue.record("no place")
      return
    }
    #expect(line >= 1 && column >= 1)
  }

  @Test func `a duplicate key names both places`() {
    let faults = Self.faults("a: 1\nb: 2\n\"a\": 3\n")
    #expect(faults.map(\.code) == [.conflict])
    #expect(faults.first?.description == "t.yaml:3:1: a: the same key stands in line 1 already")
  }

  @Test func `depth is limited`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(Self.faults(nested(YAMLDocument.depthMaximum)).isEmpty)
    #expect(Self.faults(nested(YAMLDocument.depthMaximum + 1)).map(\.code) == [.limit])
    #expect(Self.faults(String(repeating: "[", count: 500_000)).map(\.code) == [.limit])
    #expect(Self.faults(String(repeating: "- ", count: 100_000)).map(\.code) == [.limit])
  }

  @Test func `the count of nodes is limited`() {
    let full = "[" + String(repeating: "1,", count: YAMLDocument.nodesMaximum - 1) + "]"
    #expect(Self.faults(full).isEmpty)
    #expect(Self.faults("[1," + full.dropFirst()).map(\.code) == [.limit])
  }

  @Test func `the size is limited`() {
    let comment = [UInt8](repeating: UInt8(ascii: "#"), count: YAMLDocument.fileBytesMaximum)
    #expect(Self.faults(comment).isEmpty)
    #expect(Self.faults(comment + [UInt8(ascii: "#")]).map(\.code) == [.limit])
  }

  @Test func `only UTF-8 is read, with or without its mark`() throws {
    #expect(Self.faults([0x61, 0x3A, 0x20, 0xC3, 0x28]).map(\.code) == [.syntax])
    #expect(!Self.faults([0xFF, 0xFE, 0x61, 0x00]).isEmpty)
    #expect(!Self.faults([0x61, 0x00, 0x3A, 0x00]).isEmpty)
    let marked = try ConfigNode(yaml: [0xEF, 0xBB, 0xBF] + Array("a: 1".utf8), path: "t")
    #expect(marked["a"]?.scalar?.value == .integer(1))
  }

  @Test func `an empty document is null`() throws {
    for text in ["", "\n", "# only a comment", "---", "~"] { #expect(try Self.parse(text).isNull, "\(text)") }
  }

  @Test func `block scalars are strings`() throws {
    let root = try Self.parse("a: |\n  12\nb: >-\n  x\n  y\n")
    #expect(root["a"]?.scalar?.text == "12\n")
    #expect(root["a"]?.scalar?.value == .string)
    #expect(root["b"]?.scalar?.text == "x y")
  }

  @Test func `interpolation works in every scalar but not in keys`() throws {
    let text = "a: ${X}\nb: 'p-${X}-s'\n${X}: |\n  ${NONE:-fall back}\n"
    let root = try ConfigNode(yaml: Array(text.utf8), path: "t", environment: ["X": "8"])
    #expect(root["a"]?.scalar?.value == .integer(8))
    #expect(root["b"]?.scalar?.text == "p-8-s")
    #expect(root["${X}"]?.scalar?.text == "fall back\n")
  }

  @Test func `an unset variable is a fault in its line`() {
    let faults = Self.faults(Array("a: 1\nb: ${HOMEE}\nc: ${X".utf8), ["HOME": "/h"])
    #expect(faults.map(\.code) == [.interpolation, .interpolation])
    #expect(
      faults.first?.description
        == "t.yaml:2:4: the variable HOMEE is not set; did you mean HOME? (write ${HOMEE:-default} to allow that)")
  }

  @Test func `random damage to a valid file never crashes the reader`() {
    let seed = Array("http:\n  port: 80 # x\nlist: [a, \"b\", {c: 'd'}]\nt: |\n  ${X:-y}\nz: !a &b *c\n".utf8)
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<3000 {
      var bytes = seed
      for _ in 0...random(4) {
        switch random(3) {
        case 0: bytes[random(bytes.count)] = UInt8(random(256))
        case 1: bytes.insert(seed[random(seed.count)], at: random(bytes.count))
        default: bytes.remove(at: random(bytes.count))
        }
      }
      for fault in Self.faults(bytes) { #expect(!fault.message.isEmpty) }
    }
  }
}
