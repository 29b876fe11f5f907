internal import Policy
internal import Synchronization

/// Remembers decisions as policies made them, before the mode. A decision is found by everything that it depends on:
/// the document, the input to its last byte, and the revisions of policies and data.
///
/// Two generations: what was not asked for while the younger one filled up is forgotten.
final class DecisionCache: Sendable {
  /// The whole question, in bytes: equal questions have equal bytes, others never have.
  struct Key: Hashable, Sendable {
    let bytes: [UInt8]
    /// Made once: a key is looked for in two tables.
    private let hashed: Int

    init(_ query: PolicyQuery, policy: String, data: String) {
      var writer = CanonicalBytes()
      writer.add(policy)
      writer.add(data)
      // What policies see of the tenant is the place of its data.
      writer.add(query.tenant ?? "")
      writer.add(query.path.count)
      for name in query.path { writer.add(name) }
      if let prepared = query.prepared { writer.add(written: prepared.inputBytes) } else { writer.add(query.input) }
      bytes = writer.bytes
      var hasher = Hasher()
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
      hashed = hasher.finalize()
    }

    static func == (left: Key, right: Key) -> Bool { left.bytes == right.bytes }

    func hash(into hasher: inout Hasher) { hasher.combine(hashed) }

    /// The shard of a table of so many.
    func shard(of count: Int) -> Int { Int(UInt(bitPattern: hashed) % UInt(max(1, count))) }
  }

  private struct Entry {
    let decision: PolicyDecision
    /// Monotonic nanoseconds.
    let expires: UInt64
  }

  private struct Generations {
    var young: [Key: Entry] = [:]
    var old: [Key: Entry] = [:]
    var youngBytes = 0
    var hits: UInt64 = 0
    var misses: UInt64 = 0
  }

  /// Larger questions are not remembered.
  static let keyBytesMax = 16 << 10
  private static let shards = 16

  private let entriesMax: Int
  private let bytesMax: Int
  private let generations: [Shard]

  private final class Shard: Sendable {
    let state = Mutex(Generations())
  }

  /// Remembers about so many decisions and bytes of questions at most.
  init(entriesMax: Int, bytesMax: Int = 64 << 20) {
    self.entriesMax = max(1, entriesMax / (2 * DecisionCache.shards))
    self.bytesMax = bytesMax / (2 * DecisionCache.shards)
    generations = (0..<DecisionCache.shards).map { _ in Shard() }
  }

  private func shard(_ key: Key) -> Shard { generations[key.shard(of: DecisionCache.shards)] }

  func decision(for key: Key, now: UInt64) -> PolicyDecision? {
    shard(key).state.withLock { state in
      if let entry = state.young[key], entry.expires > now {
        state.hits &+= 1
        return entry.decision
      }
      guard let entry = state.old.removeValue(forKey: key), entry.expires > now else {
        state.misses &+= 1
        return nil
      }
      state.hits &+= 1
      insert(entry, for: key, &state)
      return entry.decision
    }
  }

  func insert(_ decision: PolicyDecision, for key: Key, expires: UInt64 = .max) {
    guard key.bytes.count <= DecisionCache.keyBytesMax else { return }
    shard(key).state.withLock { insert(Entry(decision: decision, expires: expires), for: key, &$0) }
  }

  private func insert(_ entry: Entry, for key: Key, _ state: inout Generations) {
    if state.young.count >= entriesMax || state.youngBytes + key.bytes.count > bytesMax {
      state.old = state.young
      state.young = [:]
      state.youngBytes = 0
    }
    if state.young.updateValue(entry, forKey: key) == nil { state.youngBytes += key.bytes.count }
  }

  /// Forgets everything.
  func removeAll() {
    for shard in generations {
      shard.state.withLock { state in
        state.young = [:]
        state.old = [:]
        state.youngBytes = 0
      }
    }
  }

  /// How full it is, and how often a question was found in it.
  var figures: DecisionCacheFigures {
    generations.reduce(into: DecisionCacheFigures(entriesMax: entriesMax * 2 * DecisionCache.shards)) { sum, shard in
      shard.state.withLock { state in
        sum.entries += state.young.count + state.old.count
        sum.hits &+= state.hits
        sum.misses &+= state.misses
      }
    }
  }

  /// Decisions that are remembered.
  var count: Int {
    generations.reduce(0) { sum, shard in sum + shard.state.withLock { $0.young.count + $0.old.count } }
  }
}

/// How full a cache of decisions is, and how often a question was found in it since the start of the process.
public struct DecisionCacheFigures: Sendable, Equatable {
  /// Decisions that are remembered.
  public internal(set) var entries = 0
  /// About so many are remembered at most; 0 when none is.
  public internal(set) var entriesMax = 0
  /// Questions that were found.
  public internal(set) var hits: UInt64 = 0
  /// Questions that were not.
  public internal(set) var misses: UInt64 = 0
}

/// Writes values so that different ones never have the same bytes: each with its type and length.
struct CanonicalBytes {
  private(set) var bytes: [UInt8] = []

  init() { bytes.reserveCapacity(512) }

  mutating func add(_ count: Int) {
    var rest = UInt64(UInt(bitPattern: count))
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func add(_ text: String) {
    add(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  /// Adds a value that was written before.
  mutating func add(written value: [UInt8]) { bytes.append(contentsOf: value) }

  mutating func add(_ value: RegoValue) {
    switch value {
    case .null: bytes.append(0)
    case .bool(let value): bytes.append(value ? 2 : 1)
    case .number(let number):
      bytes.append(3)
      add(number.description)
    case .string(let text):
      bytes.append(4)
      add(text)
    case .array(let list):
      bytes.append(5)
      add(list.count)
      for element in list { add(element) }
    case .object(let object):
      bytes.append(6)
      add(object.count)
      for place in 0..<object.count {
        add(object.keys[place])
        add(object.values[place])
      }
    case .set(let set):
      bytes.append(7)
      add(set.count)
      for element in set.elements { add(element) }
    }
  }
}
