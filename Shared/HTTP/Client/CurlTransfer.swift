internal import CCurl
internal import Glibc
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

/// One exchange of libcurl: its easy handle, its buffers, and the pauses that make back-pressure.
///
/// `@unchecked Sendable`: confined to its loop; libcurl's callbacks run there too.
final class CurlTransfer: @unchecked Sendable {
  /// Received and unread bytes above which libcurl is paused.
  private static let bufferedBytesMax = 256 * 1024
  private static let headersBytesMax = 64 * 1024
  private static let connectTimeoutMilliseconds = 10_000

  let easy: UnsafeMutableRawPointer
  let headArrived: Promise<Void>
  private let loop: EventLoop
  private unowned let transport: CurlTransport
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let body: HTTPClientRequest.Body
  private var responseHeaders = HTTPHeaders()
  private var headerBytes = 0
  /// Between a status line and the empty line behind its fields.
  private var isInBlock = false
  private var isHeadComplete = false
  private var received: [UInt8] = []
  private var isReceivingPaused = false
  private var outgoing: ArraySlice<UInt8> = []
  private var isSourceEnded = false
  private var isSendingPaused = false
  private var sender: Task<Void, any Error>?
  private var sourceFailure: (any Error)?
  private var failure: HTTPClientError?
  private var isFinished = false
  private var reader: Promise<Void>?
  private let pauseNanoseconds: UInt64
  private let pin: CurlPin?

  init(_ request: HTTPClientRequest, on transport: CurlTransport, loop: EventLoop) throws(HTTPClientError) {
    guard let easy = curl_easy_init() else { throw HTTPClientError(.overloaded, reason: "libcurl: no handle") }
    self.easy = easy
    self.loop = loop
    self.transport = transport
    headArrived = Promise(on: loop)
    body = request.body
    pauseNanoseconds = UInt64(clamping: request.pauseMax.nanoseconds)
    if let address = request.pinnedAddress {
      guard let pin = CurlPin(address) else {
        curl_easy_cleanup(easy)
        throw HTTPClientError(.cannotConnect, reason: "the pinned address is none")
      }
      self.pin = pin
    } else {
      pin = nil
    }
    configure(request)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headerList)
  }

  private func configure(_ request: HTTPClientRequest) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    cadre_curl_set_string(easy, CURLOPT_URL, request.url.description)
    cadre_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    cadre_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, "\(request.method)")
    cadre_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    cadre_curl_set_long(easy, CURLOPT_TCP_NODELAY, 1)
    cadre_curl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    cadre_curl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    cadre_curl_set_long(
      easy, CURLOPT_CONNECTTIMEOUT_MS,
      min(CurlTransfer.connectTimeoutMilliseconds, max(1, Int(clamping: request.connectTimeout.milliseconds))))
    if request.method == .head { cadre_curl_set_long(easy, CURLOPT_NOBODY, 1) }
    // The usual variable for certificates of one's own authority; libcurl itself does not look at it.
    if request.url.isSecure, let authorities = CurlTransfer.authorities {
      cadre_curl_set_string(easy, CURLOPT_CAINFO, authorities)
    }
    cadre_curl_set_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, context in
      CurlTransfer.of(context)?.header(UnsafeRawBufferPointer(start: bytes, count: count)) ?? 0
    }
    cadre_curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
    cadre_curl_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, context in
      CurlTransfer.of(context)?.write(UnsafeRawBufferPointer(start: bytes, count: count)) ?? 0
    }
    cadre_curl_set_pointer(easy, CURLOPT_WRITEDATA, context)
    configureHeaders(request)
    configureBody(context)
    if let pin { pin.configure(easy, request.url) }
  }

  private func configureHeaders(_ request: HTTPClientRequest) {
    request.headers.forEach { name, value in
      switch name.lowercased() {
      case "host", "content-length", "transfer-encoding", "connection", "expect": break
      default: headerList = curl_slist_append(headerList, value.isEmpty ? "\(name);" : "\(name): \(value)")
      }
    }
    if let trace = request.trace {
      headerList = curl_slist_append(headerList, "traceparent: \(trace.traceparent)")
      if let state = trace.state { headerList = curl_slist_append(headerList, "tracestate: \(state)") }
    }
    // Without these libcurl would wait for a "100 Continue" before larger bodies and add a type of its own.
    headerList = curl_slist_append(headerList, "Expect:")
    if !request.headers.contains(.contentType) { headerList = curl_slist_append(headerList, "Content-Type:") }
    cadre_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headerList)
  }

  private func configureBody(_ context: UnsafeMutableRawPointer) {
    switch body {
    case .none: return
    case .bytes(let bytes):
      outgoing = bytes[...]
      isSourceEnded = true
      cadre_curl_set_off_t(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
    case .stream(let length, _):
      if let length { cadre_curl_set_off_t(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(clamping: length)) }
    }
    cadre_curl_set_long(easy, CURLOPT_POST, 1)
    cadre_curl_set_callback(easy, CURLOPT_READFUNCTION) { bytes, size, count, context in
      CurlTransfer.of(context)?.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
        ?? Int(CURL_READFUNC_ABORT)
    }
    cadre_curl_set_pointer(easy, CURLOPT_READDATA, context)
  }

  private static let authorities: String? = getenv("SSL_CERT_FILE").map { String(cString: $0) }

  private static func of(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
    context.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
  }

  // MARK: Called by libcurl

  private func header(_ line: UnsafeRawBufferPointer) -> Int {
    headerBytes += line.count
    guard headerBytes <= CurlTransfer.headersBytesMax else { return 0 }
    // Trailers of the body are none of the head's fields.
    if isHeadComplete { return line.count }
    let text = String(decoding: line, as: UTF8.self)
    if !isInBlock {
      // A status line, and only here: what begins like one further down is a field. A head before was informational.
      isInBlock = true
      responseHeaders = HTTPHeaders()
    } else if text == "\r\n" || text == "\n" {
      isInBlock = false
      isHeadComplete = status >= 200
      if isHeadComplete { headArrived.succeed(()) }
    } else if let colon = text.firstIndex(of: ":") {
      let name = String(text[..<colon])
      let value = String(text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.trimmedEnd)
      // libcurl takes the last of several lengths; another reader takes the first, and sees another answer.
      if name.lowercased() == "content-length", let length = responseHeaders[.contentLength], length != value {
        return 0
      }
      responseHeaders.append(name, value)
    }
    return line.count
  }

  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    if received.count > CurlTransfer.bufferedBytesMax {
      isReceivingPaused = true
      return Int(CURL_WRITEFUNC_PAUSE)
    }
    received.append(contentsOf: bytes)
    reader?.succeed(())
    return bytes.count
  }

  private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    if outgoing.isEmpty {
      if isSourceEnded { return 0 }
      isSendingPaused = true
      return Int(CURL_READFUNC_PAUSE)
    }
    let piece = outgoing.prefix(buffer.count)
    buffer.copyBytes(from: piece)
    outgoing = outgoing.dropFirst(piece.count)
    if outgoing.isEmpty { sent?.succeed(()) }
    return piece.count
  }

  /// The transfer has left the multi handle.
  func finished(_ code: CURLcode) {
    guard !isFinished else { return }
    isFinished = true
    sender?.cancel()
    if code != CURLE_OK {
      let error = HTTPClientError(
        CurlTransfer.kind(of: code), outcomeUnknown: !CurlTransfer.nothingSent(code),
        reason: String(cString: curl_easy_strerror(code)))
      failure = error
      headArrived.fail(sourceFailure ?? error)
    } else {
      headArrived.succeed(())
    }
    reader?.succeed(())
    sent?.fail(ReactorError(.closed, operation: "request body"))
  }

  private static func kind(of code: CURLcode) -> HTTPClientError.Code {
    switch code {
    case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_SSL_CONNECT_ERROR,
      CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM:
      .cannotConnect
    case CURLE_OPERATION_TIMEDOUT: .timedOut
    case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WRITE_ERROR, CURLE_BAD_CONTENT_ENCODING:
      .protocolViolation
    default: .connectionLost
    }
  }

  private static func nothingSent(_ code: CURLcode) -> Bool { kind(of: code) == .cannotConnect }

  // MARK: Sending a streamed body

  private var sent: Promise<Void>?

  func startSending() {
    guard case .stream(_, let pull) = body else { return }
    sender = loop.task { [weak self] in
      do {
        while let piece = try await pull() {
          guard let self, !isFinished else { return }
          if piece.isEmpty { continue }
          try await offer(piece)
        }
        self?.endSource()
      } catch {
        self?.failSource(error)
      }
    }
  }

  private func offer(_ piece: [UInt8]) async throws {
    outgoing = piece[...]
    let taken = Promise<Void>(on: loop)
    sent = taken
    resumeSending()
    try await taken.value()
  }

  private func endSource() {
    isSourceEnded = true
    resumeSending()
  }

  private func failSource(_ error: any Error) {
    guard !isFinished else { return }
    // Refused before its end, the body is not wanted any more; the answer is on its way.
    if headArrived.isSettled, status >= 300 { return }
    sourceFailure = error
    transport.abandon(self)
  }

  private func resumeSending() {
    guard isSendingPaused, !isFinished else { return }
    isSendingPaused = false
    curl_easy_pause(easy, isReceivingPaused ? CURLPAUSE_RECV : CURLPAUSE_CONT)
  }

  // MARK: Receiving

  private var status: Int {
    var status = 0
    cadre_curl_get_status(easy, &status)
    return status
  }

  func response() throws(HTTPClientError) -> HTTPClientResponse {
    if let failure { throw failure }
    return HTTPClientResponse(
      status: HTTPStatus(code: status), headers: responseHeaders, body: CurlBody(transfer: self, loop: loop))
  }

  fileprivate func nextPiece(_ deadline: UInt64) async throws -> [UInt8]? {
    guard reader == nil else { throw ReactorError(.busy, operation: "response body") }
    defer { reader = nil }
    // Where pieces come without end nobody ever waits for one.
    if deadline != .max, deadline <= MonotonicClock.now(), !isFinished {
      transport.abandon(self)
      throw HTTPClientError(.timedOut, outcomeUnknown: true)
    }
    while received.isEmpty {
      if let failure { throw failure }
      if isFinished { return nil }
      let promise = Promise<Void>(on: loop)
      reader = promise
      do {
        try await promise.value(deadline: min(deadline, MonotonicClock.now() &+ pauseNanoseconds))
      } catch is ReactorError {
        transport.abandon(self)
        throw HTTPClientError(.timedOut, outcomeUnknown: true)
      }
      reader = nil
    }
    let piece = received
    received = []
    if isReceivingPaused, !isFinished {
      isReceivingPaused = false
      curl_easy_pause(easy, isSendingPaused ? CURLPAUSE_SEND : CURLPAUSE_CONT)
    }
    return piece
  }

  fileprivate func drop() { transport.abandon(self) }
}

extension Substring {
  fileprivate var trimmedEnd: Substring {
    var text = self
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}

/// The body of an answer that libcurl receives. Dropping it cancels the transfer.
///
/// `@unchecked Sendable`: confined to its loop; `deinit` hops there.
private final class CurlBody: HTTPClientBody, @unchecked Sendable {
  private let transfer: CurlTransfer
  private let loop: EventLoop

  init(transfer: CurlTransfer, loop: EventLoop) {
    self.transfer = transfer
    self.loop = loop
  }

  deinit {
    let transfer = transfer
    if loop.isCurrent { transfer.drop() } else { loop.execute { transfer.drop() } }
  }

  func next(before deadline: UInt64) async throws -> [UInt8]? { try await transfer.nextPiece(deadline) }
  func abandon() { transfer.drop() }
}
