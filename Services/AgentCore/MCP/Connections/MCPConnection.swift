package import JSON
package import MCP

/// A request to a server.
package struct ClientRequest: Sendable {
  /// The method.
  package let method: String
  /// What the parameters have beside `_meta`.
  package let params: @Sendable (inout JSONWriter) -> Void
  /// `params.name` or `params.uri`, for the header that repeats it.
  package var name: String?
  /// Headers that repeat arguments.
  package var headers: [(name: String, value: String)] = []
  /// The span that the request belongs to, as W3C Trace Context.
  package var traceparent: String?
  /// When the answer has to be there, in monotonic nanoseconds. Nothing that the server sends moves it.
  package var deadline: UInt64

  /// Makes a request.
  package init(
    _ method: String, name: String? = nil, deadline: UInt64, traceparent: String? = nil,
    _ params: @escaping @Sendable (inout JSONWriter) -> Void = { _ in }
  ) {
    self.method = method
    self.name = name
    self.deadline = deadline
    self.traceparent = traceparent
    self.params = params
  }
}

/// What a connection has to say beside answers.
package enum ConnectionEvent: Sendable {
  /// A list of the server is another now.
  case listChanged(ServerList)
  /// A request is getting on.
  case progress(MCPProgress)
  /// Something was wrong that ends nothing.
  case fault(MCPError)
  /// The server wrote a line to its error output.
  case log(String)
  /// The jail has not taken the program.
  case refused(JailRefused)
  /// The program used more than it may and was ended.
  case exceeded(ServerJail.Limit)
  /// The connection is over.
  case closed(MCPError)
}

/// A connection to a server. Confined to one event loop, from which all is called.
package protocol MCPConnection: AnyObject, Sendable {
  /// Hears of events, on the loop.
  var onEvent: (@Sendable (ConnectionEvent) -> Void)? { get set }
  /// The revision that is spoken, once the connection is open.
  var revision: MCPRevision? { get }

  /// Opens the connection and finds out what is spoken.
  func open(deadline: UInt64) async throws(MCPError) -> MCPHandshake

  /// Makes a request and waits for its result. A task that is cancelled gets `cancelled`, and the server is notified.
  func request(_ request: ClientRequest) async throws(MCPError) -> JSONView

  /// Ends the connection; a process is stopped, by force in the end. Returns when nothing is left of it.
  func close() async
}
