import Foundation
import Postgres
import RunStorage
import Testing

@testable import Artefacts
@testable import Memories
@testable import ToolRegistry

extension WorkspaceTests {
  /// The server accepts every statement on the schema that the migrations make, and texts and declarations agree.
  @Suite(.serialized) struct WorkspaceStatementTests {
    private struct Declared {
      let name: String
      let sql: String
      let faults: [String]

      init<Input, Row>(_ name: String, _ statement: Statement<Input, Row>) {
        self.name = name
        sql = statement.sql
        faults = statement.faults
      }
    }

    private static let all = [
      Declared("begin", BlobStore.begin), Declared("insertPiece", BlobStore.insertPiece),
      Declared("insertWhole", BlobStore.insertWhole), Declared("find", BlobStore.find),
      Declared("complete", BlobStore.complete), Declared("drop", BlobStore.drop),
      Declared("readPiece", BlobStore.readPiece), Declared("find", ArtefactStore.find),
      Declared("findNewest", ArtefactStore.findNewest), Declared("listNewest", ArtefactStore.listNewest),
      Declared("listVersions", ArtefactStore.listVersions), Declared("listUploads", ArtefactStore.listUploads),
      Declared("delete", ArtefactStore.delete), Declared("findAll", ArtefactStore.findAll),
      Declared("linkAll", ArtefactStore.linkAll), Declared("insert", ArtefactStore.insert),
      Declared("upload", ArtefactStore.upload), Declared("expireUploads", WorkspaceCleanup.expireUploads),
      Declared("check", WorkspaceCleanup.check), Declared("insert", MemoryStore.insert),
      Declared("list", MemoryStore.list), Declared("read", MemoryStore.read),
      Declared("remove", MemoryStore.remove), Declared("findProject", MemoryStore.findProject),
      Declared("insert", UserToolStore.insert), Declared("list", UserToolStore.list),
      Declared("find", UserToolStore.find), Declared("findSource", UserToolStore.findSource),
      Declared("remove", UserToolStore.remove), Declared("read", RegistryRevision.read),
      Declared("find", MCPServerStore.find), Declared("list", MCPServerStore.list),
      Declared("insert", MCPServerStore.insert), Declared("change", MCPServerStore.change),
      Declared("remove", MCPServerStore.remove), Declared("insertStatus", MCPServerStore.insertStatus),
      Declared("readStatus", MCPServerStore.readStatus), Declared("replaceAll", MCPToolStore.replaceAll),
      Declared("pin", MCPToolStore.pin), Declared("list", MCPToolStore.list), Declared("find", MCPToolStore.find),
      Declared("listOffered", MCPToolStore.listOffered), Declared("listSealed", MCPServerStore.listSealed),
      Declared("replaceSealed", MCPServerStore.replaceSealed),
    ]

    @Test func `the server prepares every statement`() throws {
      let database = try WorkspaceDatabase.shared.get()
      for statement in Self.all {
        #expect(statement.faults == [], "\(statement.name)")
        #expect(throws: Never.self, "\(statement.name): \(statement.sql)") {
          try database.query("prepare s as \(statement.sql); deallocate s")
        }
      }
    }

    /// A statement that is declared and not listed would not be checked.
    @Test func `every statement is checked`() throws {
      let declaration = try Regex(#"static let (\w+) = (?:Statement\b|addition \{)"#)
      var declared: [String] = []
      for module in ["Artefacts", "Memories", "ToolRegistry"] {
        let folder =
          (#filePath as NSString).deletingLastPathComponent + "/../../Services/Orchestrator/\(module)"
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasSuffix(".swift") {
          let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
          declared += try text.matches(of: declaration).map { String(try #require($0.output[1].substring)) }
        }
      }
      #expect(declared.sorted() == Self.all.map(\.name).sorted())
    }
  }
}
