/// Which targets may continue a stream that broke after its caller had some of it. Each target is asked for at most one
/// part of an answer.
public struct ContinuationPlan: Sendable {
  private var targets: [ModelTarget]

  /// The targets of a route, without the one that the answer comes from so far.
  public init(_ route: RoutePlan, first: TargetID) { targets = route.targets.filter { $0.id != first } }

  /// The targets to be asked after a failure, in their order. `takesPrefill`: whether a target continues a text that is
  /// given to it as the beginning of its own answer.
  public func targets(after failure: FailureClass, takesPrefill: (ModelTarget) -> Bool) -> [ModelTarget] {
    failure.allowsFallback ? targets.filter(takesPrefill) : []
  }

  /// A target goes on with the answer.
  public mutating func continued(by target: TargetID) { targets.removeAll { $0.id == target } }
}
