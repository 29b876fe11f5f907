import Foundation
import PostgresTestKit
import RunStorage
import Testing

@testable import Artefacts
@testable import Memories
@testable import ToolRegistry

extension WorkspaceTests {
  /// The server accepts every statement on the schema that the migrations make, and texts and declarations agree.
  @Suite(.serialized) struct WorkspaceStatementTests {
    private static let all = [
      DeclaredStatement("begin", BlobStore.begin), DeclaredStatement("insertPiece", BlobStore.insertPiece),
      DeclaredStatement("insertWhole", BlobStore.insertWhole), DeclaredStatement("find", BlobStore.find),
      DeclaredStatement("complete", BlobStore.complete), DeclaredStatement("drop", BlobStore.drop),
      DeclaredStatement("readPiece", BlobStore.readPiece), DeclaredStatement("find", ArtefactStore.find),
      DeclaredStatement("findNewest", ArtefactStore.findNewest),
      DeclaredStatement("listNewest", ArtefactStore.listNewest),
      DeclaredStatement("listVersions", ArtefactStore.listVersions),
      DeclaredStatement("listUploads", ArtefactStore.listUploads),
      DeclaredStatement("delete", ArtefactStore.delete), DeclaredStatement("findAll", ArtefactStore.findAll),
      DeclaredStatement("linkAll", ArtefactStore.linkAll), DeclaredStatement("insert", ArtefactStore.insert),
      DeclaredStatement("upload", ArtefactStore.upload),
      DeclaredStatement("expireUploads", WorkspaceCleanup.expireUploads),
      DeclaredStatement("check", WorkspaceCleanup.check), DeclaredStatement("insert", MemoryStore.insert),
      DeclaredStatement("list", MemoryStore.list), DeclaredStatement("read", MemoryStore.read),
      DeclaredStatement("remove", MemoryStore.remove), DeclaredStatement("findProject", MemoryStore.findProject),
      DeclaredStatement("insert", UserToolStore.insert), DeclaredStatement("list", UserToolStore.list),
      DeclaredStatement("find", UserToolStore.find), DeclaredStatement("findSource", UserToolStore.findSource),
      DeclaredStatement("remove", UserToolStore.remove), DeclaredStatement("read", RegistryRevision.read),
      DeclaredStatement("find", MCPServerStore.find), DeclaredStatement("list", MCPServerStore.list),
      DeclaredStatement("insert", MCPServerStore.insert), DeclaredStatement("change", MCPServerStore.change),
      DeclaredStatement("remove", MCPServerStore.remove),
      DeclaredStatement("insertStatus", MCPServerStore.insertStatus),
      DeclaredStatement("readStatus", MCPServerStore.readStatus),
      DeclaredStatement("replaceAll", MCPToolStore.replaceAll),
      DeclaredStatement("pin", MCPToolStore.pin), DeclaredStatement("list", MCPToolStore.list),
      DeclaredStatement("find", MCPToolStore.find),
      DeclaredStatement("listOffered", MCPToolStore.listOffered),
      DeclaredStatement("listSealed", MCPServerStore.listSealed),
      DeclaredStatement("replaceSealed", MCPServerStore.replaceSealed),
    ]

    @Test func `the server prepares every statement`() throws {
      let database = try WorkspaceDatabase.shared.get()
      for statement in Self.all {
        #expect(statement.faults == [], "\(statement.name)")
        #expect(throws: Never.self, "\(statement.name): \(statement.sql)") {
          try statement.prepare(on: database.cluster)
        }
      }
    }

    /// A statement that is declared and not listed would not be checked.
    @Test func `every statement is checked`() throws {
      let services = (#filePath as NSString).deletingLastPathComponent + "/../../Services/Orchestrator/"
      let declared = try ["Artefacts", "Memories", "ToolRegistry"].flatMap {
        try DeclaredStatement.names(
          in: services + $0, pattern: #"static let (\w+) = (?:Statement\b|addition \{)"#)
      }
      #expect(declared.sorted() == Self.all.map(\.name).sorted())
    }
  }
}
