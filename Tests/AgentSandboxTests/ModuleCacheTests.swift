import Foundation
import Glibc
import SandboxProtocol
import Testing

@testable import AgentSandbox

@Suite struct ModuleCacheTests {
  @Test func `the least used goes first, and what is in use stays`() {
    var index = ModuleIndex(bytesMax: 100)
    func insert(_ key: String, _ file: String, _ bytes: Int) -> [String]? {
      let insertion = index.insert(key, .compiled(file), bytes: bytes)
      return insertion.entry == nil ? nil : insertion.unused
    }
    #expect(insert("a", "A", 40) == [])
    #expect(insert("b", "B", 40) == [])
    index.release("a")
    index.release("b")
    #expect(index.use("a") == .compiled("A"))
    index.release("a")
    #expect(insert("c", "C", 40) == ["B"])
    #expect(index.bytes == 80 && index.use("b") == nil)
    // c is in use, a is not.
    #expect(insert("d", "D", 90) == nil)
    index.release("c")
    #expect(insert("e", "E", 60).map { Set($0) }?.isSubset(of: ["A", "C"]) == true)
    #expect(insert("f", "F", 101) == nil)
  }

  @Test func `rejections are known, and bounded`() {
    var index = ModuleIndex(bytesMax: 100, entriesMax: 3)
    for number in 0..<10 { #expect(index.insert("\(number)", .rejected("no"), bytes: 0).unused == []) }
    #expect(index.count == 3)
    #expect(index.use("9") == .rejected("no"))
    #expect(index.use("0") == nil)
  }

  @Test func `a file of two entries stays until the last is gone`() {
    var index = ModuleIndex(bytesMax: 100)
    _ = index.insert("a", .compiled("same"), bytes: 50)
    _ = index.insert("b", .compiled("same"), bytes: 50)
    index.release("a")
    #expect(index.insert("c", .compiled("C"), bytes: 50).unused == [])
    index.release("b")
    #expect(index.insert("d", .compiled("D"), bytes: 50).unused == ["same"])
  }

  @Test func `a file that the new entry has stays, also when its other entry goes`() {
    var index = ModuleIndex(bytesMax: 100)
    _ = index.insert("a", .compiled("same"), bytes: 60)
    // There is no room, and what is in use keeps its file.
    #expect(index.insert("b", .compiled("same"), bytes: 60) == .init(entry: nil, unused: []))
    #expect(index.insert("c", .compiled("other"), bytes: 60) == .init(entry: nil, unused: ["other"]))
    index.release("a")
    #expect(index.insert("b", .compiled("same"), bytes: 60) == .init(entry: .compiled("same"), unused: []))
    #expect(index.use("a") == nil && index.use("b") == .compiled("same"))
    // Compiled twice at the same time, and not to the same bytes.
    #expect(index.insert("b", .compiled("another"), bytes: 60) == .init(entry: .compiled("same"), unused: ["another"]))
  }

  @Test func `what a busy machine is to blame for is no fault of a module`() {
    #expect(!ModuleCache.isRejection(.timeoutWall) && !ModuleCache.isRejection(.sandboxError))
    #expect(ModuleCache.isRejection(.timeoutCPU) && ModuleCache.isRejection(.memory))
  }

  @Test func `a module is compiled once, by a process of its own, and kept under its digest`() async throws {
    let sandbox = try await FakeSandbox()
    let folder = sandbox.root + "-modules"
    let cache = ModuleCache(folder: folder, bytesMax: 1000, configuration: "x", supervisor: sandbox.supervisor)
    try await cache.start()
    defer { #expect(FolderRemoval.remove(folder)) }
    let session = SessionKey(tenant: "a", scope: "run")
    guard case .ready(let first, let lease) = await cache.compiled([1, 2], for: session, trace: nil) else {
      Issue.record("not compiled"); return
    }
    let other = SessionKey(tenant: "b", scope: "run")
    guard case .ready(let second, _) = await cache.compiled([1, 2], for: other, trace: nil) else {
      Issue.record("not compiled"); return
    }
    #expect(first == second && first.count == 64)
    #expect(FileManager.default.contents(atPath: "\(folder)/\(first).cwasm") == Data(Array("compiled ".utf8) + [1, 2]))
    cache.release(lease)
    for _ in 0..<2 {
      guard case .rejected(let reason) = await cache.compiled(Array("bad".utf8), for: session, trace: nil) else {
        Issue.record("not rejected"); return
      }
      #expect(reason == "not a module")
    }
    #expect(await sandbox.stop() == [])
  }

  @Test func `of a module that makes room no file stays`() async throws {
    let sandbox = try await FakeSandbox()
    let folder = sandbox.root + "-modules"
    let cache = ModuleCache(
      folder: folder, bytesMax: 1000, entriesMax: 1, configuration: "x", supervisor: sandbox.supervisor)
    try await cache.start()
    defer { #expect(FolderRemoval.remove(folder)) }
    let session = SessionKey(tenant: "a", scope: "run")
    for source: [UInt8] in [[1, 2], Array("bad".utf8)] {
      switch await cache.compiled(source, for: session, trace: nil) {
      case .ready(let digest, let lease):
        #expect(access("\(folder)/\(digest).cwasm", F_OK) == 0)
        cache.release(lease)
      case .rejected: #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
      case .failed: Issue.record("it failed")
      }
    }
    #expect(await sandbox.stop() == [])
  }
}
