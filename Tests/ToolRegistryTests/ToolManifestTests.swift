import Contracts
import JSON
import Testing

@testable import ToolRegistry

@Suite struct ToolManifestTests {
  private static func read(_ text: String) throws -> ToolManifest {
    try ToolManifest(try JSONDocument(parsing: text).root)
  }

  private static func document(_ members: String = "", source: String = #""source":"def run(a): return a""#) -> String {
    """
    {"manifest":{"name":"slugify","description":"Makes a slug.","runtime":"python",
    "parameters":{"type":"object","properties":{"text":{"type":"string"}}}\(members)},\(source)}
    """
  }

  private static func faults(_ text: String) throws -> [String] {
    do {
      _ = try read(text)
      return []
    } catch let error as JSONFieldsError { return error.faults.map(\.pointer) }
  }

  @Test func `a manifest makes a definition of the source user, careful where it says nothing`() throws {
    let manifest = try Self.read(Self.document())
    #expect(manifest.definition.name == "slugify")
    #expect(manifest.definition.source == .user)
    #expect(manifest.definition.risk == .execute)
    #expect(!manifest.definition.isIdempotent)
    #expect(manifest.definition.isWithinLimits)
    #expect(manifest.runtime == .python)
    #expect(String(decoding: manifest.source, as: UTF8.self) == "def run(a): return a")
  }

  @Test func `a module comes as base64`() throws {
    let source = #""source_base64":"AGFzbQEAAAA=""#
    let text = Self.document(source: source).replacing("\"python\"", with: "\"wasm\"")
    #expect(try Self.read(text).source == [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0])
    #expect(try Self.faults(text.replacing("AGFz", with: "BGFz")) == ["/source_base64"])
  }

  @Test(arguments: [
    (#","risk":"evil""#, "/manifest/risk"), (#","timeout_ms":0"#, "/manifest/timeout_ms"),
    (#","more":1"#, "/manifest/more"), (#","idempotent":1"#, "/manifest/idempotent"),
  ])
  func `a fault is named by its pointer`(member: String, pointer: String) throws {
    #expect(try Self.faults(Self.document(member)) == [pointer])
  }

  @Test(arguments: [
    BuiltInTools.all[0].name, "update_beliefs", "a__b", "a b", "", "ä", String(repeating: "x", count: 65),
  ])
  func `names of built-in tools, of servers and of nothing are refused`(name: String) throws {
    #expect(try Self.faults(Self.document().replacing("slugify", with: name)).contains("/manifest/name"))
  }

  @Test(arguments: [
    "1", "[]", "{}", #"{"type":"string"}"#, #"{"type":"object","properties":1}"#,
    #"{"type":"object","$ref":"https://example.com/x"}"#, #"{"type":"object","patternProperties":{"(":{}}}"#,
  ])
  func `parameters are a schema of an object`(schema: String) throws {
    let text = Self.document().replacing(
      #"{"type":"object","properties":{"text":{"type":"string"}}}"#, with: schema)
    #expect(try Self.faults(text) == ["/manifest/parameters"])
  }

  @Test(arguments: [
    "", #""source":"""#, #""source":"a","source_base64":"YQ==""#, #""source_base64":"YQ""#, #""source_base64":"Y!==""#,
    #""source_base64":"/w==""#, #""source_base64":"AA==""#,
  ])
  func `a source is one text of UTF-8`(source: String) throws {
    let text = Self.document(source: source.isEmpty ? #""x":1"# : source)
    #expect(!(try Self.faults(text)).isEmpty)
  }
}
