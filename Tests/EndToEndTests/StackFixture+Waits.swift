import Foundation
import JSON
import LocalStack

/// What tests of durable waits need: a worker that asks people and gives its leases back.
extension StackFixture {
  /// Ends an attempt with `outcome`, members of a result.
  @discardableResult
  func end(_ lease: JSONView, _ outcome: String, port: Int? = nil) throws -> (status: Int, root: JSONView) {
    let step = lease["step_id"]?.string ?? ""
    let body = "{\"token\":\"\(lease["token"]?.string ?? "")\",\"attempt\":\(lease["attempt"]?.int ?? 0),\(outcome)}"
    let answer = try internalCall(
      "POST", "/worker/v1/steps/\(step)/result", body, headers: stepHeaders(lease), port: port)
    guard let answer else { throw StackError("no answer") }
    return answer
  }

  /// Gives a lease back until people have answered `asks`.
  @discardableResult
  func suspend(_ lease: JSONView, _ asks: String) throws -> Int {
    try end(lease, "\"wait\":{\"asks\":[\(asks)]}").status
  }

  /// Records a call of any kind.
  @discardableResult
  func record(_ lease: JSONView, index: Int, kind: String, name: String, result: String) throws -> Int {
    let step = lease["step_id"]?.string ?? ""
    let body =
      "{\"token\":\"\(lease["token"]?.string ?? "")\",\"attempt\":\(lease["attempt"]?.int ?? 0),\"calls\":[{"
      + "\"kind\":\"\(kind)\",\"index\":\(index),\"name\":\"\(name)\",\"request_sha256\":\"r\(index)\","
      + "\"result\":\(result)}]}"
    let answer = try internalCall("POST", "/worker/v1/steps/\(step)/journal", body, headers: stepHeaders(lease))
    return answer?.status ?? 0
  }

  /// What has become of leases, in their order: `held` or `lost`, and the answer.
  func heartbeats(_ leases: [JSONView], port: Int? = nil) throws -> (states: [String], root: JSONView) {
    let entries = leases.map { lease in
      "{\"step_id\":\"\(lease["step_id"]?.string ?? "")\",\"token\":\"\(lease["token"]?.string ?? "")\","
        + "\"attempt\":\(lease["attempt"]?.int ?? 0)}"
    }
    let answer = try internalCall(
      "POST", "/worker/v1/heartbeats", "{\"worker\":\"test\",\"leases\":[\(entries.joined(separator: ","))]}",
      headers: workerHeaders(), port: port)
    guard let answer, answer.status == 200 else { throw StackError("no heartbeats: \(answer?.status ?? 0)") }
    let states = answer.root["leases"].map { $0.elements.map { $0["status"]?.string ?? "" } } ?? []
    return (states, answer.root)
  }
}
