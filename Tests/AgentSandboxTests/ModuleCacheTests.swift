import Foundation
import Glibc
import SandboxProtocol
import Testing

@testable import AgentSandbox

@Suite struct ModuleCacheTests {
  @Test func `the least used goes first, and what is in use stays`() {
    var index = ModuleIndex(bytesMax: 100)
    #expect(index.insert("a", .compiled("A"), bytes: 40) == [])
    #expect(index.insert("b", .compiled("B"), bytes: 40) == [])
    index.release("a")
    index.release("b")
    #expect(index.use("a") == .compiled("A"))
    index.release("a")
    #expect(index.insert("c", .compiled("C"), bytes: 40) == ["B"])
    #expect(index.bytes == 80 && index.use("b") == nil)
    // c is in use, a is not.
    #expect(index.insert("d", .compiled("D"), bytes: 90) == nil)
    index.release("c")
    #expect(index.insert("e", .compiled("E"), bytes: 60).map { Set($0) }?.isSubset(of: ["A", "C"]) == true)
    #expect(index.insert("f", .compiled("F"), bytes: 101) == nil)
  }

  @Test func `rejections are known, and bounded`() {
    var index = ModuleIndex(bytesMax: 100, entriesMax: 3)
    for number in 0..<10 { #expect(index.insert("\(number)", .rejected("no"), bytes: 0) == []) }
    #expect(index.count == 3)
    #expect(index.use("9") == .rejected("no"))
    #expect(index.use("0") == nil)
  }

  @Test func `a file of two entries stays until the last is gone`() {
    var index = ModuleIndex(bytesMax: 100)
    _ = index.insert("a", .compiled("same"), bytes: 50)
    _ = index.insert("b", .compiled("same"), bytes: 50)
    index.release("a")
    #expect(index.insert("c", .compiled("C"), bytes: 50) == [])
    index.release("b")
    #expect(index.insert("d", .compiled("D"), bytes: 50) == ["same"])
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
}
