public import JSON

/// Writes messages as one line of JSON without its end.
public enum MCPMessageWriter {
  /// A request; `params` writes the members of the parameters.
  public static func request(
    id: MCPRequestID, method: String, _ params: ((inout JSONWriter) -> Void)? = nil
  ) -> [UInt8] {
    message { writer in
      writer.key("id")
      id.write(to: &writer)
      writer.member("method", method)
      object("params", params, &writer)
    }
  }

  /// A notification; `params` writes the members of the parameters.
  public static func notification(method: String, _ params: ((inout JSONWriter) -> Void)? = nil) -> [UInt8] {
    message { writer in
      writer.member("method", method)
      object("params", params, &writer)
    }
  }

  /// An answer; `result` writes the members of the result.
  public static func response(id: MCPRequestID, _ result: (inout JSONWriter) -> Void) -> [UInt8] {
    message { writer in
      writer.key("id")
      id.write(to: &writer)
      writer.key("result")
      writer.beginObject()
      result(&writer)
      writer.endObject()
    }
  }

  /// A failure; `data` is JSON text. An error that belongs to no request has no id (`null` before 2025-11-25).
  public static func failure(
    id: MCPRequestID?, code: Int64, message text: String, data: [UInt8]? = nil, writesNullID: Bool = false
  ) -> [UInt8] {
    message { writer in
      if let id {
        writer.key("id")
        id.write(to: &writer)
      } else if writesNullID {
        writer.key("id")
        writer.null()
      }
      writer.key("error")
      writer.beginObject()
      writer.member("code", code)
      writer.member("message", text)
      if let data { writer.member("data", raw: data) }
      writer.endObject()
    }
  }

  private static func message(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("jsonrpc", "2.0")
    members(&writer)
    writer.endObject()
    return writer.bytes
  }

  private static func object(_ name: String, _ members: ((inout JSONWriter) -> Void)?, _ writer: inout JSONWriter) {
    guard let members else { return }
    writer.key(name)
    writer.beginObject()
    members(&writer)
    writer.endObject()
  }
}
