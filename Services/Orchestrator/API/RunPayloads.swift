internal import Contracts
internal import Decider
internal import HTTP
internal import History
internal import JSON
internal import Primitives
internal import RunStorage
internal import ServiceKit
internal import Workflows

/// The payloads of a run, looked at in portions: a run may have more of them than memory.
struct RunPayloads: Sendable {
  /// Payloads that are held at the same time, in bytes; one may be larger.
  private static let portionBytesMax = 8 << 20
  private static let portionMax = 1000
  private static let eventsMax = 1000

  private let store: RunStore
  private let tenant: TenantID

  init(_ store: RunStore, _ tenant: TenantID) {
    self.store = store
    self.tenant = tenant
  }

  /// Divides references so that each portion has a bounded number of bytes.
  private static func portions(_ payloads: some Sequence<PayloadRef>) -> [[PayloadRef]] {
    var portions: [[PayloadRef]] = []
    var bytes = 0
    for payload in payloads {
      let size = max(0, min(payload.bytes, portionBytesMax))
      if let last = portions.last, last.count < portionMax, bytes + size <= portionBytesMax {
        portions[portions.count - 1].append(payload)
        bytes += size
      } else {
        portions.append([payload])
        bytes = size
      }
    }
    return portions
  }

  /// Digests that the history names and that are not stored.
  func missing(of history: [RunEvent]) async throws -> [String] {
    let named = Set(history.flatMap(\.payloads).map(\.sha256)).sorted()
    var missing: [String] = []
    for start in stride(from: 0, to: named.count, by: RunPayloads.portionMax) {
      let portion = Array(named[start..<min(named.count, start + RunPayloads.portionMax)])
      let stored = try await store.stored(tenant, portion)
      missing += portion.filter { !stored.contains($0) }
    }
    return missing
  }

  /// The first value in the history that differs from what the payloads say.
  func factFault(of history: [RunEvent], _ run: RunID, _ workflow: Workflow) async throws -> String? {
    let watched = WatchedReferences(workflow)
    let looked = history.flatMap { event -> [PayloadRef] in
      switch event {
      case .runCreated(_, _, let input, _, _): [input]
      case .stepSucceeded(let step, _, let output, _, _), .planExpanded(let step, _, let output, _, _):
        watched.watches(step) ? [output] : []
      default: []
      }
    }
    for portion in RunPayloads.portions(Set(looked)) {
      let bodies = try await store.payloads(tenant, portion)
      let bundle = RunBundle(
        run: run.description, workflow: workflow, events: history,
        payloads: try bodies.mapValues { try JSONDocument(parsing: $0) })
      if let fault = bundle.factFaults().first { return fault }
    }
    return nil
  }

  /// Writes the run as one document, with all payloads that its history names.
  func writeBundle(of row: RunRow, _ workflow: Workflow, _ send: ([UInt8]) async throws -> Void) async throws {
    var writer = RunBundleWriter()
    var named: Set<PayloadRef> = []
    try await send(
      writer.head(
        run: row.id.description, status: row.effectiveStatus, workflow: workflow,
        writtenBy: "cadre \(CadreVersion.current)"))
    var sequence = 0
    while true {
      let page = try await store.eventsOrArchived(row.id, after: sequence, limit: RunPayloads.eventsMax).events
      guard let last = page.last else { break }
      var bytes: [UInt8] = []
      for event in page {
        bytes += writer.event(
          sequence: event.sequence, at: event.at.description, type: event.type, step: event.step, data: event.data)
        named.formUnion(try RunStore.decode(event, row.id).payloads)
      }
      try await send(bytes)
      sequence = last.sequence
    }
    for portion in RunPayloads.portions(named.sorted { $0.sha256 < $1.sha256 }) {
      for (digest, body) in try await store.payloads(tenant, portion).sorted(by: { $0.key < $1.key }) {
        try await send(writer.payload(digest, body))
      }
    }
    try await send(writer.end())
  }
}
