/// Reads the outline of an untrusted module before a compiler sees it, and refuses what is over its limits, what is no
/// module, and what could not be run. It bounds the work; whether the module is valid is for the compiler to say.
package struct ModuleInspection: Sendable {
  /// Why a module is refused: a short sentence without bytes of the module.
  package struct Rejection: Error, Hashable, Sendable {
    package let reason: String
  }

  /// Functions with a body.
  package private(set) var functions: Int64 = 0
  /// Whether it exports a function `_start`.
  package private(set) var hasStart = false

  private let bytes: [UInt8]
  private let limits: ModuleLimits
  private var position = 8
  private var end: Int

  /// Inspects a module.
  package init(_ bytes: [UInt8], _ limits: ModuleLimits = ModuleLimits()) throws(Rejection) {
    self.bytes = bytes
    self.limits = limits
    end = bytes.count
    guard Int64(bytes.count) <= limits.bytes else { throw Rejection(reason: "the module is too large") }
    guard bytes.starts(with: [0, 0x61, 0x73, 0x6d]) else { throw Rejection(reason: "this is no WebAssembly") }
    guard bytes.count >= 8, bytes[4..<8].elementsEqual([1, 0, 0, 0]) else {
      throw Rejection(reason: "this is no module of version 1; components are not taken")
    }
    try readSections()
    guard hasStart else { throw Rejection(reason: "the module exports no function _start") }
  }

  private mutating func readSections() throws(Rejection) {
    var sections = 0
    while position < bytes.count {
      sections += 1
      if sections > 64 { throw Rejection(reason: "the module has too many sections") }
      let id = try byte()
      let length = Int(try number())
      guard length <= bytes.count - position else { throw malformed }
      let next = position + length
      end = next
      switch id {
      case 0: break
      case 7: try readExports()
      case 10: try readCode()
      case 1...13: if id != 8 { _ = try count() }
      default: throw malformed
      }
      position = next
      end = bytes.count
    }
  }

  private mutating func readExports() throws(Rejection) {
    for _ in 0..<(try count()) {
      let length = Int(try number())
      guard length <= end - position else { throw malformed }
      let name = bytes[position..<(position + length)]
      position += length
      let kind = try byte()
      _ = try number()
      if kind == 0, name.elementsEqual("_start".utf8) { hasStart = true }
    }
  }

  private mutating func readCode() throws(Rejection) {
    functions = Int64(try number())
    guard functions <= limits.functions else { throw Rejection(reason: "the module has too many functions") }
    for _ in 0..<functions {
      let length = Int(try number())
      guard Int64(length) <= limits.functionBytes else { throw Rejection(reason: "a function is too large") }
      guard length <= end - position else { throw malformed }
      let next = position + length
      var locals: Int64 = 0
      for _ in 0..<(try count()) {
        locals += Int64(try number())
        _ = try byte()
        guard locals <= limits.locals else { throw Rejection(reason: "a function has too many locals") }
      }
      position = next
    }
  }

  /// The count of a list, within the limit of entries.
  private mutating func count() throws(Rejection) -> Int64 {
    let value = Int64(try number())
    guard value <= limits.entries else { throw Rejection(reason: "a list of the module is too long") }
    return value
  }

  private mutating func byte() throws(Rejection) -> UInt8 {
    guard position < end else { throw malformed }
    defer { position += 1 }
    return bytes[position]
  }

  /// An unsigned number of up to 32 bits (LEB128).
  private mutating func number() throws(Rejection) -> UInt32 {
    var value: UInt32 = 0
    for shift: UInt32 in [0, 7, 14, 21, 28] {
      let next = try byte()
      if shift == 28, next > 15 { throw malformed }
      value |= UInt32(next & 127) << shift
      if next < 128 { return value }
    }
    throw malformed
  }

  private var malformed: Rejection { Rejection(reason: "the module is malformed") }
}
