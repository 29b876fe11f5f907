/// The name of an artefact: a relative path of plain segments, for example `plots/sales.png`.
///
/// Segments are neither empty nor `.` nor `..`, and hold no backslash, no control character, no line separator, no mark
/// that changes the direction of writing and none that cannot be seen, by which two names that look the same would
/// differ. Joiners and variation selectors, which scripts and emoji need, may follow something that is seen. Names are
/// compared by their bytes; nothing is normalised.
public struct ArtefactName: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of a name.
  public static let bytesMax = 512
  /// Bytes of a segment: what file systems take.
  public static let segmentBytesMax = 255
  /// Segments of a name.
  public static let segmentsMax = 16

  /// The bytes of the name, by which names are compared.
  private let bytes: [UInt8]

  /// The name.
  public var text: String { String(decoding: bytes, as: UTF8.self) }
  /// The name.
  public var description: String { text }
  /// The last segment.
  public var lastSegment: String {
    String(decoding: bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...], as: UTF8.self)
  }

  /// Reads a name; `nil` for a text that is none.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count <= ArtefactName.bytesMax else { return nil }
    let segments = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard (1...ArtefactName.segmentsMax).contains(segments.count), segments.allSatisfy(ArtefactName.isPlain),
      ArtefactName.isVisible(text)
    else { return nil }
    self.bytes = bytes
  }

  private static func isPlain(_ segment: ArraySlice<UInt8>) -> Bool {
    let dot = UInt8(ascii: ".")
    return !segment.isEmpty && segment.count <= segmentBytesMax && !segment.elementsEqual([dot])
      && !segment.elementsEqual([dot, dot])
  }

  private static func isVisible(_ text: String) -> Bool {
    var canJoin = false
    for scalar in text.unicodeScalars {
      guard isAllowed(scalar) else { return false }
      let isJoining = [0x200C, 0x200D, 0xFE0E, 0xFE0F].contains(scalar.value)
      if scalar.properties.isDefaultIgnorableCodePoint, !isJoining || !canJoin { return false }
      canJoin = !isJoining && scalar != "/"
    }
    return true
  }

  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x5C, 0x7F...0x9F, 0x61C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF,
      0xFFF9...0xFFFF:
      false
    default: true
    }
  }
}
