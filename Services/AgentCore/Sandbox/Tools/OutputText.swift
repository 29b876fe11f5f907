package import SandboxProtocol

/// Output of a guest as text for a model: valid UTF-8, without control characters and marks that change the direction of
/// writing, and of a bounded length.
package enum OutputText {
  /// Cleans bytes.
  package static func clean(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    var previous: Unicode.Scalar = " "
    for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x0D: text.append("\n")
      // A line feed behind a carriage return is the same line end.
      case 0x0A: if previous != "\r" { text.append("\n") }
      case 0x09: text.append("\t")
      case 0..<0x20, 0x7F...0x9F, 0x61C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: text.append("\u{FFFD}")
      default: text.append(scalar)
      }
      previous = scalar
    }
    return String(text)
  }

  /// The beginning and the end of an output, about `bytesMax` bytes; what is between is named by its length.
  package static func excerpt(_ output: RunOutput, bytesMax: Int) -> String {
    let head = output.bytes.prefix(min(max(0, output.headCount), output.bytes.count))
    let tail = output.bytes.dropFirst(head.count)
    if output.omittedCount == 0, output.bytes.count <= bytesMax { return clean(output.bytes) }
    let half = max(0, bytesMax / 2)
    // The worker may have kept more than the model gets.
    let first = head.prefix(half)
    let last = (tail.isEmpty ? head.dropFirst(first.count) : tail).suffix(half)
    let omitted = max(0, output.totalCount - Int64(first.count + last.count))
    guard omitted > 0 else { return clean(first) + clean(last) }
    return clean(first) + "\n[... \(omitted) bytes left out ...]\n" + clean(last)
  }
}
