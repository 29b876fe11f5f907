internal import APIKit
internal import AuditChain
internal import Contracts
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives

/// The addresses of the audit log.
package struct AuditRoutes: Sendable {
  private static let limitStandard = 50
  private static let limitMax = 200
  /// Entries that an export reads at once.
  private static let exportBatch = 500

  private let pipeline: RequestPipeline
  private let store: AuditStore

  /// Makes them.
  package init(pipeline: RequestPipeline, store: AuditStore) {
    self.pipeline = pipeline
    self.store = store
  }

  /// Adds all of them.
  package func add(to router: inout Router) {
    pipeline.add(Routes.auditEntries, to: &router) { try await list($0, try chain($1)) }
    pipeline.add(Routes.auditExport, to: &router) { try await export($0, try chain($1)) }
    pipeline.add(Routes.auditVerification, to: &router) { _, identity in try await verify(try chain(identity)) }
    pipeline.add(Routes.operatorAuditEntries, to: &router) { request, _ in
      try await list(request, try chain(named: request))
    }
    pipeline.add(Routes.operatorAuditExport, to: &router) { request, _ in
      try await export(request, try chain(named: request))
    }
    pipeline.add(Routes.operatorAuditVerification, to: &router) { request, _ in
      try await verify(try chain(named: request))
    }
  }

  private func chain(_ identity: Identity) throws(Problem) -> AuditChainID {
    guard let tenant = identity.tenant else { throw Problem(.accessDenied) }
    return AuditChainID(tenant)
  }

  private func chain(named request: HTTPRequest) throws(Problem) -> AuditChainID {
    guard let text = try request.query()["tenant"] else { return .installation }
    guard let tenant = TenantID(text) else { throw .badParameter("?tenant", "The id of a tenant is expected.") }
    return AuditChainID(tenant)
  }

  private func list(_ request: HTTPRequest, _ chain: AuditChainID) async throws -> HTTPResponse {
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: AuditRoutes.limitStandard, max: AuditRoutes.limitMax)
    let page = try await answering {
      try await store.entries(
        chain, try AuditRoutes.filter(query), below: try AuditRoutes.number(query, "cursor"), limit: limit)
    }
    return .json { writer in
      writer.member("chain", "\(chain)")
      writer.objects("entries", page.entries) { entry, writer in entry.write(to: &writer) }
      writer.member("next_cursor", orNull: page.cursor.map { "\($0)" })
    }
  }

  static func filter(_ query: QueryItems) throws(Problem) -> AuditFilter {
    var filter = AuditFilter()
    filter.subject = query["actor"]
    filter.route = query["route"]
    filter.outcome = try QueryParameter.word(query, "outcome", allowed: AuditFilter.Outcome.allCases.map(\.rawValue))
      .flatMap(AuditFilter.Outcome.init(rawValue:))
    filter.since = try QueryParameter.time(query, "since")
    filter.until = try QueryParameter.time(query, "until")
    if let text = query["request"] {
      guard let request = UUID(text) else { throw .badParameter("?request", "The id of a request is expected.") }
      filter.request = request
    }
    for text in [filter.subject, filter.route].compactMap({ $0 }) where text.utf8.contains(0) || text.utf8.count > 512 {
      throw .badParameter("?actor", "At most 512 bytes without U+0000 are expected.")
    }
    return filter
  }

  private static func number(_ query: QueryItems, _ name: String) throws(Problem) -> Int64? {
    guard let text = query[name] else { return nil }
    guard let number = Int64(text), number >= 0 else {
      throw .badParameter("?\(name)", "The number of an entry is expected.")
    }
    return number
  }

  private func verify(_ chain: AuditChainID) async throws -> HTTPResponse {
    let report = try await answering { try await store.verify(chain) }
    return .json { report.write(to: &$0) }
  }

  private func export(_ request: HTTPRequest, _ chain: AuditChainID) async throws -> HTTPResponse {
    let after = try AuditRoutes.number(try request.query(), "after")
    let stored = try await answering { try await store.chain(chain) }
    var begin = stored.base
    var purpose = AuditKeys.Purpose.base
    if let after, after > begin.link.sequence {
      let entry = try await answering {
        try await store.entries(chain, after: after - 1, upTo: after, limit: 1).first
      }
      guard let entry else { throw Problem.badParameter("?after", "There is no entry with this number.") }
      begin = SignedLink(entry.link, entry.signature)
      purpose = .entry
    }
    var response = HTTPResponse(.ok)
    response.headers.append(.contentType, "application/x-ndjson")
    response.headers.append(.cacheControl, "no-store")
    response.body = .stream(length: nil) { [store, begin, purpose] writer in
      try await writer.write(AuditExport.first(begin, signedAs: purpose))
      var sequence = begin.link.sequence
      let last = stored.head.link.sequence
      while sequence < last {
        let entries = try await store.entries(chain, after: sequence, upTo: last, limit: AuditRoutes.exportBatch)
        guard let end = entries.last?.link.sequence else { break }
        try await writer.write(entries.flatMap(AuditExport.entry))
        sequence = end
      }
      try await writer.write(AuditExport.last(stored.head))
    }
    return response
  }

  private func answering<Value>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch { throw Problem.refusal(error) ?? error }
  }
}
