/// `cadre doctor`: looks at an installation and judges.
package enum Doctor {
  /// The time of each look when nothing else is asked for, in seconds.
  package static let seconds = 10

  /// Looks and judges. It takes a few times `seconds` at most.
  package static func examine(_ installation: Installation, ownVersion: String, seconds: Int) -> Report {
    let facts = InstallationFacts.look(at: installation, seconds: seconds)
    return Report(
      Diagnosis.findings(facts, ownVersion: ownVersion), redaction: Redaction(installation.secrets))
  }

  /// What is said of a data folder in which nothing runs.
  package static func nothingRuns(in data: String) -> Report {
    Report(
      [
        .fault(
          "services", "nothing runs on the data folder \(data)",
          remedy: "start it with: cadre up --data \(data); or name another installation: cadre doctor --help")
      ], redaction: Redaction([]))
  }
}
