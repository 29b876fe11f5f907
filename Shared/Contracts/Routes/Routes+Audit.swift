internal import HTTPWire

extension Routes {
  /// The entries of the tenant.
  public static let auditEntries = RouteSpecification(
    .get, "/api/v1/audit", .gateway, .tenant,
    "Lists entries of the audit log, newest first (`?actor=`, `route`, `outcome`, `request`, `since`, `until`).")
  /// All entries of the tenant, as lines of JSON.
  public static let auditExport = RouteSpecification(
    .get, "/api/v1/audit/export", .gateway, .tenant, cancelsOnDisconnect: true,
    "Exports the audit log as lines of JSON, with all that verifying it needs (`?after=` an entry's number).")
  /// Whether the chain of the tenant is intact.
  public static let auditVerification = RouteSpecification(
    .get, "/api/v1/audit/verification", .gateway, .tenant, cancelsOnDisconnect: true,
    "Verifies the audit log and lists what is wrong with it.")
  /// The same of the installation, or with `?tenant=` of any tenant.
  public static let operatorAuditEntries = RouteSpecification(
    .get, "/operator/v1/audit", .gateway, .operator,
    "Lists entries of the audit log of the installation, or of a tenant (`?tenant=`).")
  /// The same of the installation, or with `?tenant=` of any tenant.
  public static let operatorAuditExport = RouteSpecification(
    .get, "/operator/v1/audit/export", .gateway, .operator, cancelsOnDisconnect: true,
    "Exports the audit log of the installation, or of a tenant (`?tenant=`).")
  /// The same of the installation, or with `?tenant=` of any tenant.
  public static let operatorAuditVerification = RouteSpecification(
    .get, "/operator/v1/audit/verification", .gateway, .operator, cancelsOnDisconnect: true,
    "Verifies the audit log of the installation, or of a tenant (`?tenant=`).")

  /// The audit log.
  static let audit: [RouteSpecification] = [
    auditEntries, auditExport, auditVerification, operatorAuditEntries, operatorAuditExport, operatorAuditVerification,
  ]
}
