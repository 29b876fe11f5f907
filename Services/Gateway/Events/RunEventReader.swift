internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Reactor
internal import Synchronization
internal import Telemetry

/// One reader of the events of a run: first the history, then what comes.
struct RunEventReader: Sendable {
  /// How reading has ended.
  enum End: Sendable, Hashable {
    /// The run has ended, and the reader has its last event.
    case ended
    /// The reader was too slow; it may come again behind the event with this number.
    case lagged(after: Int64)
    /// The orchestrator is away; the reader may come again.
    case away
  }

  private static let pageMax = 500
  private static let pageBytesMax = 64 << 20

  let feeds: RunFeeds
  let orchestrator: Upstream
  let run: RunID
  let caller: Caller
  let trace: TraceContext
  let filter: RunEventFilter

  /// A page of the history.
  struct Page: Sendable {
    var events: [RunEvent]
    var isLast: Bool
  }

  /// Reads a page of the history, which also shows that the caller may read the run. Throws the orchestrator's refusal
  /// as a `Refusal`.
  func page(after sequence: Int64) async throws -> Page {
    let call = UpstreamCall(.get, "/api/v1/runs/\(run)/events?after=\(sequence)&limit=\(RunEventReader.pageMax)")
    let answer = try await orchestrator.answer(call, as: caller, trace: trace, bytesMax: RunEventReader.pageBytesMax)
    guard answer.status == .ok, case .bytes(let bytes) = answer.body else { throw Refusal(answer: answer) }
    guard let root = try? JSONDocument(parsing: bytes).root, let views = root["events"] else {
      throw Problem(.upstreamFailed, "The events of the run cannot be read.")
    }
    return Page(
      events: views.elements.compactMap { RunEvent($0) }, isLast: root["next_after"]?.int == nil)
  }

  /// The first page until it is read: a stream that lives for long does not keep it.
  final class FirstPage: Sendable {
    private let page: Mutex<Page?>

    init(_ page: Page) { self.page = Mutex(page) }

    func take() -> Page {
      page.withLock { page in
        defer { page = nil }
        return page ?? Page(events: [], isLast: true)
      }
    }
  }

  /// Whether the run has ended; one whose last event a reader has has nothing to wait for.
  func isEnded() async throws -> Bool {
    let call = UpstreamCall(.get, "/api/v1/runs/\(run)")
    let answer = try await orchestrator.answer(call, as: caller, trace: trace, bytesMax: RunEventReader.pageBytesMax)
    guard answer.status == .ok, case .bytes(let bytes) = answer.body else { throw Refusal(answer: answer) }
    return (try? JSONDocument(parsing: bytes).root)?["ended_at"]?.string != nil
  }

  /// An answer of the orchestrator that is no page.
  struct Refusal: Error {
    let answer: HTTPResponse
  }

  /// Reads from a page on that is read already. `send` waits while the client is slow; what comes while the client has
  /// taken everything goes through the outlet, if there is one, without waking this task.
  func follow(
    _ first: FirstPage, after start: Int64, outlet: ResponseOutlet?, _ send: (RunEvent) async throws -> Void
  ) async throws -> End {
    var (page, position) = (first.take(), start)
    if page.events.isEmpty, page.isLast, try await isEnded() {
      // It may have ended between the two.
      page = try await self.page(after: position)
      if page.events.isEmpty { return .ended }
    }
    while true {
      for event in page.events {
        position = max(position, event.sequence)
        if filter.includes(event) { try await send(event) }
        if event.isEnd { return .ended }
      }
      page.events = []
      if page.isLast, let end = try await live(&position, outlet, send) { return end }
      page = try await self.page(after: position)
    }
  }

  /// Reads what comes. Returns `nil` when the reader has to read the history once more before.
  private func live(
    _ position: inout Int64, _ outlet: ResponseOutlet?, _ send: (RunEvent) async throws -> Void
  ) async throws -> End? {
    guard let loop = EventLoop.current else { return .away }
    let key = RunFeed.Key(tenant: caller.tenant, run: run)
    let feed = feeds.join(key, after: position, as: caller, trace: trace, on: loop)
    let member = FeedMember(after: position, filter: filter, outlet: outlet)
    defer {
      position = member.position
      feed.forget(member, on: loop)
      feeds.leave(feed)
    }
    var isLive = false
    while true {
      switch feed.read(for: member, on: loop) {
      case .events(let events):
        isLive = true
        for event in events {
          member.position = event.sequence
          if filter.includes(event) { try await send(event) }
          if event.isEnd { return .ended }
        }
      case .wait(let promise):
        isLive = true
        try await promise.value()
      case .gone: return isLive ? .lagged(after: member.position) : nil
      case .over: return .away
      }
    }
  }
}
