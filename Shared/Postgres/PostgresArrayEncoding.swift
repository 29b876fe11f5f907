/// The binary form of a one-dimensional array: dimensions, has-nulls, element type, count, lower bound, and the
/// elements, each behind its length.
@usableFromInline
enum PostgresArrayEncoding {
  /// Appends an array of which `body` appends each element; it returns `false` for NULL.
  @inlinable
  static func encode<Element>(
    _ elements: [Element], _ elementType: UInt32, to bytes: inout [UInt8],
    _ body: (Element, inout [UInt8]) -> Bool
  ) {
    appendHead(count: elements.count, elementType, to: &bytes)
    // In place: elements may have many members, of which `body` takes one.
    elements.withUnsafeBufferPointer { elements in
      for index in elements.indices {
        let start = reserveLength(in: &bytes)
        if body(elements[index], &bytes) { setLength(from: start, in: &bytes) }
      }
    }
  }

  @usableFromInline
  static func appendHead(count: Int, _ elementType: UInt32, to bytes: inout [UInt8]) {
    Int32(count == 0 ? 0 : 1).appendBigEndian(to: &bytes)
    // It may hold NULL.
    Int32(1).appendBigEndian(to: &bytes)
    elementType.appendBigEndian(to: &bytes)
    guard count > 0 else { return }
    Int32(clamping: count).appendBigEndian(to: &bytes)
    Int32(1).appendBigEndian(to: &bytes)
  }

  /// Appends the length of NULL. Returns where the element begins.
  @usableFromInline
  static func reserveLength(in bytes: inout [UInt8]) -> Int {
    Int32(-1).appendBigEndian(to: &bytes)
    return bytes.count
  }

  /// Writes the length of the element that begins at `start` and ends the bytes.
  @usableFromInline
  static func setLength(from start: Int, in bytes: inout [UInt8]) {
    let length = Int32(clamping: bytes.count - start)
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: length.bigEndian, toByteOffset: start - 4, as: Int32.self)
    }
  }
}
