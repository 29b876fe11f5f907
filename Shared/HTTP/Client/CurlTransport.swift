internal import CCurl
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

/// HTTPS over libcurl's multi interface, driven by one event loop: TLS, HTTP/2, proxies and connection reuse are
/// libcurl's.
///
/// `@unchecked Sendable`: confined to its loop; libcurl calls back only from calls that are made there.
final class CurlTransport: @unchecked Sendable {
  private static let connectionsMax = 512
  /// A day: libcurl asks for no longer timer that matters.
  private static let timerMillisecondsMax = 86_400_000
  /// Before the first handle, once per process; libcurl's global state is not thread-safe while it is made.
  private static let initialized: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  private let loop: EventLoop
  private let multi: OpaquePointer
  private var timer: Timer?
  private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
  private var watches: [Int32: CurlSocket] = [:]

  init(loop: EventLoop) {
    // Of libcurl itself, without input; as every allocation of Swift.
    precondition(CurlTransport.initialized, "libcurl does not start")
    // Of libcurl itself, without input; as every allocation of Swift.
    guard let multi = curl_multi_init() else { preconditionFailure("libcurl: no multi handle") }
    self.loop = loop
    self.multi = OpaquePointer(multi)
    cadre_curl_multi_setup(
      multi,
      { _, fd, what, context, _ in
        guard let context else { return 0 }
        Unmanaged<CurlTransport>.fromOpaque(context).takeUnretainedValue().watch(fd, what)
        return 0
      },
      { _, milliseconds, context in
        guard let context else { return 0 }
        Unmanaged<CurlTransport>.fromOpaque(context).takeUnretainedValue().setTimer(milliseconds)
        return 0
      }, Unmanaged.passUnretained(self).toOpaque(), CurlTransport.connectionsMax)
  }

  private var handle: UnsafeMutableRawPointer { UnsafeMutableRawPointer(multi) }

  func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    let transfer = try CurlTransfer(request, on: self, loop: loop)
    guard curl_multi_add_handle(handle, transfer.easy) == CURLM_OK else {
      throw HTTPClientError(.cannotConnect, reason: "libcurl refused the request")
    }
    transfers[transfer.easy] = transfer
    transfer.startSending()
    do {
      let deadline = MonotonicClock.now() &+ UInt64(clamping: request.timeout.nanoseconds)
      try await transfer.headArrived.value(deadline: deadline)
    } catch let error as ReactorError {
      abandon(transfer)
      throw HTTPClientError(error.code == .timedOut ? .timedOut : .connectionLost, outcomeUnknown: true)
    } catch {
      abandon(transfer)
      throw error
    }
    return try transfer.response()
  }

  func abandon(_ transfer: CurlTransfer) {
    guard transfers.removeValue(forKey: transfer.easy) != nil else { return }
    curl_multi_remove_handle(handle, transfer.easy)
    transfer.finished(CURLE_ABORTED_BY_CALLBACK)
  }

  /// Lets libcurl work on a socket (or on its timers with `CURL_SOCKET_TIMEOUT`) and collects what has finished.
  fileprivate func act(_ fd: Int32, _ events: Int32) {
    var running: Int32 = 0
    curl_multi_socket_action(handle, fd, events, &running)
    var code = CURLE_OK
    while let easy = cadre_curl_next_finished(handle, &code) {
      guard let transfer = transfers.removeValue(forKey: easy) else { continue }
      curl_multi_remove_handle(handle, easy)
      transfer.finished(code)
    }
  }

  private func watch(_ fd: Int32, _ what: Int32) {
    if what == CURL_POLL_REMOVE {
      if watches.removeValue(forKey: fd) != nil { loop.unwatch(fd) }
      return
    }
    var interest: Readiness = []
    if what == CURL_POLL_IN || what == CURL_POLL_INOUT { interest.insert(.readable) }
    if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { interest.insert(.writable) }
    if watches[fd] != nil {
      try? loop.rewatch(fd, for: interest)
    } else {
      let socket = CurlSocket(fd: fd, transport: self)
      watches[fd] = socket
      try? loop.watch(fd, for: interest, handler: socket)
    }
  }

  private func setTimer(_ milliseconds: Int) {
    if let timer { loop.cancel(timer) }
    timer = nil
    guard milliseconds >= 0 else { return }
    // Never called back from inside libcurl: a timer of 0 fires in the loop's next turn.
    timer = loop.schedule(
      at: MonotonicClock.now() &+ UInt64(clamping: min(milliseconds, CurlTransport.timerMillisecondsMax)) * 1_000_000
    ) { [weak self] in
      self?.timer = nil
      self?.act(CURL_SOCKET_TIMEOUT, 0)
    }
  }
}

/// Passes the readiness of one of its sockets to libcurl.
private final class CurlSocket: ReadinessHandler {
  private let fd: Int32
  private unowned let transport: CurlTransport

  init(fd: Int32, transport: CurlTransport) {
    self.fd = fd
    self.transport = transport
  }

  func ready(_ events: Readiness) {
    var flags: Int32 = 0
    if events.contains(.readable) { flags |= CURL_CSELECT_IN }
    if events.contains(.writable) { flags |= CURL_CSELECT_OUT }
    if !events.isDisjoint(with: .hangup) { flags |= CURL_CSELECT_ERR }
    transport.act(fd, flags)
  }
}
