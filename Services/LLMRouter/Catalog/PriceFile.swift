package import Pricing
internal import Settings

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
      do throws(FileContents.Failure) {
        text = try FileContents.read(path, limit: bytesMax).text()
      } catch {
        throw Failure(description: "prices.file: \(path) \(error.message)")
      }
    }
    do throws(PriceTable.Fault) { return try PriceTable(csv: text) } catch {
      throw Failure(description: "prices.file: line \(error.line) of \(path): \(error.message)")
    }
  }

  private static let bytesMax = 4 << 20
}
