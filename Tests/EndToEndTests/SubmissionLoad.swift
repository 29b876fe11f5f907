import Foundation
import JSON
import LocalStack

/// Tasks that several threads submit without a pause, while a test disturbs the services. A submission that gets no
/// definite answer is repeated with its `Idempotency-Key`, as clients should do.
final class SubmissionLoad: @unchecked Sendable {
  // @unchecked: the lock guards the counts.
  private let lock = NSLock()
  private var tasks: [String] = []
  private var open = 0
  private var repeats = 0
  private var phase = 0
  private var spans = 0
  private var refusals: [String] = []
  private var isOver = false
  private var threads: [Background<Void>] = []

  private static let threadCount = 4
  /// Answers that say, or whose absence says, that the same request may be sent again.
  private static let repeatable = [0, 429, 502, 503, 504]

  /// Begins to submit at the gateways that run now.
  init(_ fixture: StackFixture) {
    let ports = fixture.stack.ports(of: "gateway")
    let key = fixture.stack.apiKey
    threads = (0..<SubmissionLoad.threadCount).map { number in
      Background { [self] in
        var count = 0
        while !lock.withLock({ isOver }) {
          count += 1
          submit("\(UUID())", "load \(number) \(count)", at: ports[count % ports.count], key)
          Thread.sleep(forTimeInterval: 0.02)
        }
      }
    }
  }

  private func submit(_ name: String, _ prompt: String, at port: Int, _ key: String) {
    let limit = Date().addingTimeInterval(StackFixture.patienceSeconds)
    while true {
      let begun = lock.withLock {
        open += 1
        return phase
      }
      let answer = BlockingHTTP.send(
        "POST", port: port, path: "/api/v1/tasks",
        headers: ["Authorization": "Bearer \(key)", "Idempotency-Key": name], body: "{\"prompt\":\"\(prompt)\"}",
        seconds: 30)
      let status = answer?.status ?? 0
      let task = answer.flatMap { try? JSONDocument(parsing: $0.body).root["id"]?.string }
      let isDone = lock.withLock {
        open -= 1
        if phase - begun >= 2 { spans += 1 }
        if status == 202 || status == 200, let task {
          tasks.append(task)
          return true
        }
        repeats += 1
        if SubmissionLoad.repeatable.contains(status), Date() < limit { return false }
        refusals.append("\(status) \(answer?.body ?? "")")
        return true
      }
      if isDone { return }
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  /// Tasks that were accepted so far.
  var accepted: Int { lock.withLock { tasks.count } }
  /// Submissions that wait for their answer now.
  var inFlight: Int { lock.withLock { open } }
  /// Submissions that a disturbance has met: they had to be sent again, or were sent before it and answered after it.
  var interrupted: Int { lock.withLock { spans + repeats } }

  /// Disturbs the services.
  func disturb(_ body: () throws -> Void) rethrows {
    lock.withLock { phase += 1 }
    defer { lock.withLock { phase += 1 } }
    try body()
  }

  /// Ends the load. The tasks that were accepted, and the answers that no client can do anything with.
  func end() throws -> (tasks: [String], refusals: [String]) {
    lock.withLock { isOver = true }
    for thread in threads { try thread.value() }
    return lock.withLock { (tasks, refusals) }
  }
}
