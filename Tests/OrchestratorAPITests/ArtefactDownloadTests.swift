import HTTP
import HTTPWire
import Testing

@testable import OrchestratorAPI

@Suite struct ArtefactDownloadTests {
  private static func range(_ field: String, bytes: Int64 = 10, condition: String? = nil) throws -> Range<Int64>? {
    var headers = HTTPHeaders()
    headers.append(.range, field)
    if let condition { headers.append("if-range", condition) }
    return try ArtefactDownload.range(headers, tag: "\"t\"", bytes: bytes)
  }

  @Test(
    arguments: [
      ("bytes=0-0", 0..<1), ("bytes=0-", 0..<10), ("bytes=3-5", 3..<6), ("bytes=5-99", 5..<10), ("bytes=-3", 7..<10),
      ("bytes=-99", 0..<10), ("bytes=9-9", 9..<10),
    ] as [(String, Range<Int64>)])
  func `a range names its bytes`(field: String, range: Range<Int64>) throws {
    #expect(try Self.range(field) == range)
  }

  @Test(arguments: ["bytes=5-3", "bytes=a-b", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=", "bytes=+1-2"])
  func `what is not understood asks for all`(field: String) throws { #expect(try Self.range(field) == nil) }

  @Test(
    arguments: [
      ("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-0", 0), ("bytes=9223372036854775807-", 10),
    ] as [(String, Int64)])
  func `a range without a byte is refused`(field: String, bytes: Int64) {
    #expect(throws: Problem.self) { try Self.range(field, bytes: bytes) }
  }

  @Test func `a range of another version asks for all`() throws {
    #expect(try Self.range("bytes=0-0", condition: "\"other\"") == nil)
    #expect(try Self.range("bytes=0-0", condition: "\"t\"") == 0..<1)
  }

  @Test(arguments: [
    ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
    ("x/y z.txt", "attachment; filename=\"y_z.txt\"; filename*=UTF-8''y%20z.txt"),
    ("\"; x=\"y", "attachment; filename=\"___x__y\"; filename*=UTF-8''%22%3B%20x%3D%22y"),
    ("ä", "attachment; filename=\"_\"; filename*=UTF-8''%C3%A4"),
  ])
  func `no name leaves its place in the header`(name: String, field: String) {
    #expect(ArtefactDownload.disposition(name) == field)
  }
}
