import SandboxProtocol
import Testing

@Suite struct SandboxFrameTests {
  private static let frame = SandboxFrame(
    .run, header: Array(#"{"a":1}"#.utf8), parts: [[1, 2, 3], [], Array(repeating: 7, count: 300)])

  @Test func `a frame comes back, whatever pieces it comes in`() throws {
    let bytes = try Self.frame.encoded() + Self.frame.encoded()
    for size in [1, 2, 3, 7, 100, bytes.count] {
      var reader = SandboxFrameReader()
      var found: [SandboxFrame] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        #expect(reader.missingCount >= 1)
        reader.append(bytes[start..<min(bytes.count, start + size)])
        while let frame = try reader.next() { found.append(frame) }
      }
      #expect(found == [Self.frame, Self.frame])
    }
  }

  @Test(arguments: [
    [0, 0, 0, 5, 1, 0, 0, 0, 0], [0, 0, 0, 6, 99, 0, 0, 0, 0, 0], [0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 6, 1, 0, 0, 0, 0, 1], [0, 0, 0, 10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 6, 1, 1, 0, 0, 0, 0],
  ])
  func `lengths that do not add up`(bytes: [UInt8]) {
    var reader = SandboxFrameReader()
    reader.append(bytes)
    #expect(throws: SandboxFrameError.malformed) { try reader.next() }
    reader.append([0, 0, 0, 6, 1, 0, 0, 0, 0, 0])
    #expect(throws: SandboxFrameError.malformed) { try reader.next() }
  }

  @Test(arguments: [
    [255, 255, 255, 255], [0, 0, 1, 0, 1, 5, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0, 1, 0, 0, 0],
  ])
  func `a frame over its bounds is refused before its bytes have come`(bytes: [UInt8]) {
    var reader = SandboxFrameReader()
    reader.append(bytes)
    #expect(throws: SandboxFrameError.tooLarge) { try reader.next() }
  }

  @Test func `a frame over its bounds is not written`() {
    let header = SandboxFrame(.run, header: Array(repeating: 32, count: SandboxFrame.headerBytesMax + 1))
    #expect(throws: SandboxFrameError.tooLarge) { try header.encoded() }
    let part = SandboxFrame(.run, header: [], parts: [Array(repeating: 0, count: SandboxFrame.bytesMax)])
    #expect(throws: SandboxFrameError.tooLarge) { try part.encoded() }
    let parts = SandboxFrame(.run, header: [], parts: Array(repeating: [], count: 5))
    #expect(throws: SandboxFrameError.tooLarge) { try parts.encoded() }
  }
}
