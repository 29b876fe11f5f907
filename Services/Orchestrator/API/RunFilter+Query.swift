internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import RunStorage
internal import Workflows

extension RunFilter {
  private static let statuses = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]

  /// What a list is restricted to by a query. Throws a 400 `Problem`.
  init(_ query: QueryItems) throws(Problem) {
    self.init()
    project = try QueryParameter.id(query, "project_id")
    task = try QueryParameter.id(query, "task_id")
    workflow = query["workflow"]
    label = query["label"]
    status = try QueryParameter.word(query, "status", allowed: RunFilter.statuses)
    isArchivedToo = try QueryParameter.bool(query, "archived") ?? isArchivedToo
  }
}

extension JSONLimits {
  /// Bodies from outside. What is stored of them is read again within other documents, so that it must not be nested as
  /// deeply as these may be.
  static let submitted = JSONLimits(depthMax: Template.renderedDepthMax + 1)
}
