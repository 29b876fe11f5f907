internal import HTTPWire

extension Routes {
  private static let switchesBytesMax = 4 * kibibyte
  /// A tenant's data and what stands around it.
  private static let dataBytesMax = 80 * kibibyte
  private static let questionBytesMax = 64 * kibibyte

  /// The switches of the policies.
  public static let policyStatus = RouteSpecification(
    .get, "/operator/v1/policy", .gateway, .operator,
    "Shows the mode of the policies, the canary, the halt switch, the bundle and the remembered decisions.")
  /// Changes them.
  public static let policySwitches = RouteSpecification(
    .put, "/operator/v1/policy", .gateway, .operator, bodyBytesMax: switchesBytesMax,
    "Changes the mode of the policies, the canary or the halt switch, in every gateway; what is left out stays.")
  /// What the tenant has set for its policies.
  public static let policyData = RouteSpecification(
    .get, "/api/v1/policy/data", .gateway, .tenant, "Shows what the tenant has set for its policies.")
  /// Sets it.
  public static let setPolicyData = RouteSpecification(
    .put, "/api/v1/policy/data", .gateway, .tenant, bodyBytesMax: dataBytesMax,
    "Replaces what the tenant has set for its policies.")
  /// Takes it away.
  public static let removePolicyData = RouteSpecification(
    .delete, "/api/v1/policy/data", .gateway, .tenant, "Takes away what the tenant has set for its policies.")
  /// Why something would be allowed or not.
  public static let policyExplanation = RouteSpecification(
    .post, "/api/v1/policy/explain", .gateway, .tenant, bodyBytesMax: questionBytesMax, cancelsOnDisconnect: true,
    "Explains a decision of the policies in the tenant of the caller, rule by rule.")
  /// What any tenant has set for its policies.
  public static let operatorPolicyData = RouteSpecification(
    .get, "/operator/v1/tenants/{id}/policy-data", .gateway, .operator,
    "Shows what a tenant has set for its policies.")
  /// Sets it, and the status of the tenant.
  public static let operatorSetPolicyData = RouteSpecification(
    .put, "/operator/v1/tenants/{id}/policy-data", .gateway, .operator, bodyBytesMax: dataBytesMax,
    "Replaces what a tenant has set for its policies, and says whether policies see it as suspended.")
  /// Takes it away.
  public static let operatorRemovePolicyData = RouteSpecification(
    .delete, "/operator/v1/tenants/{id}/policy-data", .gateway, .operator,
    "Takes away what a tenant has set for its policies; policies see it as active again.")

  /// Policies, their decisions and the halt switch.
  static let policies: [RouteSpecification] = [
    policyStatus, policySwitches, policyData, setPolicyData, removePolicyData, policyExplanation, operatorPolicyData,
    operatorSetPolicyData, operatorRemovePolicyData,
  ]
}
