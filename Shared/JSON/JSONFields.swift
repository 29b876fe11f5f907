/// A fault of one member of the input.
public struct JSONFieldFault: Hashable, Sendable {
  /// The kinds of fault; the raw value is stable.
  public enum Code: String, Sendable {
    /// The member is missing.
    case required
    /// Another kind of value was expected.
    case type
    /// A number, length or count is outside its limits.
    case range
    /// A string or list is too long.
    case tooLong = "too_long"
    /// The value is none of those allowed.
    case notAllowed = "not_allowed"
    /// Nobody knows this member.
    case unknownField = "unknown_field"
    /// The value does not have the form it must have.
    case malformed
  }

  /// RFC 6901 pointer to the member; "" is the whole body.
  public let pointer: String
  /// The kind of fault.
  public let code: Code
  /// A sentence that says what is allowed.
  public let detail: String

  /// Makes a fault of the member at an RFC 6901 pointer.
  public init(pointer: String, code: Code, detail: String) {
    self.pointer = pointer
    self.code = code
    self.detail = detail
  }
}

/// All faults of an input.
public struct JSONFieldsError: Error, Sendable {
  /// At least one, at most 20.
  public let faults: [JSONFieldFault]

  init(faults: [JSONFieldFault]) { self.faults = faults }

  /// The error of a single fault.
  public init(of fault: JSONFieldFault) { faults = [fault] }
}

/// Reads the members of an object with their limits and gathers every fault, not only the first.
///
/// Missing optional members and `null` read as `nil`. `finish` must be called at the end: it refuses members that
/// nobody read.
public struct JSONFields {
  private static let faultsMax = 20
  private static let pointerBytesMax = 200

  private let view: JSONView?
  private let path: String
  /// The members that were read, by their place.
  private var read = MemberPlaces()
  /// The faults so far.
  public private(set) var faults: [JSONFieldFault] = []

  /// Begins to read `view`, which must be an object.
  public init(_ view: JSONView, path: String = "") {
    self.path = path
    if view.kind == .object {
      self.view = view
    } else {
      self.view = nil
      note(path, .type, "An object is expected.")
    }
  }

  /// Adds a fault found by the caller.
  public mutating func note(_ name: String, _ code: JSONFieldFault.Code, _ detail: String) {
    note(at: view == nil ? name : path + "/" + JSONFields.escape(name), code, detail)
  }

  /// Adds a fault that a nested reader has found.
  public mutating func note(at fault: JSONFieldFault) {
    if faults.count < JSONFields.faultsMax { faults.append(fault) }
  }

  private mutating func note(at pointer: String, _ code: JSONFieldFault.Code, _ detail: String) {
    guard faults.count < JSONFields.faultsMax else { return }
    faults.append(
      JSONFieldFault(
        pointer: String(decoding: pointer.utf8.prefix(JSONFields.pointerBytesMax), as: UTF8.self), code: code,
        detail: detail))
  }

  /// A member as it is; `nil` when missing or null.
  public mutating func value(_ name: String, isRequired: Bool = false) -> JSONView? {
    let member = view?.member(name)
    if let member { read.insert(member.place) }
    guard let value = member?.value, !value.isNull else {
      if isRequired, view != nil { note(name, .required, "This member is required.") }
      return nil
    }
    return value
  }

  /// A string of at most `bytesMax` bytes of UTF-8.
  public mutating func string(
    _ name: String, isRequired: Bool = false, bytesMax: Int, allowsEmpty: Bool = false, allowed: [String]? = nil
  ) -> String? {
    guard let value = value(name, isRequired: isRequired) else { return nil }
    guard let text = value.string else {
      note(name, .type, "A string is expected.")
      return nil
    }
    if text.utf8.count > bytesMax {
      note(name, .tooLong, "At most \(bytesMax) bytes of UTF-8 are allowed.")
    } else if text.isEmpty, !allowsEmpty {
      note(name, .range, "The string must not be empty.")
    } else if text.utf8.contains(0) {
      note(name, .malformed, "The string must not contain U+0000.")
    } else if let allowed, !allowed.contains(text) {
      note(name, .notAllowed, "Allowed are: \(allowed.joined(separator: ", ")).")
    } else {
      return text
    }
    return nil
  }

  /// An integer within `range`.
  public mutating func int(_ name: String, isRequired: Bool = false, in range: ClosedRange<Int64>) -> Int64? {
    guard let value = value(name, isRequired: isRequired) else { return nil }
    guard value.kind == .number else {
      note(name, .type, "A whole number is expected.")
      return nil
    }
    guard let number = value.int, range.contains(number) else {
      note(name, .range, "A whole number from \(range.lowerBound) to \(range.upperBound) is expected.")
      return nil
    }
    return number
  }

  /// A number within `range`.
  public mutating func double(_ name: String, isRequired: Bool = false, in range: ClosedRange<Double>) -> Double? {
    guard let value = value(name, isRequired: isRequired) else { return nil }
    guard value.kind == .number else {
      note(name, .type, "A number is expected.")
      return nil
    }
    guard let number = value.double, range.contains(number) else {
      note(name, .range, "A number from \(range.lowerBound) to \(range.upperBound) is expected.")
      return nil
    }
    return number
  }

  /// `true` or `false`.
  public mutating func bool(_ name: String, isRequired: Bool = false) -> Bool? {
    guard let value = value(name, isRequired: isRequired) else { return nil }
    guard let truth = value.bool else {
      note(name, .type, "true or false is expected.")
      return nil
    }
    return truth
  }

  /// A list of at most `countMax` elements.
  public mutating func array(_ name: String, isRequired: Bool = false, countMax: Int) -> [JSONView]? {
    guard let value = value(name, isRequired: isRequired) else { return nil }
    guard value.kind == .array else {
      note(name, .type, "A list is expected.")
      return nil
    }
    guard value.count <= countMax else {
      note(name, .tooLong, "At most \(countMax) elements are allowed.")
      return nil
    }
    return Array(value.elements)
  }

  /// A list of strings.
  public mutating func strings(_ name: String, isRequired: Bool = false, countMax: Int, bytesMax: Int) -> [String]? {
    guard let elements = array(name, isRequired: isRequired, countMax: countMax) else { return nil }
    var texts: [String] = []
    for (index, element) in elements.enumerated() {
      guard let text = element.string, text.utf8.count <= bytesMax, !text.utf8.contains(0) else {
        note(
          at: "\(path)/\(JSONFields.escape(name))/\(index)", .type, "A string of at most \(bytesMax) bytes is expected."
        )
        continue
      }
      texts.append(text)
    }
    return texts.count == elements.count ? texts : nil
  }

  /// A nested object, read by `body` with a reader that knows its path.
  public mutating func object<Value>(
    _ name: String, isRequired: Bool = false, _ body: (inout JSONFields) -> Value
  ) -> Value? {
    guard let value = value(name, isRequired: isRequired) else { return nil }
    var nested = JSONFields(value, path: path + "/" + JSONFields.escape(name))
    let result = body(&nested)
    nested.noteUnknown()
    for fault in nested.faults where faults.count < JSONFields.faultsMax { faults.append(fault) }
    return nested.faults.isEmpty ? result : nil
  }

  /// Ends the reading. Throws when there was any fault or a member that nobody read.
  public mutating func finish() throws(JSONFieldsError) {
    noteUnknown()
    if !faults.isEmpty { throw JSONFieldsError(faults: faults) }
  }

  private mutating func noteUnknown() {
    guard let view, read.count < view.count else { return }
    for (place, (key, _)) in view.members.enumerated() where !read.contains(place) {
      if faults.count >= JSONFields.faultsMax { return }
      let name = key.string ?? ""
      // Where documents may have a key twice, the first is read.
      if let first = view.member(name), read.contains(first.place) { continue }
      note(name, .unknownField, "This member is not known here.")
    }
  }

  private static func escape(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
    return name.unicodeScalars.reduce(into: "") { $0 += $1 == "~" ? "~0" : $1 == "/" ? "~1" : String($1) }
  }
}

/// Places of members in their object.
private struct MemberPlaces {
  private var first: UInt64 = 0
  private var others: Set<Int> = []

  var count: Int { first.nonzeroBitCount + others.count }

  func contains(_ place: Int) -> Bool { place < 64 ? first >> UInt64(place) & 1 == 1 : others.contains(place) }

  mutating func insert(_ place: Int) { if place < 64 { first |= 1 << UInt64(place) } else { others.insert(place) } }
}
