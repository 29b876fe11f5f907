internal import JSON

/// A chat completion request: only what routing needs is looked at, everything else passes through unchanged.
struct CompletionRequest {
  let model: String
  let wantsStream: Bool
  let wantsUsage: Bool
  private let document: JSONDocument

  /// Reads a request. Throws the OpenAI-shaped refusal.
  init(_ document: JSONDocument) throws(OpenAIError) {
    let root = document.root
    guard root.kind == .object else { throw .invalid("The body must be a JSON object.", nil) }
    guard let messages = root["messages"], messages.kind == .array, messages.count > 0 else {
      throw .invalid("'messages' must be a list with at least one message.", "messages")
    }
    if let model = root["model"], !model.isNull {
      guard let name = model.string else { throw .invalid("'model' must be a string.", "model") }
      self.model = name
    } else {
      model = ""
    }
    if let stream = root["stream"], !stream.isNull {
      guard let truth = stream.bool else { throw .invalid("'stream' must be true or false.", "stream") }
      wantsStream = truth
    } else {
      wantsStream = false
    }
    wantsUsage = root["stream_options"]?["include_usage"]?.bool ?? false
    self.document = document
  }

  /// The bytes for the provider: the caller's own, unless the model has another name there or a stream must tell its
  /// usage.
  func bytes(for target: ModelDeclaration) -> [UInt8] {
    let addsUsage = wantsStream && !wantsUsage
    guard target.providerModel != model || addsUsage else { return document.bytes }
    var writer = JSONWriter(reservingBytes: document.bytes.count + 64)
    writer.beginObject()
    writer.member("model", target.providerModel)
    for (key, value) in document.root.members {
      let name = key.string ?? ""
      if name == "model" || (addsUsage && name == "stream_options") { continue }
      writer.member(name, raw: value.rawBytes)
    }
    if addsUsage {
      writer.key("stream_options")
      writer.beginObject()
      for (key, value) in document.root["stream_options"]?.members ?? JSONView.noMembers {
        let name = key.string ?? ""
        if name != "include_usage" { writer.member(name, raw: value.rawBytes) }
      }
      writer.member("include_usage", true)
      writer.endObject()
    }
    writer.endObject()
    return writer.bytes
  }
}
