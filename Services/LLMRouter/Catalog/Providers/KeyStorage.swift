internal import Glibc

/// Reads keys from the environment and from small files.
enum KeyStorage {
  private static let bytesMax = 8192

  static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// The first line of a file.
  static func contents(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = read(descriptor, &bytes, bytesMax)
    guard count > 0 else { return nil }
    let line = bytes[..<count].prefix { $0 != 0x0A && $0 != 0x0D }
    return String(validating: line, as: UTF8.self)
  }
}
