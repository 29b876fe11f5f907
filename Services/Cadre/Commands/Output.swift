internal import Glibc

/// Where the command line writes.
package struct Output: Sendable {
  /// Writes a line of the result.
  package let line: @Sendable (String) -> Void
  /// Writes a line about what went wrong.
  package let error: @Sendable (String) -> Void

  /// An output that calls functions, such as those of a test.
  package init(line: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void) {
    self.line = line
    self.error = error
  }

  /// The standard output, each line at once, also into a pipe; and the standard error.
  package static let standard = Output { text in
    print(text)
    fflush(nil)
  } error: { text in
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
  }
}
