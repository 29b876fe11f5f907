import Foundation
import Primitives
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import Ledger

/// What stands in a spool, and what is made of it after the end of its process.
@Suite struct SpoolTests {
  private static let call = "019387a2-c1d4-7b3e-8f2a-4c6d8e0f1a2b"
  private static let other = "019387a2-c1d4-7b3e-8f2a-4c6d8e0f1a2c"
  private static let tenant = "019387a2-c1d4-7b3e-8f2a-4c6d8e0f1a2d"
  private static let alive = Timestamp(unixMicroseconds: 1_790_000_000_123_456)

  private static func row(_ call: String, _ rest: String) -> [UInt8] { Array("(\(call),\(tenant),\(rest))".utf8) }
  private static func id(_ text: String) -> Primitives.UUID { Primitives.UUID(ascii: Array(text.utf8)) ?? .version7() }

  @Test func `of each call the last line counts`() {
    var bytes = SpoolContents.head(Self.alive)
    bytes += SpoolContents.line(Self.row(Self.call, "begun"))
    bytes += SpoolContents.line(Self.row(Self.other, "begun"))
    bytes += SpoolContents.line(Self.row(Self.call, "ended"))
    let contents = SpoolContents(bytes + [UInt8](repeating: 0, count: 100))
    #expect(Set(contents.lines) == [Self.row(Self.call, "ended"), Self.row(Self.other, "begun")])
    #expect(contents.aliveAt == Self.alive)
    #expect(SpoolContents.tenant(of: contents.lines[0]) == Self.id(Self.tenant))
  }

  @Test func `a line that was cut is left out, wherever it ends`() {
    let whole = SpoolContents.head(Self.alive) + SpoolContents.line(Self.row(Self.other, "ended"))
    let cut = SpoolContents.line(Self.row(Self.call, "begun"))
    for count in 0..<(cut.count - 2) {
      #expect(SpoolContents(whole + cut[..<count]).lines == [Self.row(Self.other, "ended")], "\(count)")
    }
    #expect(SpoolContents(whole + cut).lines.count == 2)
  }

  @Test func `what is no spool has no calls`() {
    for text in ["", "\n\n", "x", "()\n", "(\(Self.call)\n", String(repeating: "9", count: 40) + "\n"] {
      let contents = SpoolContents(Array(text.utf8))
      #expect(contents.lines.isEmpty, "\(text)")
      #expect(SpoolContents.tenant(of: Array(text.utf8)) == nil)
    }
    #expect(SpoolContents([]).aliveAt == nil)
  }

  @Test func `names tell spools of this form from those of the form before`() {
    #expect(LedgerSpool.isEarlierForm(file: "llm-router-1.spool2") == false)
    #expect(LedgerSpool.isEarlierForm(file: "llm-router-1.spool2.new") == false)
    #expect(LedgerSpool.isEarlierForm(file: "llm-router-1.spool") == true)
    #expect(LedgerSpool.isEarlierForm(file: "readme") == nil)
  }

  // MARK: Files

  /// Runs `body` with a folder of its own.
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "cadre-spool-\(Primitives.UUID.version7())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  /// The file of a process as it is after its death: a copy, which nobody has locked.
  private func die(_ folder: String, _ name: String) throws {
    try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(folder)/dead-\(name)")
  }

  @Test func `the calls of a process that died are taken over, those of a living one are not`() async throws {
    try await withFolder { folder in
      let spool = try LedgerSpool(folder: folder, name: "one")
      try spool.record(Self.id(Self.call), Self.row(Self.call, "begun"))
      try spool.record(Self.id(Self.other), Self.row(Self.other, "begun"))
      spool.heartbeat()
      #expect(OrphanedSpool.all(folder: folder).isEmpty)
      try die(folder, "one.spool2")
      let rows = FakeRows()
      let writer = LedgerWriter(rows: rows, spool: nil, logger: Telemetry.disabled().logger)
      let tenants = try await writer.recover(folder: folder)
      #expect(tenants.count == 1)
      let taken = rows.orphans
      #expect(Set(taken.flatMap(\.rows)) == [Self.row(Self.call, "begun"), Self.row(Self.other, "begun")])
      guard case .alive? = taken.first?.form else {
        Issue.record("\(taken)")
        return
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/dead-one.spool2"))
      #expect(FileManager.default.fileExists(atPath: folder + "/one.spool2"))
      spool.close()
    }
  }

  @Test func `a call stays in the spool until it is in the table`() async throws {
    try await withFolder { folder in
      let spool = try LedgerSpool(folder: folder, name: "one")
      try spool.record(Self.id(Self.call), Self.row(Self.call, "ended"))
      spool.close()
      #expect(FileManager.default.fileExists(atPath: folder + "/one.spool2"), "it holds a call")
      let next = try LedgerSpool(folder: folder, name: "two")
      try next.record(Self.id(Self.call), Self.row(Self.call, "ended"))
      next.remove([Self.id(Self.call)])
      next.close()
      #expect(!FileManager.default.fileExists(atPath: folder + "/two.spool2"), "nothing is left in it")
      #expect(throws: LedgerSpool.Fault.self) { try next.record(Self.id(Self.call), []) }
    }
  }

  @Test func `a full spool goes on with what still matters`() async throws {
    try await withFolder { folder in
      let spool = try LedgerSpool(folder: folder, name: "one")
      let long = String(repeating: "x", count: 1 << 20)
      for number in 0..<40 {
        let id = Primitives.UUID(high: 7, low: UInt64(number))
        try spool.record(id, Self.row(id.description, long))
        if number % 8 != 0 { spool.remove([id]) }
      }
      try die(folder, "one.spool2")
      let orphan = try #require(OrphanedSpool.all(folder: folder).first)
      let ids = Set(orphan.contents.lines.map { String(decoding: $0[1..<37], as: UTF8.self) })
      for number in stride(from: 0, to: 40, by: 8) {
        #expect(ids.contains(Primitives.UUID(high: 7, low: UInt64(number)).description), "call \(number)")
      }
      orphan.remove()
      spool.close()
    }
  }

  @Test func `a file of the form before is read as it is`() async throws {
    try await withFolder { folder in
      let line = SpoolContents.line(Self.row(Self.call, "begun"))
      try Data(line).write(to: URL(fileURLWithPath: folder + "/old.spool"))
      let rows = FakeRows()
      _ = try await LedgerWriter(rows: rows, spool: nil, logger: Telemetry.disabled().logger).recover(folder: folder)
      #expect(rows.orphans.map(\.form) == [.plain(isEarlierForm: true)])
      #expect(rows.orphans.flatMap(\.rows) == [Self.row(Self.call, "begun")])
    }
  }
}

/// A table in memory.
final class FakeRows: CallRows {
  private struct State {
    var rows: [[UInt8]] = []
    var orphans: [(rows: [[UInt8]], form: OrphanedForm)] = []
    var failures = 0
  }

  private let state = Mutex(State())

  init(failures: Int = 0) { state.withLock { $0.failures = failures } }

  var rows: [[UInt8]] { state.withLock { $0.rows } }
  var orphans: [(rows: [[UInt8]], form: OrphanedForm)] { state.withLock { $0.orphans } }

  struct Away: Error {}

  func insert(_ rows: [[UInt8]]) async throws {
    try state.withLock { state in
      guard state.failures == 0 else {
        state.failures -= 1
        throw Away()
      }
      state.rows += rows
    }
  }

  func insert(_ rows: [[UInt8]], leftBy orphan: OrphanedForm) async throws {
    state.withLock { $0.orphans.append((rows, orphan)) }
  }

  func addUsage(rowsMax: Int) async throws -> Int { 0 }
}
