internal import AnswerCache
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import ModelCatalog
internal import Pricing

/// Answers that come from the cache or from a call in inFlight.
enum CachedReply {
  /// Streams are replayed in pieces of this size.
  private static let pieceBytes = 16 << 10

  static func headers(_ cached: CachedAnswer) -> HTTPHeaders {
    var headers = HTTPHeaders()
    headers.append(.contentType, cached.contentType)
    headers.append(InternalHeader.model, cached.model)
    headers.append(InternalHeader.provider, cached.provider)
    headers.append(InternalHeader.cache, "hit")
    headers.append(InternalHeader.costMicroUSD, "0")
    return headers
  }

  static func response(_ cached: CachedAnswer, _ call: PreparedCall, in streams: OpenStreams) -> HTTPResponse {
    var response = HTTPResponse(.ok, headers: headers(cached))
    let body = cached.body
    guard cached.contentType.hasPrefix("text/event-stream") else {
      response.body = .bytes(body)
      return response
    }
    Reply.markEvents(&response.headers)
    response.body = .stream(length: nil) { writer in
      let watched = streams.add(call.caller, writer.answer)
      defer { streams.remove(watched) }
      var start = 0
      while start < body.count {
        if let failure = watched?.cut.failure { return try await writer.write(call.event(of: failure)) }
        let end = min(body.count, start + pieceBytes)
        try await writer.write(Array(body[start..<end]))
        start = end
      }
    }
    return response
  }

  /// Sends an answer to all who wait for a call.
  static func send(_ reply: Reply, to inFlight: InFlightCall) async throws {
    inFlight.begin(AnswerBuffer.Head(status: .ok, headers: reply.headers))
    switch reply.body {
    case .whole(let bytes): inFlight.append(bytes)
    case .stream(let produce):
      // One of those who wait may lose its right, and the others not.
      try await produce(nil) { bytes, _ in inFlight.append(bytes) }
    }
    inFlight.finish()
  }

  /// Answers from a call in flight, for its leader and for its followers.
  static func follow(
    _ inFlight: InFlightCall, _ call: PreparedCall, isLeader: Bool, heartbeat: Heartbeat?, in streams: OpenStreams
  ) async throws -> HTTPResponse {
    let account = call.account
    let head: AnswerBuffer.Head
    do { head = try await inFlight.head() } catch {
      inFlight.leave()
      throw error
    }
    var response = HTTPResponse(head.status, headers: head.headers)
    if !isLeader {
      response.headers.set(InternalHeader.cache, "shared")
      response.headers.set(InternalHeader.costMicroUSD, "0")
    }
    let shared = CachedAnswer(
      model: head.headers[InternalHeader.model] ?? "", provider: head.headers[InternalHeader.provider] ?? "",
      usage: TokenUsage(), nanoUSD: nil, contentType: "", body: [])
    let isStream = head.headers[.contentType]?.hasPrefix("text/event-stream") ?? false
    guard isStream else {
      defer { inFlight.leave() }
      let bytes = try await inFlight.piece(0) ?? []
      if !isLeader { account.endFromCache(shared, state: "shared") }
      response.body = .bytes(bytes)
      return response
    }
    response.heartbeat = heartbeat
    response.body = .stream(length: nil) { writer in
      let watched = streams.add(call.caller, writer.answer)
      watched?.cut.wake(by: { inFlight.wake() })
      defer {
        streams.remove(watched)
        inFlight.leave()
      }
      var index = 0
      do {
        while let piece = try await inFlight.piece(index, unless: watched?.cut) {
          index += 1
          if !piece.isEmpty { try await writer.write(piece) }
        }
      } catch let error as CallFailure {
        // What the leader's call costs goes on to its account for as long as others read it.
        if !isLeader { account.fail(error) }
        return try await writer.write(call.event(of: error))
      }
      if !isLeader { account.endFromCache(shared, state: "shared") }
    }
    return response
  }
}
