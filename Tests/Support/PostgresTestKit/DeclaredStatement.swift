internal import Foundation
public import Postgres

/// A statement of a module, by the name that it is declared with.
public struct DeclaredStatement: Sendable {
  /// Its name, maybe after its type's: `UserStore.find`.
  public let name: String
  /// Its text.
  public let sql: String
  /// Where text and declaration do not agree.
  public let faults: [String]

  /// Takes a statement down.
  public init<Input, Row>(_ name: String, _ statement: Statement<Input, Row>) {
    self.name = name
    sql = statement.sql
    faults = statement.faults
  }

  /// Has the server of a cluster prepare it: names and types are right.
  public func prepare(on cluster: TestCluster) throws { try cluster.query("prepare s as \(sql); deallocate s") }

  /// The names, sorted, of the statements that the sources of a folder declare: those that `pattern` captures first.
  public static func names(in folder: String, pattern: String = #"static let (\w+) = Statement\b"#) throws -> [String] {
    let declaration = try Regex(pattern)
    var names: [String] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasSuffix(".swift") {
      let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
      names += text.matches(of: declaration).compactMap { $0.output[1].substring.map(String.init) }
    }
    return names.sorted()
  }
}
