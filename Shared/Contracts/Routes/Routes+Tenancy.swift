internal import HTTPWire

/// The addresses at which services suspend, export and delete what they have of a tenant.
public enum TenantPath {
  /// Behind the path of a tenant: nothing of it is begun any more.
  public static let suspend = "/suspend"
  /// Behind the path of a tenant: the end of a suspension.
  public static let resume = "/resume"
  /// Behind the path of a tenant: all of its rows.
  public static let export = "/export"

  /// The path of a tenant at a service.
  public static func of(_ service: Audience, tenant: String = "{tenant}") -> String {
    "/internal/v1/\(service.rawValue)/tenants/\(tenant)"
  }
}

extension Routes {
  /// What every service that has rows of tenants does with all of them. For the gateway, on behalf of operators.
  static let tenancy: [RouteSpecification] = [Audience.orchestrator, .router].flatMap { service in
    let path = TenantPath.of(service)
    return [
      RouteSpecification(
        .get, path, service, .operator, isPublic: false, "Describes the state of a tenant and counts its rows."),
      RouteSpecification(
        .delete, path, service, .operator, isPublic: false, "Deletes all rows of a tenant, in the background."),
      RouteSpecification(
        .post, path + TenantPath.suspend, service, .operator, isPublic: false, bodyBytesMax: 4 * kibibyte,
        repetition: .always, "Begins nothing of a tenant any more."),
      RouteSpecification(
        .post, path + TenantPath.resume, service, .operator, isPublic: false, bodyBytesMax: 4 * kibibyte,
        repetition: .always, "Ends the suspension of a tenant."),
      RouteSpecification(
        .get, path + TenantPath.export, service, .operator, isPublic: false, cancelsOnDisconnect: true,
        "Exports all rows of a tenant as lines of JSON."),
    ]
  }
}
