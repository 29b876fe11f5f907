internal import JSON
internal import Primitives

/// Answers as a list of embeddings: the same text has always the same vector of length one or so.
struct MockEmbeddingWriter {
  let request: MockRequest
  let answer: MockAnswer

  func whole() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: min(request.inputs.count * request.dimensions * 12, 1 << 20) + 256)
    writer.beginObject()
    writer.member("object", "list")
    writer.key("data")
    writer.beginArray()
    for (index, text) in request.inputs.enumerated() {
      writer.beginObject()
      writer.member("object", "embedding")
      writer.member("index", Int64(index))
      let vector = MockEmbeddingWriter.vector(text, request.dimensions)
      if request.wantsBase64 {
        writer.member("embedding", Base64.encode(vector.flatMap { MockEmbeddingWriter.bytes($0) }))
      } else {
        writer.key("embedding")
        writer.beginArray()
        for value in vector { writer.double(Double(value)) }
        writer.endArray()
      }
      writer.endObject()
    }
    writer.endArray()
    writer.member("model", request.model)
    writer.key("usage")
    writer.beginObject()
    writer.member("prompt_tokens", answer.inputTokens)
    writer.member("total_tokens", answer.inputTokens)
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }

  private static func vector(_ text: String, _ dimensions: Int) -> [Float] {
    // FNV-1a, then a linear congruence for each dimension.
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return (0..<dimensions).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Quarters of 1/64 have exact decimal and binary forms.
      return Float(Int64(state >> 56) - 128) / 256
    }
  }

  private static func bytes(_ value: Float) -> [UInt8] {
    let bits = value.bitPattern
    return (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt32($0))) }
  }
}
