internal import Glibc
internal import LocalStack

extension Installation {
  private static let addressesMax = 32
  private static let keySettings = [
    ("identity.gateway_keys", "CADRE_IDENTITY_GATEWAY_KEYS_FILE"),
    ("identity.step_keys", "CADRE_IDENTITY_STEP_KEYS_FILE"),
    ("identity.worker_keys", "CADRE_IDENTITY_WORKER_KEYS_FILE"),
    ("virtual_keys.signing_keys", "CADRE_VIRTUAL_KEYS_SIGNING_KEYS_FILE"),
  ]

  /// An installation that is described by addresses, `SERVICE=URL` each, and by the environment. A host name with
  /// several addresses stands for as many replicas. Throws `InstallationError`.
  package static func remote(
    admin: [String], api: String?, environment: [String: String]
  ) throws(InstallationError) -> Installation {
    var found = Installation()
    found.api = try (api ?? environment["CADRE_API_URL"]).flatMap { url throws(InstallationError) in
      try address(url, named: "the address of the API")
    }
    found.apiKey = try secret("CADRE_API_KEY", environment)
    found.postgres = try secret("CADRE_POSTGRES_URL", environment)
    found.redis = try secret("CADRE_REDIS_URL", environment)
    for (setting, variable) in keySettings {
      if let path = environment[variable], !path.isEmpty { found.keyFiles.append((setting, path)) }
    }
    let named = admin.isEmpty ? (environment["CADRE_ADMIN_URLS"] ?? "").split(separator: ",").map(String.init) : admin
    for text in named {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, services.contains(parts[0]) else {
        throw InstallationError(
          description: "an admin listener is named as SERVICE=URL, with one of \(services.joined(separator: ", "))")
      }
      try found.add(parts[0], try address(parts[1], named: "the address of an admin listener") ?? "")
    }
    return found
  }

  private mutating func add(_ service: String, _ url: String) throws(InstallationError) {
    guard url.hasPrefix("http://"), !url.contains("[") else {
      return replicas.append(Replica(name: service, service: service, adminURL: url))
    }
    let authority = url.dropFirst("http://".count).prefix { $0 != "/" }
    let parts = authority.split(separator: ":", maxSplits: 1)
    let host = parts.first.map(String.init) ?? ""
    let port = parts.count > 1 ? ":\(parts[1])" : ""
    let addresses = HostName.addresses(of: host)
    if addresses.isEmpty { unresolved.append((service, host)) }
    for address in addresses.prefix(Installation.addressesMax) {
      replicas.append(
        Replica(
          name: addresses.count == 1 ? service : "\(service) at \(address)", service: service,
          adminURL: "http://\(address.contains(":") ? "[\(address)]" : address)\(port)"))
    }
  }

  private static func address(_ text: String, named name: String) throws(InstallationError) -> String? {
    if text.isEmpty { return nil }
    guard text.hasPrefix("http://") || text.hasPrefix("https://"), !text.contains(" "), !text.contains("@") else {
      throw InstallationError(description: "\(name) begins with http:// or https:// and holds no password")
    }
    return text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  /// A variable, or the file that the variable with `_FILE` names.
  private static func secret(
    _ name: String, _ environment: [String: String]
  ) throws(InstallationError) -> String? {
    if let value = environment[name], !value.isEmpty { return value }
    guard let path = environment[name + "_FILE"], !path.isEmpty else { return nil }
    guard let text = FileAccess.read(path) else {
      throw InstallationError(description: "the file that \(name)_FILE names cannot be read")
    }
    return String(text.prefix { !$0.isNewline })
  }
}

/// The resolver of the machine.
enum HostName {
  /// The addresses of a name, without duplicates; none when it is not known. It blocks its thread.
  static func addresses(of host: String) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [String] = []
    var next = list
    while let entry = next {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let status = getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if status == 0, !found.contains(address) { found.append(address) }
      next = entry.pointee.ai_next
    }
    return found
  }
}
