import Testing

@testable import HTTPWire

/// What a head parser made of its input.
enum Outcome: Equatable {
  case head(String, consumed: Int)
  case needMore
  case refused(HTTPWireError.Code)
}

extension RequestHead {
  /// Everything a reader can see of the head, as text that can be compared.
  var summary: String {
    var fields: [String] = []
    headers.forEach { fields.append("\($0)=\($1)") }
    return """
      \(methodName) \(method) \(target) \(path) \(query ?? "-") \(version) \(framing) \(keepAlive) \
      \(expectsContinue) \(host ?? "-") [\(fields.joined(separator: "|"))]
      """
  }
}

extension ResponseHead {
  var summary: String {
    var fields: [String] = []
    headers.forEach { fields.append("\($0)=\($1)") }
    return "\(status.code) \(version) \(framing) \(keepAlive) [\(fields.joined(separator: "|"))]"
  }
}

func requestOutcome(_ parser: inout RequestHeadParser, _ bytes: some Collection<UInt8>) -> Outcome {
  Array(bytes).withUnsafeBytes { buffer in
    do throws(HTTPWireError) {
      guard let (head, consumed) = try parser.parse(buffer) else { return .needMore }
      return .head(head.summary, consumed: consumed)
    } catch {
      return .refused(error.code)
    }
  }
}

func requestOutcome(_ bytes: some Collection<UInt8>, limits: HTTPLimits = .standard) -> Outcome {
  var parser = RequestHeadParser(limits: limits)
  return requestOutcome(&parser, bytes)
}

/// Feeds a growing prefix to one parser, byte by byte, until it decides.
func requestOutcomeByteByByte(_ bytes: [UInt8], limits: HTTPLimits = .standard) -> Outcome {
  var parser = RequestHeadParser(limits: limits)
  for count in 1...max(1, bytes.count) {
    let outcome = requestOutcome(&parser, bytes.prefix(count))
    if outcome != .needMore { return outcome }
  }
  return .needMore
}

func responseOutcome(
  _ parser: inout ResponseHeadParser, _ bytes: some Collection<UInt8>
) -> Outcome {
  Array(bytes).withUnsafeBytes { buffer in
    do throws(HTTPWireError) {
      guard let (head, consumed) = try parser.parse(buffer) else { return .needMore }
      return .head(head.summary, consumed: consumed)
    } catch {
      return .refused(error.code)
    }
  }
}

func responseOutcome(_ bytes: [UInt8], method: HTTPMethod = .get) -> Outcome {
  var parser = ResponseHeadParser(requestMethod: method)
  return responseOutcome(&parser, bytes)
}

func responseOutcomeByteByByte(_ bytes: [UInt8], method: HTTPMethod = .get) -> Outcome {
  var parser = ResponseHeadParser(requestMethod: method)
  for count in 1...max(1, bytes.count) {
    let outcome = responseOutcome(&parser, bytes.prefix(count))
    if outcome != .needMore { return outcome }
  }
  return .needMore
}

func parseRequest(_ text: String) throws -> RequestHead {
  var parser = RequestHeadParser()
  let result = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
  return try #require(result).head
}

func parseResponse(_ text: String, method: HTTPMethod = .get) throws -> ResponseHead {
  var parser = ResponseHeadParser(requestMethod: method)
  let result = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
  return try #require(result).head
}

/// How a chunked body ended after all bytes were fed in pieces of at most `step` bytes.
enum ChunkedOutcome: Equatable {
  case end([UInt8], consumed: Int)
  case needMore([UInt8])
  case refused(HTTPWireError.Code)
}

func decodeChunked(_ bytes: [UInt8], step: Int = .max) -> ChunkedOutcome {
  var decoder = ChunkedDecoder()
  var body: [UInt8] = []
  var at = 0
  while at < bytes.count {
    let piece = Array(bytes[at..<min(bytes.count, at + min(step, bytes.count))])
    do throws(HTTPWireError) {
      let (event, consumed) = try next(&decoder, piece)
      guard consumed > 0, consumed <= piece.count else { return .refused(.bodyAfterEnd) }
      switch event {
      case .data(let range): body += piece[range]
      case .needMore: break
      case .end: return .end(body, consumed: at + consumed)
      }
      at += consumed
    } catch {
      return .refused(error.code)
    }
  }
  return .needMore(body)
}

private func next(
  _ decoder: inout ChunkedDecoder, _ piece: [UInt8]
) throws(HTTPWireError) -> (event: ChunkEvent, consumed: Int) {
  let result = piece.withUnsafeBytes { buffer -> Result<(event: ChunkEvent, consumed: Int), HTTPWireError> in
    do throws(HTTPWireError) {
      return .success(try decoder.next(buffer))
    } catch {
      return .failure(error)
    }
  }
  return try result.get()
}

/// SplitMix64: the same bytes in every run.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A copy with a few bytes changed, inserted, removed, doubled or cut off.
  mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let spicy: [UInt8] = [0, 9, 10, 13, 32, 44, 48, 58, 59, 127, 128, 255]
    for _ in 0...Int.random(in: 0...3, using: &self) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &self)
      let byte =
        Bool.random(using: &self) ? UInt8.random(in: 0...255, using: &self) : spicy.randomElement(using: &self) ?? 0
      switch Int.random(in: 0..<5, using: &self) {
      case 0: bytes[at] = byte
      case 1: bytes.insert(byte, at: at)
      case 2: bytes.remove(at: at)
      case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 12)], at: at)
      default: bytes.removeLast(bytes.count - at)
      }
    }
    return bytes
  }
}
