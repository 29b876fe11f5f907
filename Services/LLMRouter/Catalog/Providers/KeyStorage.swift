internal import Glibc
internal import Settings

/// Reads keys from the environment and from small files.
enum KeyStorage {
  private static let bytesMax = 8192

  static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// The first line of a file.
  static func contents(of path: String) -> String? {
    guard let file = try? FileContents.read(path, limit: bytesMax), !file.bytes.isEmpty else { return nil }
    let line = file.bytes.prefix { $0 != 0x0A && $0 != 0x0D }
    return String(validating: line, as: UTF8.self)
  }
}
