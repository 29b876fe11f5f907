internal import HTTPWire

extension ProblemCode {
  /// Codes of tenants that are deleted.
  static let tenancy: [ProblemCode] = [tenantDeleted]

  /// The tenant is deleted, or is being deleted.
  public static let tenantDeleted = ProblemCode(
    "tenant_deleted", .conflict, or: .forbidden, meaning: "The tenant is deleted, or its data is being deleted.",
    remedy: "This cannot be undone; use another tenant.")
}
