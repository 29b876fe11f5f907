import Foundation
import PostgresTestKit
import Testing

@testable import RunStorage

@Suite struct StatementDeclarationTests {
  @Test(arguments: DeclaredStatement.all.map(\.name))
  func `text and declaration agree`(_ name: String) throws {
    let statement = try #require(DeclaredStatement.all.first { $0.name == name })
    #expect(statement.faults == [])
  }

  /// A statement that is declared and not listed would not be checked.
  @Test func `every statement is checked`() throws {
    let declared = try DeclaredStatement.names(
      in: Self.folder, pattern: #"static let (\w+) = (?:Statement\b|insertion\b|apply\(|apply \{|list\()"#)
    // Several types have a statement of the same name.
    let checked = DeclaredStatement.all.compactMap { $0.name.split(separator: ".").last.map(String.init) }
    #expect(declared == checked.sorted())
  }

  /// Whoever gives a list of values numbers parameters by hand; lists of the API build both together.
  @Test func `no statement is called with a list of values`() throws {
    let call = try Regex(#"pool\.query\(\s*(?:"[^"\n]+"|"""(?s:.*?)""")\s*,\s*\["#)
    for (file, text) in try Self.sources() { #expect(text.matches(of: call).count == 0, "\(file)") }
  }

  private static let folder =
    (#filePath as NSString).deletingLastPathComponent + "/../../Services/Orchestrator/Storage"

  private static func sources() throws -> [(file: String, text: String)] {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
    #expect(files.count > 20)
    return try files.map { ($0, try String(contentsOfFile: folder + "/" + $0, encoding: .utf8)) }
  }
}
