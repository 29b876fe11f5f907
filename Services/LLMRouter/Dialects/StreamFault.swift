internal import HTTPWire
internal import JSON

/// What went wrong within a provider's answer.
public struct StreamFault: Error, Sendable, Hashable {
  /// The code of what is no answer at all.
  public static let garbageCode = "provider_garbage"
  private static let messageCharactersMax = 500

  /// The provider's code or type, if it gave one.
  public let code: String
  /// One sentence.
  public let message: String

  /// A fault.
  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  /// The error that stands in an answer or event; nil when there is none.
  init?(in root: JSONView) {
    if let error = root.present("error") {
      self.init(error: error)
      return
    }
    return nil
  }

  /// The error that stands in a choice; nil when there is none.
  init?(in choice: ChatChoice) {
    if let error = choice.error {
      self.init(error: error)
    } else if let finish = choice.finish, finish.utf8.count == 5, finish.lowercased() == "error" {
      self.init(code: "provider_error", message: "It stopped with an error.")
    } else {
      return nil
    }
  }

  /// An error as providers write it: an object, or only a text.
  init(error: JSONView?) {
    let code = error?["code"]?.string ?? error?["type"]?.string ?? error?["code"]?.int.map(String.init)
    let message = error?["message"]?.string ?? error?.string ?? "no message"
    self.init(
      code: code ?? "provider_error", message: String(message.prefix(StreamFault.messageCharactersMax)))
  }
}

extension ProviderJSON {
  /// The data of an event. Throws `StreamFault` for an error and for what is no object.
  /// Without `checksErrors` its members are left to the caller.
  init(_ event: ServerSentEvent, checksErrors: Bool = true) throws(StreamFault) {
    guard let parsed = ProviderJSON(event.data), parsed.root.kind == .object else {
      throw StreamFault(
        code: StreamFault.garbageCode, message: "The provider's stream holds something that is not JSON.")
    }
    if checksErrors, let fault = StreamFault(in: parsed.root) { throw fault }
    if event.event == "error", parsed.root["type"]?.string ?? "error" == "error" {
      throw StreamFault(error: parsed.root)
    }
    self = parsed
  }

  /// Whether the data of an event is the last word of OpenAI's streams.
  static func isDone(_ data: [UInt8]) -> Bool {
    guard data.count < 16, data.first == UInt8(ascii: "[") || data.first == 0x20 else { return false }
    return data.filter { !JSONPrefix.isSpace($0) }.elementsEqual("[DONE]".utf8)
  }
}
