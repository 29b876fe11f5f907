import AgentTools
import Contracts
import Glibc
import JSON
import Testing

@Suite struct ToolsDocumentTests {
  private static let begin = "<!-- built-in tools: generated from the definitions; do not edit -->\n"
  private static let end = "<!-- end of the built-in tools -->\n"

  private static func path() throws -> String {
    let range = try #require(#filePath.firstRange(of: "/Tests/AgentToolsTests"))
    return #filePath[..<range.lowerBound] + "/docs/tools.md"
  }

  private static func document() throws -> String {
    let file = try #require(fopen(try path(), "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// A table of all tools, and the schema of each.
  private static func section() -> String {
    var text = "\n| tool | risk | repeatable | time-out | result |\n| --- | --- | --- | --- | --- |\n"
    for tool in BuiltInTools.all {
      text += "| [`\(tool.name)`](#\(tool.name)) | \(tool.risk.rawValue) | \(tool.isIdempotent ? "yes" : "no") "
      text += "| \(tool.timeoutMilliseconds / 1000) s | \(tool.resultBytesMax >> 10) KiB |\n"
    }
    for tool in BuiltInTools.all {
      text += "\n### `\(tool.name)`\n\n\(tool.description)\n\n```json\n"
      text += String(decoding: tool.parameters, as: UTF8.self) + "\n```\n"
    }
    return text + "\n"
  }

  /// With `CADRE_WRITE_DOCS=1` the test writes the section instead.
  @Test func `docs/tools.md has the definitions`() throws {
    let document = try Self.document()
    let begin = try #require(document.firstRange(of: Self.begin))
    let end = try #require(document.firstRange(of: Self.end))
    let expected = document[..<begin.upperBound] + Self.section() + document[end.lowerBound...]
    if getenv("CADRE_WRITE_DOCS") != nil {
      let file = try #require(fopen(try Self.path(), "w"))
      #expect(fputs(String(expected), file) >= 0)
      fclose(file)
    }
    #expect(try Self.document() == expected, "CADRE_WRITE_DOCS=1 writes it anew")
  }

  @Test func `every code of results stands there`() throws {
    let document = try Self.document()
    for code in ToolResultCode.allCases { #expect(document.contains("\n| `\(code.rawValue)` | "), "\(code.rawValue)") }
  }
}
