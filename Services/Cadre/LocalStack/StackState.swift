internal import JSON

/// What runs for a data folder, as `cadre up` writes it there for the other commands. It names no secret.
public struct StackState: Sendable, Equatable {
  /// A process of a service.
  public struct Process: Sendable, Equatable {
    /// Name of the process, such as `gateway-2`.
    public let name: String
    /// Name of the service.
    public let service: String
    /// The port of its admin listener.
    public let adminPort: Int
    /// Its id.
    public let processID: Int32

    /// Makes one.
    public init(name: String, service: String, adminPort: Int, processID: Int32) {
      self.name = name
      self.service = service
      self.adminPort = adminPort
      self.processID = processID
    }
  }

  /// The address of the API.
  public let url: String
  /// The connection string of the database.
  public let postgres: String
  /// The address of Redis.
  public let redis: String
  /// The folder of the executables.
  public let executables: String
  /// The processes.
  public let processes: [Process]

  /// Makes one.
  public init(url: String, postgres: String, redis: String, executables: String, processes: [Process]) {
    self.url = url
    self.postgres = postgres
    self.redis = redis
    self.executables = executables
    self.processes = processes
  }

  /// The file in a data folder.
  public static func path(in data: String) -> String { FileAccess.absolute(data) + "/stack.json" }

  /// Reads that of a data folder; `nil` when nothing runs there.
  public static func read(_ data: String) -> StackState? { FileAccess.read(path(in: data)).flatMap(StackState.init) }

  /// Reads the content of the file.
  public init?(_ text: String) {
    guard let root = try? JSONDocument(parsing: text).root, let processes = root["processes"] else { return nil }
    func word(_ name: String) -> String { root[name]?.string ?? "" }
    self.init(
      url: word("url"), postgres: word("postgres"), redis: word("redis"), executables: word("executables"),
      processes: processes.elements.compactMap { one in
        guard let name = one["name"]?.string, let service = one["service"]?.string,
          let port = one["admin_port"]?.whole(in: 1...65_535),
          let id = one["process_id"]?.whole(in: 1...Int64(Int32.max))
        else { return nil }
        return Process(name: name, service: service, adminPort: Int(port), processID: Int32(id))
      })
  }

  /// The content of the file.
  public var text: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("url", url)
    writer.member("postgres", postgres)
    writer.member("redis", redis)
    writer.member("executables", executables)
    writer.key("processes")
    writer.beginArray()
    for process in processes {
      writer.beginObject()
      writer.member("name", process.name)
      writer.member("service", process.service)
      writer.member("admin_port", Int64(process.adminPort))
      writer.member("process_id", Int64(process.processID))
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self) + "\n"
  }
}
