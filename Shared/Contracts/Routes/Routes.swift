/// Every declared address.
public enum Routes {
  /// All of them.
  public static let all = models + modelConfiguration + orchestrator + tenancy + policyDelivery + gateway

  /// Those that a service registers.
  public static func of(_ service: Audience) -> [RouteSpecification] {
    all.filter { $0.service == service }
  }

  /// Those that the gateway forwards.
  public static let forwarded = all.filter { $0.isPublic && $0.service != .gateway }

  static let kibibyte = 1 << 10
  static let mebibyte = 1 << 20
}
