internal import AgentTools
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import ServiceKit
internal import Telemetry

/// Where a worker gets what is said about policies.
protocol PolicySource: Sendable {
  /// The switches, and how far the data of tenants has got. Throws when there is no answer.
  func switches() async throws -> PolicyReply<WorkerPolicies>
  /// What the tenant of a step has set. Throws when there is no answer.
  func data(for context: ToolContext) async throws -> PolicyReply<StepPolicies>
}

/// An answer about policies.
enum PolicyReply<Value: Sendable>: Sendable {
  /// What is said.
  case said(Value)
  /// An orchestrator of before knows nothing of it: the settings count.
  case unsupported
}

/// The orchestrator answers with something else.
struct PolicySourceError: Error, CustomStringConvertible {
  let status: Int

  var description: String { "the orchestrator answered with status \(status)" }
}

/// Asks the orchestrator.
struct OrchestratorPolicies: PolicySource {
  private static let timeout = Duration.seconds(3)
  /// As text in JSON a document takes at most twice its length.
  private static let answerBytesMax = 4 * PolicyDelivery.documentBytesMax

  let client: HTTPClient
  let peers: PeerSet
  let credentials: WorkerCredentials

  func switches() async throws -> PolicyReply<WorkerPolicies> {
    var headers = HTTPHeaders()
    headers.append(.authorization, credentials.authorization)
    return try await ask(WorkerPath.policies, headers, .root(isSampled: false)) { WorkerPolicies($0) }
  }

  func data(for context: ToolContext) async throws -> PolicyReply<StepPolicies> {
    var headers = HTTPHeaders()
    headers.append(InternalHeader.assertion, context.assertion())
    let trace = context.traceparent.flatMap { TraceContext(traceparent: $0) }
    return try await ask(WorkerPath.policies(ofStep: context.step.description), headers, trace) { StepPolicies($0) }
  }

  private func ask<Value: Sendable>(
    _ path: String, _ headers: HTTPHeaders, _ trace: TraceContext?, _ read: (JSONView) -> Value?
  ) async throws -> PolicyReply<Value> {
    let answer = try await peers.send(with: client, peer: "orchestrator") { base in
      HTTPClientRequest(
        .get, try base.appending(path: path), headers: headers, timeout: OrchestratorPolicies.timeout,
        isIdempotent: true, trace: trace)
    }
    let bytes = try await answer.body.collect(upTo: OrchestratorPolicies.answerBytesMax)
    let root = (try? JSONDocument(parsing: bytes))?.root
    if answer.status.isSuccess, let value = root.flatMap(read) { return .said(value) }
    // Without our own words for it, it is somebody else's 404: a proxy that knows no replica at the moment.
    let isOurs = !(root?["code"]?.string ?? "").isEmpty
    guard isOurs, [404, 405].contains(Int(answer.status.code)) else {
      throw PolicySourceError(status: Int(answer.status.code))
    }
    return .unsupported
  }
}
