internal import Glibc
package import Pricing

/// The price table: the one that is built in, or a file in its place.
package enum PriceFile {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// The table of a file; an empty path is the table that is built in.
  package static func table(_ path: String) throws(Failure) -> PriceTable {
    let text: String
    if path.isEmpty {
      text = String(decoding: PackageResources.prices_csv, as: UTF8.self)
    } else {
      guard let read = contents(of: path) else {
        throw Failure(description: "prices.file: \(path) cannot be read")
      }
      text = read
    }
    do throws(PriceTable.Fault) { return try PriceTable(csv: text) } catch {
      throw Failure(description: "prices.file: line \(error.line) of \(path): \(error.message)")
    }
  }

  private static let bytesMax = 4 << 20

  private static func contents(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= bytesMax {
      let count = read(descriptor, &piece, piece.count)
      if count < 0 { return nil }
      if count == 0 { return String(validating: bytes, as: UTF8.self) }
      bytes += piece[..<count]
    }
    return nil
  }
}
