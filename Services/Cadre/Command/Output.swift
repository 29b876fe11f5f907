internal import Glibc

/// What the command line says.
enum Output {
  /// Writes a line to the standard error.
  static func error(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
  }

  /// Writes a line at once, also into a pipe.
  static func line(_ text: String) {
    print(text)
    fflush(nil)
  }
}
