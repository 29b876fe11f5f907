internal import Glibc

/// Where the command line writes.
package struct Output: Sendable {
  /// Writes a line of the result.
  package let line: @Sendable (String) -> Void
  /// Writes bytes of the result as they are.
  package let bytes: @Sendable ([UInt8]) -> Void
  /// Writes a line about what went wrong.
  package let error: @Sendable (String) -> Void

  /// An output that calls functions, such as those of a test.
  package init(
    line: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void,
    bytes: @escaping @Sendable ([UInt8]) -> Void = { _ in }
  ) {
    self.line = line
    self.error = error
    self.bytes = bytes
  }

  /// The standard output, each line at once, also into a pipe; and the standard error.
  package static let standard = Output { text in
    print(text)
    fflush(nil)
  } error: { text in
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
  } bytes: { bytes in
    fflush(nil)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
