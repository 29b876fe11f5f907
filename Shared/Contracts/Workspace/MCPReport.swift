public import JSON

/// What a worker has found out about an MCP server.
public struct MCPReport: Hashable, Sendable {
  /// How a connection is.
  public enum State: String, Hashable, Sendable, CaseIterable {
    /// It is being made.
    case connecting
    /// It works.
    case ready
    /// It failed and is made again after a pause.
    case failed
    /// It was closed on purpose.
    case stopped
  }

  /// Where an error comes from.
  public enum Fault: String, Hashable, Sendable, CaseIterable {
    /// The server says something that the protocol does not allow.
    case `protocol`
    /// The server cannot be reached, or its program ended.
    case connection
    /// A tool of the server failed.
    case tool
  }

  /// Bytes of the message of an error; more is cut.
  public static let messageBytesMax = 2000

  /// The tenant.
  public let tenant: TenantID
  /// The worker.
  public let worker: String
  /// The version of the server's registration that the report is about.
  public let version: Int64
  /// How the connection is.
  public let state: State
  /// What failed last.
  public let fault: Fault?
  /// What failed last, in a sentence.
  public let message: String?
  /// The tools that the server offers; `nil` leaves what is known.
  public let tools: [ToolDefinition]?

  /// Makes a report.
  public init(
    tenant: TenantID, worker: String, version: Int64, state: State, fault: Fault? = nil, message: String? = nil,
    tools: [ToolDefinition]? = nil
  ) {
    self.tenant = tenant
    self.worker = StorableText.make(worker, bytesMax: WorkerLimits.workerBytesMax, fallback: "worker")
    self.version = version
    self.state = state
    self.fault = fault
    self.message = message.map { StorableText.make($0, bytesMax: MCPReport.messageBytesMax) }
    self.tools = tools.map { Array($0.prefix(WorkspaceLimits.mcpToolsMax)) }
  }

  /// Reads a report. Throws every fault of it.
  public init(_ view: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(view)
    let tenant = fields.string("tenant_id", isRequired: true, bytesMax: WorkerLimits.nameBytesMax)
    let worker = fields.string("worker", isRequired: true, bytesMax: WorkerLimits.workerBytesMax)
    let version = fields.int("version", isRequired: true, in: 1...Int64(Int32.max))
    let state = fields.string("state", isRequired: true, bytesMax: 20, allowed: State.allCases.map(\.rawValue))
    let fault = fields.string("fault", bytesMax: 20, allowed: Fault.allCases.map(\.rawValue))
    let message = fields.string("message", bytesMax: MCPReport.messageBytesMax, allowsEmpty: true)
    let listed = fields.array("tools", countMax: WorkspaceLimits.mcpToolsMax)
    var tools: [ToolDefinition]? = listed == nil ? nil : []
    for (index, element) in (listed ?? []).enumerated() {
      if let tool = ToolDefinition(element) {
        tools?.append(tool)
      } else {
        fields.note(
          at: JSONFieldFault(
            pointer: "/tools/\(index)", code: .malformed, detail: "The definition of a tool is expected."))
      }
    }
    let tenantID = tenant.flatMap { TenantID($0) }
    if tenant != nil, tenantID == nil { fields.note("tenant_id", .malformed, "The id of a tenant is expected.") }
    try fields.finish()
    guard let tenantID, let worker, let version, let state = state.flatMap({ State(rawValue: $0) }) else {
      throw JSONFieldsError(of: .init(pointer: "", code: .required, detail: ""))
    }
    self.init(
      tenant: tenantID, worker: worker, version: version, state: state,
      fault: fault.flatMap { Fault(rawValue: $0) }, message: message, tools: tools)
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("tenant_id", id: tenant)
    writer.member("worker", worker)
    writer.member("version", version)
    writer.member("state", state.rawValue)
    writer.member("fault", ifPresent: fault?.rawValue)
    writer.member("message", ifPresent: message)
    if let tools { writer.objects("tools", tools) { $0.writeMembers(to: &$1) } }
    writer.endObject()
    return writer.bytes
  }
}
