extension Diagnosis {
  /// Who signs with a list of keys, and who has to know the key.
  private static let trust: [(setting: String, signer: String, verifiers: [String])] = [
    ("identity.gateway_keys", "gateway", ["orchestrator", "llm-router"]),
    ("identity.step_keys", "orchestrator", ["orchestrator", "llm-router"]),
    ("identity.worker_keys", "agent-core", ["orchestrator"]),
    ("virtual_keys.signing_keys", "llm-router", ["llm-router"]),
  ]

  static func keys(_ all: [KeyFacts]) -> [Finding] {
    guard !all.isEmpty else {
      return [
        .skipped("keys", "no key can be read here (processes of another user, or CADRE_IDENTITY_..._FILE not set)")
      ]
    }
    var found: [Finding] = []
    for one in all {
      if let fault = one.fault {
        found.append(
          .fault(
            "keys", "\(one.setting) of \(one.owner): \(fault)",
            remedy: "write id:secret with 32 to 256 bytes, separated by commas; openssl rand -hex 32 makes a secret"))
      }
    }
    found += disagreements(all)
    var seen: Set<String> = []
    for one in all where one.fault == nil && seen.insert(one.setting).inserted {
      if let file = one.openFile {
        found.append(.warning("keys", "everybody can read \(file) (\(one.setting))", remedy: "chmod 0600 \(file)"))
      }
      if let age = one.ageDays, age > keyAgeDaysMax {
        found.append(
          .warning(
            "keys", "\(one.setting) was last changed \(age) days ago",
            remedy: "rotate it: put a new key first in its file (k2:NEW,k1:OLD), restart the services one by one, then "
              + "remove the old one and restart them again"))
      }
    }
    if found.isEmpty {
      found.append(.ok("keys", "\(seen.count) lists of keys are well-formed, and all services have the same ones"))
    }
    return found
  }

  private static func disagreements(_ all: [KeyFacts]) -> [Finding] {
    var found: [Finding] = []
    for (setting, signer, verifiers) in trust {
      let lists = all.filter { $0.setting == setting && $0.fault == nil }
      for signing in lists where signing.service == signer {
        guard let key = signing.digests.first, let id = signing.ids.first else { continue }
        for other in lists where verifiers.contains(other.service) && !other.digests.contains(key) {
          found.append(
            .fault(
              "keys", "\(signing.owner) signs with the key \"\(id)\" of \(setting), which \(other.owner) does not have",
              remedy:
                "give both the same list, and restart them; a rotation adds the new key everywhere before it is first"))
        }
      }
    }
    return found
  }
}
