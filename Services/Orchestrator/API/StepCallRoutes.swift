internal import APIKit
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit

/// `/api/v1/steps/{id}/calls` and `/belief`: what the attempts of a step did and noted.
struct StepCallRoutes: Sendable {
  /// Results that are larger are left out of lists.
  private static let resultBytesMax = 16 << 10
  /// Events that are looked at for one page, so that a page of a step among many takes a bounded time.
  private static let examinedMax = 5000
  private static let portionMax = 1000

  let engine: Engine
  let store: RunStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/steps/{id}/calls", calls)
    router.api(.get, "/api/v1/steps/{id}/belief", belief)
  }

  private func calls(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let (run, known, step) = try await engine.step(try PathParameter.id(request, StepID.self), of: caller.tenant, store)
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: 50, max: 200)
    var last = 0
    if let text = query["cursor"] {
      guard let place = Int(text), (0...Int(Int32.max)).contains(place) else {
        throw Problem.badParameter("?cursor", "Use next_cursor of an earlier answer.")
      }
      last = place
    }
    var found: [(row: EventRow, attempt: Int, call: CallRecord)] = []
    var examined = 0
    var isLast = false
    while !isLast, found.count < limit, examined < StepCallRoutes.examinedMax {
      let page = try await store.eventsOrArchived(run, after: last, limit: StepCallRoutes.portionMax)
      for row in page.events where found.count < limit {
        last = row.sequence
        guard row.step == step.key, CallRecord.Kind(eventType: row.type) != nil,
          case .callRecorded(_, let attempt, let call) = try RunStore.decode(row, run)
        else { continue }
        found.append((row, attempt, call))
      }
      examined += page.events.count
      isLast = page.events.isEmpty || (page.isLast && page.events.last?.sequence == last)
    }
    let small = found.map(\.call.result).filter { $0.bytes <= StepCallRoutes.resultBytesMax }
    let bodies = try await store.payloads(known.facts.tenant, small)
    return .json { writer in
      writer.objects("calls", found) { found, writer in
        write(found.row, found.attempt, found.call, bodies[found.call.result.sha256], step, &writer)
      }
      writer.member("next_cursor", orNull: isLast ? nil : String(last))
    }
  }

  private func write(
    _ row: EventRow, _ attempt: Int, _ call: CallRecord, _ result: [UInt8]?, _ step: RunState.Step,
    _ writer: inout JSONWriter
  ) {
    writer.member("seq", Int64(row.sequence))
    writer.member("at", row.at.description)
    writer.member("attempt", Int64(attempt))
    writer.member("kind", call.kind.rawValue)
    writer.member("index", Int64(call.index))
    writer.member("name", call.name)
    writer.member("request_sha256", call.requestSHA256)
    // What came before it is not given to attempts any more.
    writer.member("dropped", row.sequence <= step.journalAfter)
    writer.key("result")
    if let result { writer.raw(result) } else { writer.null() }
    if result == nil { writer.member("result_truncated", true) }
    writer.member("result_sha256", call.result.sha256)
    writer.member("result_bytes", Int64(call.result.bytes))
    writer.key("usage")
    writer.beginObject()
    writer.member("input_tokens", call.usage.inputTokens)
    writer.member("output_tokens", call.usage.outputTokens)
    writer.member("cost_microusd", call.usage.costMicroUSD)
    writer.member("model_calls", call.usage.modelCalls)
    writer.member("unpriced_calls", call.usage.unpricedCalls)
    writer.endObject()
    writer.member("duration_ms", call.durationMilliseconds)
  }

  private func belief(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, StepID.self)
    let (_, known, step) = try await engine.step(id, of: caller.tenant, store)
    guard let belief = known.state.belief(of: step),
      let body = try await store.payloads(known.facts.tenant, [belief])[belief.sha256]
    else { throw Problem.notFound("belief") }
    return .json { writer in
      writer.member("step_id", id.description)
      writer.member("belief", raw: body)
    }
  }
}
