package import JSON
package import MCP

/// The client's side of a connection on which answers come in any order (stdio): era, requests under way, deadlines.
/// Pure: inputs with times, actions out.
///
/// Whatever breaks the framing or the matching of answers to requests ends the connection, because later answers could
/// be taken for the wrong ones. A result that is broken inside fails its request only.
package struct ClientStateMachine: Sendable {
  /// What is to be done.
  package enum Action: Sendable {
    /// A message goes to the server.
    case send([UInt8])
    /// Requests may be made from now on.
    case ready(MCPRevision, MCPHandshake)
    /// A request has ended.
    case complete(Int64, Result<JSONView, MCPError>)
    /// A request is getting on.
    case progress(Int64, MCPProgress)
    /// A list of the server is another now.
    case listChanged(ServerList)
    /// Something was wrong that ends nothing.
    case fault(MCPError)
    /// The connection is of no use any more. Its requests were completed before.
    case close(MCPError)
  }

  private enum Phase {
    /// Nothing was sent.
    case new
    /// Waits for the answer to `server/discover`.
    case probing(Int64)
    /// Waits for the answer to `initialize`; the late one to `server/discover` counts too.
    case initializing(Int64, probe: Int64?)
    /// Requests may be made.
    case ready(MCPRevision)
    /// Over.
    case closed(MCPError)
  }

  /// Requests under way.
  package static let pendingMax = 256
  private static let abandonedMax = 1024

  private let limits: MCPLimits
  private var phase = Phase.new
  private var nextID: Int64 = 1
  /// Requests that wait for an answer, and until when.
  private var pending: [Int64: UInt64] = [:]
  /// Requests that were given up: their answers may come late.
  private var abandoned: Set<Int64> = []
  private var subscription: Int64?
  private var openBy: UInt64 = .max
  private var flood = FloodGuard()

  /// Before the first message.
  package init(limits: MCPLimits = .standard) { self.limits = limits }

  /// How many requests are under way.
  package var pendingCount: Int { pending.count }

  /// When `advance` is to be called next; `.max` when nothing waits.
  package var nextDeadline: UInt64 { pending.values.min() ?? .max }

  /// Whether the server was asked for its era and has not answered yet.
  package var isProbing: Bool { if case .probing = phase { true } else { false } }

  // MARK: Opening

  /// Begins. A server whose era is known is not asked again.
  package mutating func open(era: MCPRevision.Era?, probeBy: UInt64, openBy: UInt64) -> [Action] {
    guard case .new = phase else { return [] }
    self.openBy = openBy
    guard era != .session else { return initialize() }
    let id = takeID(until: min(probeBy, openBy))
    phase = .probing(id)
    return [.send(ClientIdentity.discover(id: id))]
  }

  private mutating func initialize(probe: Int64? = nil) -> [Action] {
    let id = takeID(until: openBy)
    phase = .initializing(id, probe: probe)
    return [.send(ClientIdentity.initialize(id: id))]
  }

  private mutating func takeID(until deadline: UInt64) -> Int64 {
    defer { nextID &+= 1 }
    pending[nextID] = deadline
    return nextID
  }

  private mutating func follow(_ outcome: EraNegotiation.Outcome) -> [Action] {
    switch outcome {
    case .stateless(let handshake):
      phase = .ready(.newest)
      var actions: [Action] = [.ready(.newest, handshake)]
      if let message = ClientIdentity.listen(id: nextID, handshake.capabilities) {
        subscription = takeID(until: .max)
        actions.append(.send(message))
      }
      return actions
    case .initialize: return initialize()
    case .failed(let error): return close(error)
    }
  }

  // MARK: Requests

  /// Makes a request; the answer comes as `complete`. Throws when none can be made.
  package mutating func request(
    _ method: String, traceparent: String?, deadline: UInt64, _ params: @escaping (inout JSONWriter) -> Void
  ) throws(MCPError) -> (id: Int64, message: [UInt8]) {
    switch phase {
    case .ready(let revision):
      guard pending.count < ClientStateMachine.pendingMax else {
        throw MCPError(.overloaded, "\(pending.count) requests to the server wait for answers")
      }
      let id = takeID(until: deadline)
      let message = MCPMessageWriter.request(id: .number(id), method: method) { writer in
        ClientIdentity.metadata(revision, progressToken: id, traceparent: traceparent).write(to: &writer)
        params(&writer)
      }
      return (id, message)
    case .closed(let error): throw error
    default: throw MCPError(.closed, "the connection is not open yet")
    }
  }

  /// Gives a request up: the server is notified, and a late answer is dropped.
  package mutating func cancel(_ id: Int64, reason: String) -> [Action] {
    guard pending.removeValue(forKey: id) != nil else { return [] }
    abandon(id)
    return [.send(ClientStateMachine.cancellation(id, reason))]
  }

  private static func cancellation(_ id: Int64, _ reason: String) -> [UInt8] {
    MCPMessageWriter.notification(method: "notifications/cancelled") {
      $0.member("requestId", id)
      $0.member("reason", reason)
    }
  }

  private mutating func abandon(_ id: Int64) {
    if abandoned.count >= ClientStateMachine.abandonedMax, let oldest = abandoned.min() { abandoned.remove(oldest) }
    abandoned.insert(id)
  }

  /// Ends what is over its time.
  package mutating func advance(now: UInt64) -> [Action] {
    var actions: [Action] = []
    for id in pending.filter({ $0.value <= now }).keys.sorted() {
      guard pending.removeValue(forKey: id) != nil else { continue }
      switch phase {
      case .probing(id):
        guard now < openBy else { return close(MCPError(.timedOut, "the server did not answer in time")) }
        // An old server may stay silent, and a slow one may still answer.
        abandon(id)
        actions += initialize(probe: id)
      case .initializing(id, _): return actions + close(MCPError(.timedOut, "the server did not answer in time"))
      default:
        abandon(id)
        actions.append(.complete(id, .failure(MCPError(.timedOut, "the server did not answer in time"))))
        actions.append(.send(ClientStateMachine.cancellation(id, "timed out")))
      }
    }
    return actions
  }

  /// The connection is over. Requests under way fail with `error`.
  package mutating func close(_ error: MCPError) -> [Action] {
    if case .closed = phase { return [] }
    phase = .closed(error)
    let ids = pending.keys.sorted()
    pending = [:]
    return ids.filter { $0 != subscription }.map { .complete($0, .failure(error)) } + [.close(error)]
  }

  // MARK: Messages

  /// A message has come.
  package mutating func received(_ bytes: [UInt8], now: UInt64) -> [Action] {
    if case .closed = phase { return [] }
    do throws(MCPError) {
      var actions: [Action] = []
      let messages = try messages(bytes)
      for message in messages {
        actions += try take(message, bytes.count / messages.count, now)
        if case .closed = phase { break }
      }
      return actions
    } catch { return close(error) }
  }

  private func messages(_ bytes: [UInt8]) throws(MCPError) -> [MCPMessage] {
    if case .ready(.march2025) = phase { return try MCPMessage.messages(parsing: bytes, limits: limits) }
    return [try MCPMessage(parsing: bytes, limits: limits)]
  }

  private mutating func take(_ message: MCPMessage, _ size: Int, _ now: UInt64) throws(MCPError) -> [Action] {
    switch message {
    case .request(let request):
      guard flood.admits(bytes: size, now: now) else { throw FloodGuard.error }
      return [.send(ClientIdentity.answer(to: request))]
    case .notification(let notification):
      guard flood.admits(bytes: size, now: now) else { throw FloodGuard.error }
      return noticed(notification)
    case .response(let id, let result):
      if let actions = try answeredLate(id, result) { return actions }
      guard let id = try settle(id, size, now) else { return [] }
      return try answered(id, .success(result))
    case .failure(let id, let error):
      guard let id else {
        throw MCPError(.invalidMessage, "the server could not read a message: \(error.message)", rpcCode: error.code)
      }
      guard let id = try settle(id, size, now) else { return [] }
      return try answered(id, .failure(error))
    }
  }

  /// The answer of a stateless server that was slow to begin: what was sent to an old one meanwhile is given up.
  private mutating func answeredLate(_ id: MCPRequestID, _ result: JSONView) throws(MCPError) -> [Action]? {
    guard case .initializing(let handshake, let probe?) = phase, id == .number(probe), abandoned.remove(probe) != nil
    else { return nil }
    let outcome = EraNegotiation.answered(try MCPHandshake(discovery: result, limits: limits))
    guard case .stateless = outcome else { return [] }
    pending[handshake] = nil
    abandon(handshake)
    return follow(outcome)
  }

  /// The request that an answer belongs to; `nil` when it was given up.
  private mutating func settle(_ id: MCPRequestID, _ size: Int, _ now: UInt64) throws(MCPError) -> Int64? {
    if case .number(let number) = id {
      if pending.removeValue(forKey: number) != nil { return number }
      if abandoned.remove(number) != nil {
        guard flood.admits(bytes: size, now: now) else { throw FloodGuard.error }
        return nil
      }
      if number > 0, number < nextID {
        throw MCPError(.unknownResponse, "the server answered request \(number) a second time")
      }
    }
    throw MCPError(.unknownResponse, "the server answered a request that was never sent: \(id)")
  }

  private enum Answer {
    case success(JSONView)
    case failure(MCPErrorObject)
  }

  private mutating func answered(_ id: Int64, _ answer: Answer) throws(MCPError) -> [Action] {
    switch (phase, answer) {
    case (.probing(id), .success(let result)):
      return follow(EraNegotiation.answered(try MCPHandshake(discovery: result, limits: limits)))
    case (.probing(id), .failure(let error)): return follow(EraNegotiation.refused(error))
    case (.initializing(id, _), .success(let result)):
      let handshake = try MCPHandshake(initialization: result, limits: limits)
      let revision = try EraNegotiation.session(handshake)
      phase = .ready(revision)
      return [
        .send(MCPMessageWriter.notification(method: "notifications/initialized")), .ready(revision, handshake),
      ]
    case (.initializing(id, _), .failure(let error)):
      throw MCPError(.unsupportedVersion, "the server refused the handshake: \(error.message)", rpcCode: error.code)
    case (_, .success(let result)): return id == subscription ? [] : [.complete(id, .success(result))]
    case (_, .failure(let error)):
      let failure = MCPError(answer: error)
      return id == subscription ? [.fault(failure)] : [.complete(id, .failure(failure))]
    }
  }

  private func noticed(_ notification: MCPNotification) -> [Action] {
    if let list = ServerList(notification: notification.method) { return [.listChanged(list)] }
    guard notification.method == "notifications/progress" else { return [] }
    do throws(MCPError) {
      let progress = try MCPProgress(params: notification.params, limits: limits)
      guard case .number(let id) = progress.token, pending[id] != nil else { return [] }
      return [.progress(id, progress)]
    } catch { return [.fault(error)] }
  }
}

extension MCPError {
  /// The error of a request that the server has answered with one.
  package init(answer error: MCPErrorObject) {
    let reason: MCPErrorReason =
      switch error.code {
      case MCPErrorCode.methodNotFound: .methodNotFound
      case MCPErrorCode.parseError, MCPErrorCode.invalidRequest, MCPErrorCode.headerMismatch: .invalidMessage
      case MCPErrorCode.unsupportedVersion: .unsupportedVersion
      case MCPErrorCode.missingClientCapability: .notOffered
      case MCPErrorCode.invalidParams: .invalidArguments
      default: .refused
      }
    self.init(reason, error.message.isEmpty ? "the server gave no reason" : error.message, rpcCode: error.code)
  }
}
