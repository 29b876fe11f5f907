public import HTTP
internal import JSON
public import Primitives

/// The rows of a tenant as lines of JSON: one for each row, with the service that it comes from, and one behind each
/// page that says where to go on. One page is in memory at a time.
public struct TenantExport: Sendable {
  /// The line behind everything: an export that lacks it was cut off.
  public static let end = line { $0.member("end", true) }

  private let data: TenantData
  private let service: String

  /// The rows of a service.
  init(_ data: TenantData, service: String) {
    self.data = data
    self.service = service
  }

  /// Writes all rows.
  public func send(_ tenant: UUID, _ writer: inout HTTPResponseWriter) async throws {
    try await send(tenant, from: data.exported.first.map { ExportCursor(table: $0.name, keys: nil) }, &writer)
  }

  /// Writes all rows behind a place.
  func send(_ tenant: UUID, from start: ExportCursor?, _ writer: inout HTTPResponseWriter) async throws {
    var cursor = start
    while let place = cursor, let page = try await data.page(tenant, at: place) {
      cursor = page.next
      var lines: [UInt8] = []
      for row in page.rows {
        lines += TenantExport.line {
          $0.member("service", service)
          $0.member("table", page.table)
          $0.member("row", raw: row.utf8)
        }
      }
      if let next = page.next { lines += TenantExport.line { $0.member("cursor", next.text) } }
      try await writer.write(lines)
    }
  }

  private static func line(_ build: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    build(&writer)
    writer.endObject()
    return writer.bytes + [UInt8(ascii: "\n")]
  }
}

extension TenantDeletion {
  /// The rows that a service exports under its name.
  public func exports(as service: String) -> TenantExport { TenantExport(data, service: service) }
}
