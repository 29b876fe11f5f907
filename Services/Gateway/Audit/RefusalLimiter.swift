internal import AuditChain

/// Bounds how many refusals of one chain are written each second: what exceeds it is counted and written as one entry
/// for each code. So a flood of refused requests fills no disk. Pure: time is an argument.
struct RefusalLimiter: Sendable {
  /// Refusals that were not written one by one.
  struct Omitted: Sendable, Hashable {
    let chain: AuditChainID
    let code: String
    let status: Int
    var count: Int64
  }

  private struct Key: Hashable {
    let chain: AuditChainID
    let code: String
    let status: Int
  }

  /// Kinds of counts that are kept at once; beyond, they go to the installation's chain without their code.
  static let countsMax = 4096

  private let perSecond: Int
  private var second: Int64 = 0
  private var written: [AuditChainID: Int] = [:]
  private var omitted: [Key: Int64] = [:]

  /// Lets so many of each chain pass in a second.
  init(perSecond: Int) { self.perSecond = perSecond }

  /// Whether something waits to be written as a count.
  var hasOmitted: Bool { !omitted.isEmpty }

  /// Whether one more entry of a chain may be written in this second.
  mutating func admits(_ chain: AuditChainID, atSecond now: Int64) -> Bool {
    if now != second {
      second = now
      written.removeAll(keepingCapacity: true)
    }
    let count = written[chain] ?? 0
    guard count < perSecond, count > 0 || written.count < RefusalLimiter.countsMax else { return false }
    written[chain] = count + 1
    return true
  }

  /// Counts a refusal that is not written.
  mutating func omit(_ chain: AuditChainID, code: String, status: Int) {
    var key = Key(chain: chain, code: code, status: status)
    if omitted[key] == nil, omitted.count >= RefusalLimiter.countsMax {
      key = Key(chain: .installation, code: "", status: 0)
    }
    omitted[key, default: 0] &+= 1
  }

  /// The counts of the seconds before; they begin anew.
  mutating func takeOmitted() -> [Omitted] {
    defer { omitted.removeAll(keepingCapacity: true) }
    return omitted.map { Omitted(chain: $0.key.chain, code: $0.key.code, status: $0.key.status, count: $0.value) }
  }
}
