/// The addresses of the worker protocol.
public enum WorkerPath {
  /// Where steps are leased.
  public static let leases = "/worker/v1/leases"
  /// Where the results of several steps are delivered together.
  public static let results = "/worker/v1/results"

  /// Where a worker that ends has its requests for leases answered.
  public static let drain = "/worker/v1/drain"

  /// Where the leases of a worker are extended together.
  public static let heartbeats = "/worker/v1/heartbeats"

  /// Where the switches of policies are.
  public static let policies = "/worker/v1/policies"

  /// Where the data of policies is that the tenant of a step has.
  public static func policies(ofStep step: String) -> String { "/worker/v1/steps/\(step)/policies" }

  /// Where calls of a step are recorded and its lease is prolonged.
  public static func journal(_ step: String) -> String { "/worker/v1/steps/\(step)/journal" }

  /// Where the result of a step is delivered.
  public static func result(_ step: String) -> String { "/worker/v1/steps/\(step)/result" }
}
