public import Contracts
internal import HTTPWire
public import JSON

/// The breakers of all tools that have failed lately, each for one tenant and tool, of web
/// addresses for one host. Bounded: tools without failures
/// take no place, and when it is full the one that was used longest ago is forgotten.
public struct CircuitBreakers: Sendable {
  /// Whose tool it is.
  public struct Key: Hashable, Sendable {
    let tenant: TenantID
    let tool: String
    /// What the tool reaches, where that differs from call to call: a host that is down says nothing of others.
    let target: String

    /// Makes a key.
    public init(tenant: TenantID, tool: String, target: String = "") {
      self.tenant = tenant
      self.tool = tool
      self.target = target
    }

    /// The key of a call.
    public init(tenant: TenantID, _ definition: ToolDefinition, _ arguments: JSONDocument) {
      var target = ""
      if definition.source == .builtIn, definition.risk == .network, let text = arguments.root["url"]?.string {
        target = (try? HTTPURL(text)).map { "\($0.host.lowercased()):\($0.port)" } ?? ""
      }
      self.init(tenant: tenant, tool: definition.name, target: target)
    }
  }

  private struct Entry {
    var breaker = CircuitBreaker()
    var used: UInt64
  }

  private let countMax: Int
  private var entries: [Key: Entry] = [:]
  private var uses: UInt64 = 0

  /// Makes an empty table.
  public init(countMax: Int = 2048) { self.countMax = countMax }

  /// Breakers that are remembered.
  public var count: Int { entries.count }

  /// Breakers that let no call through at the moment.
  public func openCount(at now: UInt64) -> Int { entries.values.count { !$0.breaker.wouldAdmit(at: now) } }

  /// Whether a call would be let through.
  public func wouldAdmit(_ key: Key, at now: UInt64) -> Bool { entries[key]?.breaker.wouldAdmit(at: now) ?? true }

  /// Lets a call through, or not.
  public mutating func admit(_ key: Key, at now: UInt64) -> Bool {
    guard entries[key] != nil else { return true }
    uses &+= 1
    entries[key]?.used = uses
    return entries[key]?.breaker.admit(at: now) ?? true
  }

  /// A call has ended: well, by the fault of the tool, or (`nil`) without saying anything about it. Returns whether the
  /// breaker has opened by it.
  public mutating func ended(_ key: Key, isOutage: Bool?, at now: UInt64) -> Bool {
    guard let isOutage else {
      entries[key]?.breaker.abandoned(at: now)
      return false
    }
    guard isOutage else {
      entries[key] = nil
      return false
    }
    if entries[key] == nil, entries.count >= countMax, let oldest = entries.min(by: { $0.value.used < $1.value.used }) {
      entries[oldest.key] = nil
    }
    uses &+= 1
    var entry = entries[key] ?? Entry(used: uses)
    entry.used = uses
    let isOpened = entry.breaker.failed(at: now)
    entries[key] = entry
    return isOpened
  }
}
