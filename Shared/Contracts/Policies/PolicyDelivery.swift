public import JSON

/// What the gateway delivers to a service about policies: the switches, and a page of the data of tenants.
public struct PolicyDelivery: Hashable, Sendable {
  /// Rows of a page.
  public static let rowsMax = 200
  /// Bytes of documents after which a page takes no further row.
  public static let documentsBytesMax = 1 << 20
  /// Bytes of the document of a tenant.
  public static let documentBytesMax = 64 << 10
  /// Bytes of a page: as text in JSON a document takes at most twice its length.
  public static let bodyBytesMax = 4 << 20

  /// What a tenant has set, and what operators say of it.
  public struct Row: Hashable, Sendable {
    /// The tenant.
    public let tenant: TenantID
    /// The number of the change, in the epoch of the page.
    public let number: Int64
    /// JSON.
    public let document: String
    /// Whether operators have suspended it for policies.
    public let isSuspended: Bool

    /// Makes a row.
    public init(tenant: TenantID, number: Int64, document: String, isSuspended: Bool) {
      self.tenant = tenant
      self.number = number
      self.document = document
      self.isSuspended = isSuspended
    }
  }

  /// The switches. Their epoch is that of the rows too.
  public let switches: DeliveredSwitches
  /// The number behind which the page begins: whoever has not got all before it takes nothing of the page.
  public let after: Int64
  /// The number up to which nothing is missing behind the page.
  public let through: Int64
  /// Whether there was nothing more behind it.
  public let isLast: Bool
  /// The rows that have changed, in the order of their numbers.
  public let rows: [Row]

  /// The epoch.
  public var epoch: Int64 { switches.revision.epoch }

  /// Makes a page.
  public init(switches: DeliveredSwitches, after: Int64, through: Int64, isLast: Bool, rows: [Row]) {
    self.switches = switches
    self.after = after
    self.through = through
    self.isLast = isLast
    self.rows = rows
  }

  /// Reads a page. Throws every fault of it.
  public init(_ view: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(view)
    let switches = DeliveredSwitches(fields.value("switches", isRequired: true))
    if switches == nil, fields.faults.isEmpty { fields.note("switches", .malformed, "Switches are expected.") }
    let after = fields.int("after", isRequired: true, in: 0...Int64.max)
    let through = fields.int("through", isRequired: true, in: 0...Int64.max)
    let isLast = fields.bool("is_last", isRequired: true)
    let elements = fields.array("rows", isRequired: true, countMax: PolicyDelivery.rowsMax) ?? []
    var rows: [Row] = []
    for (position, element) in elements.enumerated() {
      var nested = JSONFields(element, path: "/rows/\(position)")
      let tenant = nested.string("tenant_id", isRequired: true, bytesMax: 64).flatMap { TenantID($0) }
      let number = nested.int("number", isRequired: true, in: 1...Int64.max)
      let document = nested.string("document", isRequired: true, bytesMax: PolicyDelivery.documentBytesMax)
      let isSuspended = nested.bool("is_suspended", isRequired: true)
      do { try nested.finish() } catch { for fault in error.faults { fields.note(at: fault) } }
      guard let tenant, let number, let document, let isSuspended else {
        if fields.faults.isEmpty { fields.note("rows", .malformed, "The id of a tenant is expected.") }
        continue
      }
      rows.append(Row(tenant: tenant, number: number, document: document, isSuspended: isSuspended))
    }
    try fields.finish()
    guard let switches, let after, let through, let isLast else {
      throw JSONFieldsError(of: .init(pointer: "", code: .malformed, detail: "A delivery of policies is expected."))
    }
    self.init(switches: switches, after: after, through: through, isLast: isLast, rows: rows)
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: rows.reduce(512) { $0 + 128 + $1.document.utf8.count * 2 })
    writer.beginObject()
    switches.write("switches", to: &writer)
    writer.member("after", after)
    writer.member("through", through)
    writer.member("is_last", isLast)
    writer.objects("rows", rows) { row, writer in
      writer.member("tenant_id", id: row.tenant)
      writer.member("number", row.number)
      writer.member("document", row.document)
      writer.member("is_suspended", row.isSuspended)
    }
    writer.endObject()
    return writer.bytes
  }
}
