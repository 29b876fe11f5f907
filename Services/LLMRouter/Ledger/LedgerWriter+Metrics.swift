package import Telemetry

extension LedgerWriter {
  /// Declares the metrics of the writer.
  package func register(in registry: MetricsRegistry) {
    registry.observeGauge("cadre_ledger_backlog", help: "Calls that are not in the ledger's table yet.") { [self] in
      Double(backlog)
    }
  }
}
