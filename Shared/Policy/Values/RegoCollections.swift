/// Values by keys, in the order of the keys.
public struct RegoObject: Sendable {
  /// The keys, in order.
  public private(set) var keys: [RegoValue] = []
  /// Their values.
  public private(set) var values: [RegoValue] = []

  /// Nothing.
  public init() {}

  /// Of pairs; of two with the same key the later one counts.
  public init(_ pairs: [(RegoValue, RegoValue)]) {
    // Written in order, as most are, they need no sorting.
    if zip(pairs, pairs.dropFirst()).allSatisfy({ RegoValue.compare($0.0, $1.0) < 0 }) {
      keys = pairs.map(\.0)
      values = pairs.map(\.1)
      return
    }
    let sorted = pairs.enumerated().sorted { left, right in
      let order = RegoValue.compare(left.element.0, right.element.0)
      return order == 0 ? left.offset < right.offset : order < 0
    }
    keys.reserveCapacity(sorted.count)
    values.reserveCapacity(sorted.count)
    for (_, pair) in sorted {
      if let last = keys.last, last == pair.0 {
        values[values.count - 1] = pair.1
      } else {
        keys.append(pair.0)
        values.append(pair.1)
      }
    }
  }

  /// The number of keys.
  public var count: Int { keys.count }

  /// The place of a key, or where it would stand.
  private func place(of key: RegoValue) -> (place: Int, isThere: Bool) { search(keys, key) }

  /// The value of a key.
  public subscript(_ key: RegoValue) -> RegoValue? {
    let found = place(of: key)
    return found.isThere ? values[found.place] : nil
  }

  /// The value of a key that is text.
  public subscript(_ key: String) -> RegoValue? { self[.string(key)] }

  /// Sets the value of a key.
  public mutating func set(_ key: RegoValue, _ value: RegoValue) {
    let found = place(of: key)
    if found.isThere {
      values[found.place] = value
    } else {
      keys.insert(key, at: found.place)
      values.insert(value, at: found.place)
    }
  }

  /// Removes a key.
  public mutating func remove(_ key: RegoValue) {
    let found = place(of: key)
    guard found.isThere else { return }
    keys.remove(at: found.place)
    values.remove(at: found.place)
  }
}

/// Values, each once, in their order.
public struct RegoSet: Sendable {
  /// The values, in order.
  public private(set) var elements: [RegoValue] = []

  /// Nothing.
  public init() {}

  /// Of values in any order.
  public init(_ values: [RegoValue]) {
    elements.reserveCapacity(values.count)
    for value in values.sorted() where elements.last != value { elements.append(value) }
  }

  /// The number of values.
  public var count: Int { elements.count }

  /// Whether a value is one of them.
  public func contains(_ value: RegoValue) -> Bool { search(elements, value).isThere }

  /// Adds a value.
  public mutating func insert(_ value: RegoValue) {
    let found = search(elements, value)
    if !found.isThere { elements.insert(value, at: found.place) }
  }
}

/// Binary search: the place of a value in a sorted list, or where it would stand.
private func search(_ list: [RegoValue], _ value: RegoValue) -> (place: Int, isThere: Bool) {
  var (low, high) = (0, list.count)
  while low < high {
    let middle = (low + high) / 2
    let order = RegoValue.compare(list[middle], value)
    if order == 0 { return (middle, true) }
    if order < 0 { low = middle + 1 } else { high = middle }
  }
  return (low, false)
}
