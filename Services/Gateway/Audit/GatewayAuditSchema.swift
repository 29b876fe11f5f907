package import Postgres

/// The part of the gateway's schema that the audit log needs.
package enum GatewayAuditSchema {
  private static let scripts = [
    ("audit", String(decoding: PackageResources._001_audit_sql, as: UTF8.self))
  ]

  /// Its migrations as versions of the gateway's schema from `first` on, without gaps. Forward only; once released, a
  /// script and its version stay.
  package static func migrations(from first: Int) -> [Migration] {
    scripts.enumerated().map { Migration(version: first + $0.offset, name: $0.element.0, sql: $0.element.1) }
  }
}
