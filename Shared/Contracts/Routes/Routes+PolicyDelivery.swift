internal import HTTPWire

/// The address at which a service takes what is said about policies.
public enum PolicyPath {
  /// The path at a service.
  public static func of(_ service: Audience) -> String { "/internal/v1/\(service.rawValue)/policies" }
}

extension Routes {
  /// What services take over of policies from the gateway, and workers from the orchestrator. Not for anybody outside.
  static let policyDelivery = deliveries + workerPolicies

  private static let workerPolicies: [RouteSpecification] = [
    .init(.get, WorkerPath.policies, .orchestrator, .worker, isPublic: false, "Shows the switches of the policies."),
    .init(
      .get, WorkerPath.policies(ofStep: "{id}"), .orchestrator, .step, isPublic: false,
      "Shows what the tenant of a step has set for its policies."),
  ]

  private static let deliveries: [RouteSpecification] = [Audience.orchestrator, .router].flatMap { service in
    [
      RouteSpecification(
        .get, PolicyPath.of(service), service, .operator, isPublic: false,
        "Says which switches and data of policies the service has stored."),
      RouteSpecification(
        .put, PolicyPath.of(service), service, .operator, isPublic: false, bodyBytesMax: PolicyDelivery.bodyBytesMax,
        "Stores switches of policies and a page of tenants' data for them; what is older than what is there changes "
          + "nothing."),
    ]
  }
}
