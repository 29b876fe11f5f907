import Testing

@testable import HTTPWire

private func long(_ count: Int) -> String { String(repeating: "x", count: count) }

private let accepted: [(String, String)] = [
  ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
  ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("a\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
  ("00000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
  ("5;a=b\r\nhello\r\n0;last\r\n\r\n", "hello"), ("5;\r\nhello\r\n0\r\n\r\n", "hello"),
  ("5;a=\"q;\t\"\r\nhello\r\n0\r\n\r\n", "hello"), ("0\r\nA: b\r\nC:\r\n\r\n", ""), ("0\r\nX: é\t\r\n\r\n", ""),
  ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
]

private let refused: [(String, HTTPWireError.Code)] = [
  ("\r\n", .invalidChunkSize), ("x\r\n", .invalidChunkSize), ("-1\r\n", .invalidChunkSize),
  ("+1\r\n", .invalidChunkSize),
  ("0x5\r\nhello", .invalidChunkSize), (" 5\r\n", .invalidChunkSize), ("5 \r\nhello", .invalidChunkSize),
  ("5\t;a\r\nhello", .invalidChunkSize), ("5 ;a\r\n", .invalidChunkSize), (";a\r\n", .invalidChunkSize),
  ("5g\r\n", .invalidChunkSize),
  ("1234567890123456\r\n", .invalidChunkSize), ("ffffffffffffffff\r\n", .invalidChunkSize),
  ("0000000000000005\r\nhello", .invalidChunkSize), ("5\rx", .invalidChunkSize), ("5\r\r\n", .invalidChunkSize),
  ("5\nhello\n0\n\n", .bareLineFeed), ("5;a\nhello", .bareLineFeed), ("5;a\rb", .invalidChunkSize),
  ("5;a\0b\r\n", .invalidChunkExtension),
  ("5;\(long(256))", .chunkExtensionTooLong), ("5\r\nhellox", .invalidChunkEnd), ("5\r\nhello\n", .invalidChunkEnd),
  ("5\r\nhello\rx", .invalidChunkEnd), ("5\r\nhello0\r\n\r\n", .invalidChunkEnd), ("3\r\nhello\r\n", .invalidChunkEnd),
  ("0\r\n\n", .bareLineFeed), ("0\r\n\rx", .invalidTrailer), ("0\r\n x: y\r\n\r\n", .invalidTrailer),
  ("0\r\n: y\r\n\r\n", .invalidTrailer),
  ("0\r\nx y: z\r\n", .invalidTrailer), ("0\r\nx\r\n\r\n", .invalidTrailer), ("0\r\nx : z\r\n", .invalidTrailer),
  ("0\r\nx: a\n\r\n", .bareLineFeed),
  ("0\r\nx: a\rb", .invalidTrailer), ("0\r\nx: a\0\r\n", .invalidTrailer),
  ("0\r\nx: \(long(9000))\r\n", .trailersTooLarge),
  ("0\r\n\(String(repeating: "a: b\r\n", count: 2000))", .trailersTooLarge),
  ("0\r\nGET / HTTP/1.1\r\n\r\n", .invalidTrailer),
]

@Suite struct ChunkedCodingTests {
  @Test(arguments: accepted)
  func `a valid body is decoded however it is split`(wire: String, body: String) {
    let bytes = Array(wire.utf8)
    for step in 1...bytes.count {
      #expect(decodeChunked(bytes + Array("GET /".utf8), step: step) == .end(Array(body.utf8), consumed: bytes.count))
    }
  }

  @Test(arguments: accepted)
  func `every proper prefix of a valid body needs more`(wire: String, body: String) {
    let bytes = Array(wire.utf8)
    for count in 0..<bytes.count {
      guard case .needMore(let part) = decodeChunked(Array(bytes.prefix(count))) else {
        Issue.record("decided after \(count) bytes")
        return
      }
      #expect(body.utf8.starts(with: part))
    }
  }

  @Test(arguments: refused)
  func `a trap is refused however it is split`(wire: String, code: HTTPWireError.Code) {
    let bytes = Array(wire.utf8)
    for step in [1, 2, 3, 5, bytes.count] { #expect(decodeChunked(bytes, step: step) == .refused(code)) }
  }

  @Test func `extensions are limited over the whole body`() {
    let one = "1;\(long(200))\r\na\r\n"
    let wire = Array(String(repeating: one, count: 50).utf8)
    #expect(decodeChunked(wire) == .refused(.chunkExtensionTooLong))
    #expect(decodeChunked(wire, step: 7) == .refused(.chunkExtensionTooLong))
  }

  @Test func `a huge chunk is counted, not allocated`() throws {
    var decoder = ChunkedDecoder()
    let step = try Array("fffffffffffffff\r\nab".utf8).withUnsafeBytes { try decoder.next($0) }
    #expect(step.event == .data(17..<19))
    #expect(step.consumed == 19)
  }

  @Test func `nothing is read after the end`() throws {
    var decoder = ChunkedDecoder()
    let wire = Array("0\r\n\r\n".utf8)
    let step = try wire.withUnsafeBytes { try decoder.next($0) }
    #expect(step.event == .end && decoder.isDone)
    #expect(throws: HTTPWireError(.bodyAfterEnd)) { try wire.withUnsafeBytes { try decoder.next($0) } }
  }

  @Test func `no input needs more`() throws {
    var decoder = ChunkedDecoder()
    let step = try decoder.next(UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(step.event == .needMore && step.consumed == 0)
  }

  @Test(arguments: [1, 9, 15, 16, 17, 255, 256, 4095, 4096, 65_536, 1_000_000])
  func `what is encoded is decoded`(count: Int) {
    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    var wire: [UInt8] = []
    body.withUnsafeBytes { ChunkedEncoder.append($0, to: &wire) }
    #expect(wire.prefix { $0 != 0x0D }.elementsEqual(String(count, radix: 16).utf8))
    ChunkedEncoder.append(UnsafeRawBufferPointer(start: nil, count: 0), to: &wire)
    ChunkedEncoder.appendHead(0, to: &wire)
    ChunkedEncoder.appendEnd(to: &wire)
    #expect(decodeChunked(wire) == .end(body, consumed: wire.count))
  }
}
