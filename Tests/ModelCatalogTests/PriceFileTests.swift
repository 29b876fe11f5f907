import Glibc
import ModelCatalog
import Pricing
import Testing

@Suite struct PriceFileTests {
  private static func withFile<Value>(_ text: String, _ body: (String) throws -> Value) throws -> Value {
    var path = Array("/tmp/cadre-prices-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    try #require(descriptor >= 0)
    let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(name) }
    let bytes = Array(text.utf8)
    #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
    return try body(name)
  }

  private static func fault(_ path: String) -> String? {
    do throws(PriceFile.Failure) {
      _ = try PriceFile.table(path)
      return nil
    } catch { return error.description }
  }

  @Test func `without a file the prices that are built in count`() throws {
    #expect(Self.fault("") == nil)
  }

  @Test func `a file that is none says which setting and why`() throws {
    #expect(Self.fault("/nowhere/prices.csv")?.hasPrefix("prices.file: /nowhere/prices.csv cannot be opened") == true)
    #expect(Self.fault("/tmp")?.contains("is not a regular file") == true)
    let large = String(repeating: "x", count: (4 << 20) + 1)
    try Self.withFile(large) { #expect(Self.fault($0)?.contains("is larger than") == true) }
  }

  @Test func `a wrong line is named`() throws {
    try Self.withFile("nonsense,of,any\nkind\n") { path in
      #expect(Self.fault(path)?.contains("line") == true, "\(Self.fault(path) ?? "taken")")
    }
  }
}
