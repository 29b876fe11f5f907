import Foundation
import JSON
import LocalStack
import Testing

/// What tests of runs need: workflows, waiting, and a worker that the test plays itself.
extension StackFixture {
  /// Adds a version of a workflow, which must be valid.
  func put(workflow name: String, _ steps: String, more: String = "") throws {
    let body = "{\"name\":\"\(name)\",\(more)\"steps\":[\(steps)]}"
    let answer = call("PUT", "/api/v1/workflows/\(name)", body: body)
    guard [200, 201].contains(answer.status) else { throw StackError("\(answer.status) \(answer.text)") }
  }

  /// Starts a run of a workflow; returns its task and run.
  func start(_ workflow: String, input: String = "{}", more: String = "") throws -> (task: String, run: String) {
    let (status, root) = try json(
      "POST", "/api/v1/tasks", body: "{\(more)\"workflow\":\"\(workflow)\",\"input\":\(input)}")
    guard status == 202, let task = root["id"]?.string, let run = root["run"]?["id"]?.string else {
      throw StackError("not started: \(status) \(String(decoding: root.rawBytes, as: UTF8.self))")
    }
    return (task, run)
  }

  /// Waits until `condition` holds.
  func wait(_ what: String, seconds: Double = patienceSeconds, _ condition: () throws -> Bool) throws {
    let limit = Date().addingTimeInterval(seconds)
    while try !condition() {
      guard Date() < limit else { throw StackError("waited in vain until \(what)") }
      Thread.sleep(forTimeInterval: 0.02)
    }
  }

  /// Waits until a run has ended and returns it.
  func end(ofRun run: String) throws -> JSONView {
    var last: JSONView?
    try wait("the run \(run) has ended") {
      let root = try json("GET", "/api/v1/runs/\(run)").root
      last = root
      return root["ended_at"]?.string != nil
    }
    return try #require(last)
  }

  /// The status of a step.
  func step(_ run: String, _ key: String) throws -> JSONView? {
    try json("GET", "/api/v1/runs/\(run)/steps?limit=1000").root["steps"]?.elements.first { $0["key"]?.string == key }
  }

  /// Why a step waits.
  func waitingFor(_ run: String, _ key: String) throws -> JSONView? {
    guard let id = try step(run, key)?["id"]?.string else { return nil }
    return try json("GET", "/api/v1/steps/\(id)").root["waiting_for"]
  }

  /// The types of a run's events.
  func types(_ run: String) throws -> [String] { try events(run).compactMap { $0["type"]?.string } }

  // MARK: A worker

  /// A call of an orchestrator itself, as the gateway makes it unless `headers` say otherwise; `nil` when it does not
  /// answer.
  func internalCall(
    _ method: String, _ path: String, _ body: String? = nil, headers: [String: String]? = nil, port: Int? = nil
  ) throws -> (status: Int, root: JSONView)? {
    let answer = BlockingHTTP.send(
      method, port: port ?? self.port(of: "orchestrator"), path: path,
      headers: try headers ?? gatewayHeaders(), body: body, seconds: 90)
    guard let answer, let document = try? JSONDocument(parsing: answer.body) else { return nil }
    return (answer.status, document.root)
  }

  private func work(
    _ path: String, _ body: String, _ headers: [String: String], port: Int? = nil
  ) throws -> (status: Int, root: JSONView) {
    guard let answer = try internalCall("POST", path, body, headers: headers, port: port) else {
      throw StackError("no answer")
    }
    return answer
  }

  /// Leases up to `slots` steps of a job type.
  func lease(_ jobType: String, slots: Int = 1, milliseconds: Int = 2000, port: Int? = nil) throws -> [JSONView] {
    // What another replica has queued is left to it for 5 ms.
    Thread.sleep(forTimeInterval: 0.01)
    let (status, root) = try work(
      "/worker/v1/leases",
      "{\"worker\":\"test\",\"job_types\":[\"\(jobType)\"],\"slots\":\(slots),\"wait_ms\":\(milliseconds)}",
      workerHeaders(), port: port)
    guard status == 200 else { throw StackError("no lease: \(status)") }
    return root["leases"].map { Array($0.elements) } ?? []
  }

  /// Delivers an output, or a failure when `failure` is its code.
  @discardableResult
  func deliver(
    _ lease: JSONView, output: String = "{}", failure: String? = nil, retryable: Bool = false, port: Int? = nil
  ) throws -> Int {
    let step = lease["step_id"]?.string ?? ""
    let outcome =
      failure.map { "\"failure\":{\"code\":\"\($0)\",\"message\":\"m\",\"retryable\":\(retryable)}" }
      ?? "\"output\":\(output)"
    return try work(
      "/worker/v1/steps/\(step)/result",
      "{\"token\":\"\(lease["token"]?.string ?? "")\",\"attempt\":\(lease["attempt"]?.int ?? 0),\(outcome)}",
      stepHeaders(lease), port: port
    ).status
  }

  /// Records a model call.
  @discardableResult
  func record(_ lease: JSONView, index: Int) throws -> Int {
    let call =
      "{\"kind\":\"model\",\"index\":\(index),\"name\":\"m\",\"request_sha256\":\"r\(index)\",\"result\":{\"n\":\(index)},"
      + "\"input_tokens\":2,\"output_tokens\":3,\"model_calls\":1,\"unpriced_calls\":1,\"duration_ms\":1}"
    return try work(
      "/worker/v1/steps/\(lease["step_id"]?.string ?? "")/journal",
      "{\"token\":\"\(lease["token"]?.string ?? "")\",\"attempt\":\(lease["attempt"]?.int ?? 0),\"calls\":[\(call)]}",
      stepHeaders(lease)
    ).status
  }
}
