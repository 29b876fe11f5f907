internal import Reactor

/// Who serves the slots of a cluster, as far as it is known: pure, so that it can be tested without servers.
struct ClusterTopology {
  /// A view that is older than the known one is believed after this time: the cluster was made anew.
  static let staleNanosecondsMax: UInt64 = 30_000_000_000
  /// Nodes that are connected to at most.
  static let mastersMax = 1024

  private static let nobody = UInt16.max

  private var owners: [UInt16] = []
  /// The masters, in no order.
  private(set) var masters: [SocketAddress] = []
  private var epoch: Int64 = -1
  private var acceptedAt: UInt64 = 0

  /// Whether anything is known.
  var isEmpty: Bool { owners.isEmpty }

  /// The master that serves a slot.
  func owner(of slot: Int) -> SocketAddress? {
    guard owners.indices.contains(slot), owners[slot] != ClusterTopology.nobody else { return nil }
    return masters[Int(owners[slot])]
  }

  /// A node has described the cluster. Returns whether something has changed; views that are older than what is known
  /// are passed over.
  mutating func described(_ view: ClusterView, at now: UInt64) -> Bool {
    if view.epoch < epoch, now &- acceptedAt < ClusterTopology.staleNanosecondsMax { return false }
    guard !view.ranges.isEmpty else { return false }
    var masters: [SocketAddress] = []
    var owners = [UInt16](repeating: ClusterTopology.nobody, count: KeySlot.count)
    for range in view.ranges {
      let index = masters.firstIndex(of: range.master) ?? masters.count
      if index == masters.count {
        guard masters.count < ClusterTopology.mastersMax else { continue }
        masters.append(range.master)
      }
      for slot in range.slots { owners[slot] = UInt16(index) }
    }
    let isChanged =
      !isEmpty
      && (0..<KeySlot.count).contains { slot in
        owner(of: slot) != (owners[slot] == ClusterTopology.nobody ? nil : masters[Int(owners[slot])])
      }
    epoch = view.epoch
    acceptedAt = now
    self.masters = masters
    self.owners = owners
    return isChanged
  }

  /// A node has said that a slot is another's. Returns whether that is news.
  mutating func moved(_ slot: Int, to address: SocketAddress) -> Bool {
    guard (0..<KeySlot.count).contains(slot), owner(of: slot) != address else { return false }
    if owners.isEmpty { owners = Array(repeating: ClusterTopology.nobody, count: KeySlot.count) }
    var index = masters.firstIndex(of: address) ?? masters.count
    if index == masters.count {
      if masters.count >= ClusterTopology.mastersMax { return false }
      masters.append(address)
      index = masters.count - 1
    }
    owners[slot] = UInt16(index)
    return true
  }
}

/// What a node says of its cluster.
struct ClusterView: Sendable, Equatable {
  /// Consecutive slots of one master.
  struct Range: Sendable, Equatable {
    let slots: ClosedRange<Int>
    let master: SocketAddress
  }

  /// Grows with each change.
  let epoch: Int64
  let ranges: [Range]

  init(epoch: Int64, ranges: [Range]) {
    self.epoch = epoch
    self.ranges = ranges
  }

  /// Reads the answers of a node at `host` to CLUSTER INFO and CLUSTER SLOTS. Throws `RedisError`.
  init(info: RedisValue, slots: RedisValue, host: String) throws(RedisError) {
    let text = String(decoding: try info.requireBytes(), as: UTF8.self)
    let name = "cluster_current_epoch:"
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name) }
    epoch = line.flatMap { Int64($0.dropFirst(name.count)) } ?? 0
    var ranges: [Range] = []
    for entry in try slots.requireArray() {
      let parts = try entry.requireArray()
      guard parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer, first >= 0, first <= last,
        last < KeySlot.count, let node = parts[2].array, node.count >= 2, let port = node[1].integer,
        (1...65_535).contains(port)
      else { throw RedisError(.decoding, detail: "CLUSTER SLOTS") }
      // A node that does not know its own address says nothing, or a question mark.
      let named = node[0].text ?? ""
      ranges.append(
        Range(
          slots: Int(first)...Int(last),
          master: .host(named.isEmpty || named == "?" ? host : named, port: Int(port))))
    }
    self.ranges = ranges
  }
}
