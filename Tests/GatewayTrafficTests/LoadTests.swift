import Contracts
import Testing

@testable import GatewayTraffic

/// A value that assertions may change.
private final class Box<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}

extension Box<LoadState> {
  func enter(_ priority: ShedPriority, isLong: Bool) -> LoadState.Reason? { value.enter(priority, isLong: isLong) }
  func count(isLong: Bool) -> Int { value.count(isLong: isLong) }
  func leave(isLong: Bool) { value.leave(isLong: isLong) }
  func measured(lag: UInt64, loop: Int) { value.measured(lag: lag, loop: loop) }
  func measured(memoryBytes: UInt64) { value.measured(memoryBytes: memoryBytes) }
}

extension Box<InFlightTable> {
  func enter(_ name: String, isLong: Bool, max: Int?) -> Bool {
    value.enter(HashedName(name), isLong: isLong, max: max)
  }
  func leave(_ name: String, isLong: Bool) { value.leave(HashedName(name), isLong: isLong) }
  func count(_ name: String, isLong: Bool) -> Int { value.count(HashedName(name), isLong: isLong) }
}

@Suite struct LoadTests {
  private static func route(_ text: String) throws -> RouteSpecification {
    try #require((Routes.forwarded + [Routes.mcp]).first { $0.description == text }, "\(text)")
  }

  @Test(arguments: [
    ("GET /api/v1/tasks", RouteClass.read, ShedPriority.list), ("GET /api/v1/tasks/{id}", .read, .status),
    ("GET /api/v1/runs/{id}/events", .stream, .stream), ("GET /api/v1/runs/{id}/bundle", .read, .list),
    ("POST /api/v1/tasks", .write, .work), ("POST /api/v1/runs/{id}/cancel", .write, .control),
    ("POST /api/v1/approvals/{id}/decision", .write, .control), ("DELETE /api/v1/tasks/{id}", .write, .control),
    ("POST /v1/chat/completions", .model, .work), ("GET /v1/models", .read, .list), ("POST /mcp", .write, .work),
  ])
  func `the class and the priority follow from the declaration`(
    text: String, kind: RouteClass, priority: ShedPriority
  ) throws {
    let route = try LoadTests.route(text)
    #expect(RouteClass(route) == kind)
    #expect(ShedPriority(route) == priority)
  }

  @Test func `lists go first and the state of things last`() {
    let load = Box(LoadState(LoadState.Limits(inFlightMax: 100, longMax: 100)))
    var admitted: [ShedPriority: Int] = [:]
    for priority in ShedPriority.allCases {
      var count = load.count(isLong: false)
      while load.enter(priority, isLong: false) == nil { count += 1 }
      admitted[priority] = count
    }
    #expect(admitted == [.list: 70, .stream: 80, .work: 90, .control: 95, .status: 100])
    for _ in 0..<100 { load.leave(isLong: false) }
    #expect(load.enter(.list, isLong: false) == nil)
    #expect(load.count(isLong: false) == 1)
  }

  @Test func `long requests fill no room of short ones`() {
    let load = Box(LoadState(LoadState.Limits(inFlightMax: 2, longMax: 2)))
    #expect(load.enter(.work, isLong: true) == nil)
    #expect(load.enter(.work, isLong: true) == nil)
    #expect(load.enter(.work, isLong: true) == .inFlight)
    #expect(load.enter(.work, isLong: false) == nil)
  }

  @Test func `lag refuses by urgency and fades`() {
    let load = Box(LoadState(LoadState.Limits(inFlightMax: 100, longMax: 100, lagMax: 100)))
    load.measured(lag: 250, loop: 0)
    load.measured(lag: 0, loop: 1)
    // With few requests under way another program has the processors.
    for _ in 0..<32 { #expect(load.enter(.list, isLong: false) == nil) }
    #expect(load.enter(.list, isLong: false) == .lag)
    #expect(load.enter(.stream, isLong: false) == .lag)
    #expect(load.enter(.work, isLong: false) == nil)
    load.measured(lag: 0, loop: 0)
    #expect(load.enter(.stream, isLong: false) == nil)
    #expect(load.enter(.list, isLong: false) == .lag)
    load.measured(lag: 0, loop: 0)
    #expect(load.enter(.list, isLong: false) == nil)
  }

  @Test func `memory refuses by urgency`() {
    let load = Box(LoadState(LoadState.Limits(inFlightMax: 100, longMax: 100, memoryBytesMax: 1000)))
    load.measured(memoryBytes: 900)
    #expect(load.enter(.list, isLong: false) == .memory)
    #expect(load.enter(.work, isLong: false) == nil)
    load.measured(memoryBytes: 990)
    #expect(load.enter(.status, isLong: false) == .memory)
  }

  @Test func `who has nothing under way is forgotten`() {
    let table = Box(InFlightTable())
    #expect(table.enter("a", isLong: false, max: 1))
    #expect(!table.enter("a", isLong: false, max: 1))
    #expect(table.enter("a", isLong: true, max: 1))
    #expect(table.enter("b", isLong: false, max: nil))
    table.leave("a", isLong: false)
    #expect(table.count("a", isLong: false) == 0 && table.count("a", isLong: true) == 1)
    table.leave("a", isLong: false)
    #expect(table.enter("a", isLong: false, max: 1))
  }
}

@Suite struct LimitTextTests {
  @Test func `limits are read by name`() throws {
    let table = try RateLimit.table("read 0.5:2, write 100:1000", names: ["read", "write", "model"])
    #expect(table["read"] == RateLimit(perSecond: 0.5, burst: 2))
    #expect(table["write"] == RateLimit(perSecond: 100, burst: 1000))
    #expect(table["model"] == nil)
    #expect(try RateLimit.table("", names: []).isEmpty)
  }

  @Test(arguments: [
    "read", "read 1", "read 1:", "read x:1", "read 1:0", "read 0:1", "read -1:1", "read nan:1", "read inf:1",
    "other 1:1", "read 1:1, read 2:2", "read 1:1 2:2", "read 1:99999999999999999999",
  ])
  func `what is no limit is named`(text: String) {
    #expect(throws: LimitFault.self) { try RateLimit.table(text, names: ["read"]) }
  }
}
