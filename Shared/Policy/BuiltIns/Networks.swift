/// A range of addresses, of one family.
struct AddressRange: Sendable {
  let isV6: Bool
  let address: UInt128
  let length: Int

  private var bits: Int { isV6 ? 128 : 32 }
  private var hostMask: UInt128 {
    length >= bits ? 0 : (length == 0 && isV6 ? .max : (UInt128(1) << UInt128(bits - length)) - 1)
  }
  var first: UInt128 { address & ~hostMask }
  var last: UInt128 { first | hostMask }

  init(isV6: Bool, address: UInt128, length: Int) {
    self.isV6 = isV6
    self.address = address
    self.length = length
  }

  /// `a.b.c.d/n`, or an address alone where it `allowsAddress`.
  init?(_ text: String, allowsAddress: Bool = false) {
    let sides = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let parsed = AddressRange.address(String(sides[0])), sides.count <= 2 else { return nil }
    let bits = parsed.isV6 ? 128 : 32
    if sides.count == 1 {
      guard allowsAddress else { return nil }
      self.init(isV6: parsed.isV6, address: parsed.value, length: bits)
      return
    }
    guard sides[1].utf8.allSatisfy({ Lexer.isDigit($0) }), let length = Int(sides[1]), length <= bits else {
      return nil
    }
    self.init(isV6: parsed.isV6, address: parsed.value, length: length)
  }

  static func address(_ text: String) -> (isV6: Bool, value: UInt128)? {
    if !text.contains(":") { return v4(text).map { (false, UInt128($0)) } }
    var text = text
    // The last two groups may be written as an address of version 4.
    if let colon = text.lastIndex(of: ":"), text[text.index(after: colon)...].contains(".") {
      guard let tail = v4(String(text[text.index(after: colon)...])) else { return nil }
      text = text[...colon] + String(tail >> 16, radix: 16) + ":" + String(tail & 0xFFFF, radix: 16)
    }
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    func groups(_ part: Substring) -> [UInt128]? {
      if part.isEmpty { return [] }
      var values: [UInt128] = []
      for group in part.split(separator: ":", omittingEmptySubsequences: false) {
        guard (1...4).contains(group.utf8.count), let value = UInt16(group, radix: 16), group.first != "+" else {
          return nil
        }
        values.append(UInt128(value))
      }
      return values
    }
    guard let left = groups(halves[0]), let right = halves.count == 2 ? groups(halves[1]) : [] else { return nil }
    let missing = 8 - left.count - right.count
    guard halves.count == 2 ? missing >= 1 : missing == 0 else { return nil }
    let all = left + [UInt128](repeating: 0, count: missing) + right
    return (true, all.reduce(0) { $0 << 16 | $1 })
  }

  private static func v4(_ text: String) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ Lexer.isDigit($0) }),
        part == "0" || part.first != "0",
        let number = UInt8(part)
      else { return nil }
      value = value << 8 | UInt32(number)
    }
    return value
  }

  static func text(_ value: UInt128, isV6: Bool) -> String {
    if !isV6 { return (0..<4).map { String((value >> UInt128(24 - 8 * $0)) & 255) }.joined(separator: ".") }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> UInt128(112 - 16 * $0)) }
    var (best, length, at) = (-1, 1, 0)
    while at < 8 {
      var end = at
      while end < 8, groups[end] == 0 { end += 1 }
      if end - at > length { (best, length) = (at, end - at) }
      at = max(end, at + 1)
    }
    func joined(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
    guard best >= 0 else { return joined(groups[...]) }
    return joined(groups[..<best]) + "::" + joined(groups[(best + length)...])
  }

  var text: String { "\(AddressRange.text(first, isV6: isV6))/\(length)" }

  func contains(_ other: AddressRange) -> Bool { isV6 == other.isV6 && first <= other.first && other.last <= last }
}

extension BuiltIns {
  static let networks: [BuiltIn] = [
    BuiltIn("net.cidr_is_valid", 1) { list, _ in
      guard case .string(let text) = list[0] else { return .bool(false) }
      return .bool(AddressRange(text) != nil)
    },
    BuiltIn("net.cidr_contains", 2) { list, _ in
      .bool(try range(list[0], 0).contains(try range(list[1], 1, allowsAddress: true)))
    },
    BuiltIn("net.cidr_intersects", 2) { list, _ in
      let (a, b) = (try range(list[0], 0), try range(list[1], 1))
      return .bool(a.isV6 == b.isV6 && a.first <= b.last && b.first <= a.last)
    },
    BuiltIn("net.cidr_contains_matches", 2) { list, _ in
      var pairs: [RegoValue] = []
      for (leftKey, left) in try keyed(list[0], 0) {
        for (rightKey, right) in try keyed(list[1], 1)
        where try range(left, 0).contains(try range(right, 1, allowsAddress: true)) {
          pairs.append(.array([leftKey, rightKey]))
        }
      }
      return .set(RegoSet(pairs))
    },
    BuiltIn("net.cidr_expand", 1) { list, evaluator in
      let range = try range(list[0], 0)
      guard range.last - range.first < UInt128(evaluator.limits.elementsMax) else {
        throw EvaluationError(.limit, "the range has more than \(evaluator.limits.elementsMax) addresses")
      }
      var addresses: [RegoValue] = []
      var address = range.first
      while true {
        addresses.append(.string(AddressRange.text(address, isV6: range.isV6)))
        if address == range.last { break }
        address += 1
      }
      return .set(RegoSet(addresses))
    },
    BuiltIn("net.cidr_merge", 1) { list, _ in
      var ranges: [AddressRange] = []
      for element in try Argument.elements(list, 0) {
        var range = try range(element, 0, allowsAddress: true)
        // An address alone of version 4 stands for the network of its class.
        if !range.isV6, let text = element.string, !text.contains("/") {
          let byte = range.address >> 24
          let length = byte < 128 ? 8 : byte < 192 ? 16 : byte < 224 ? 24 : 32
          range = AddressRange(isV6: false, address: range.address, length: length)
        }
        ranges.append(range)
      }
      return .set(RegoSet(merged(ranges).map { .string($0.text) }))
    },
  ]

  private static func range(_ value: RegoValue, _ place: Int, allowsAddress: Bool = false) throws -> AddressRange {
    guard case .string(let text) = value else { throw Argument.fault(place, "string", value) }
    guard let range = AddressRange(text, allowsAddress: allowsAddress) else {
      throw EvaluationError(.builtIn, "invalid CIDR address: \(text)")
    }
    return range
  }

  /// Ranges by the key or place under which they are given.
  private static func keyed(_ value: RegoValue, _ place: Int) throws -> [(RegoValue, RegoValue)] {
    func range(_ element: RegoValue) throws -> RegoValue {
      // A list begins with the range.
      var text: RegoValue? = element
      if case .array(let parts) = element { text = parts.first }
      guard let text, case .string = text else {
        throw EvaluationError(.builtIn, "operand \(place + 1): element must be string or non-empty array")
      }
      return text
    }
    switch value {
    case .string: return [(value, value)]
    case .array(let list): return try list.enumerated().map { (.int($0.offset), try range($0.element)) }
    case .set(let set): return try set.elements.map { ($0, try range($0)) }
    case .object(let object): return try (0..<object.count).map { (object.keys[$0], try range(object.values[$0])) }
    default: throw Argument.fault(place, "one of {string, array, set, object}", value)
    }
  }

  /// The fewest ranges with the same addresses.
  private static func merged(_ ranges: [AddressRange]) -> [AddressRange] {
    var result: [AddressRange] = []
    for isV6 in [false, true] {
      let sorted = ranges.filter { $0.isV6 == isV6 }.sorted { ($0.first, $0.last) < ($1.first, $1.last) }
      var spans: [(first: UInt128, last: UInt128)] = []
      for range in sorted {
        if let top = spans.last, range.first <= top.last || range.first - top.last == 1 {
          spans[spans.count - 1].last = max(top.last, range.last)
        } else {
          spans.append((range.first, range.last))
        }
      }
      let bits = isV6 ? 128 : 32
      for span in spans {
        var at = span.first
        while true {
          var length = bits
          while length > 0 {
            let wider = AddressRange(isV6: isV6, address: at, length: length - 1)
            guard wider.first == at, wider.last <= span.last else { break }
            length -= 1
          }
          let range = AddressRange(isV6: isV6, address: at, length: length)
          result.append(range)
          if range.last >= span.last { break }
          at = range.last + 1
        }
      }
    }
    return result
  }
}
