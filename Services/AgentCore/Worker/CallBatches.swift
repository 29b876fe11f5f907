internal import AgentLoop
internal import Contracts

/// How calls are put into requests that the worker protocol takes.
enum CallBatches {
  /// Calls of one request.
  static let callsMax = 100
  /// Bytes of the documents of one request; the protocol takes 8 MiB with everything around them.
  static let bytesMax = 7 << 20
  private static let overhead = 1024

  /// The calls in batches, in their order. A call that is too large for any is a batch of its own.
  static func split(_ calls: [CallReport]) -> [[CallReport]] {
    if calls.count == 1 { return [calls] }
    var batches: [[CallReport]] = []
    var batch: [CallReport] = []
    var bytes = 0
    for call in calls {
      let size = size(call)
      if !batch.isEmpty, batch.count == callsMax || bytes + size > bytesMax {
        batches.append(batch)
        batch = []
        bytes = 0
      }
      batch.append(call)
      bytes += size
    }
    return batch.isEmpty ? batches : batches + [batch]
  }

  /// Whether an outcome and its calls fit into one request.
  static func fitsTogether(_ outcome: AttemptOutcome) -> Bool {
    let calls = outcome.calls
    guard calls.count <= callsMax else { return false }
    var bytes = calls.reduce(0) { $0 + size($1) }
    switch outcome {
    case .success(let result): bytes += result.output.count
    case .waiting(let wait): bytes += wait.asks.reduce(0) { $0 + $1.subject.count + overhead }
    case .failure, .released: break
    }
    return bytes <= bytesMax || calls.isEmpty
  }

  private static func size(_ call: CallReport) -> Int { call.result.count + overhead }
}
