internal import Decider
internal import History
internal import JSON
internal import LocalStack
internal import Workflows

/// `cadre replay`: replays run bundles from files, without a database, keys or network. Ends with 0 when all are
/// consistent, 1 when one is not, 2 when a file cannot be read.
struct ReplayCommand {
  let output: Output

  func run(_ arguments: [String]) -> Int32 {
    let options: Options
    do { options = try Options(arguments, valued: ["workflow"], flags: ["json"]) } catch {
      output.error("cadre: \(error.description)")
      return 2
    }
    guard !options.words.isEmpty else {
      output.error("cadre: replay needs the file of a bundle; GET /api/v1/runs/RUN/bundle gives one")
      return 2
    }
    var worst: Int32 = 0
    for path in options.words {
      do {
        let bundle = try read(path)
        let workflow = try options["workflow"].map { try readWorkflow($0, for: bundle) }
        worst = max(worst, show(bundle, with: workflow, path, isJSON: options["json"] != nil))
      } catch let error as BundleError {
        output.error("cadre: \(path): \(error.description)")
        worst = 2
      } catch let error as OptionError {
        output.error("cadre: \(error.description)")
        worst = 2
      } catch {
        output.error("cadre: \(path): \(error)")
        worst = 2
      }
    }
    return worst
  }

  private func read(_ path: String) throws -> RunBundle {
    guard let text = FileAccess.read(path) else { throw OptionError(description: "\(path) cannot be read") }
    return try RunBundle(reading: Array(text.utf8))
  }

  /// A workflow document from a file, in the place of the one that the bundle is pinned to.
  private func readWorkflow(_ path: String, for bundle: RunBundle) throws -> Workflow {
    guard let text = FileAccess.read(path) else { throw OptionError(description: "\(path) cannot be read") }
    let document = try JSONDocument(parsing: text)
    do {
      return try WorkflowDocument.read(document.root, version: bundle.workflow.version)
    } catch {
      let fault = error.faults.first
      throw OptionError(description: "\(path): \(fault?.pointer ?? "") \(fault?.detail ?? "")")
    }
  }

  private func show(_ bundle: RunBundle, with workflow: Workflow?, _ path: String, isJSON: Bool) -> Int32 {
    let missing = bundle.missingPayloads
    let report = ReplayReport(
      run: bundle.run, history: bundle.events, replay: bundle.replay(with: workflow),
      checks: [
        .init("payloads", fault: missing.isEmpty ? nil : "Missing: \(missing.joined(separator: ", "))."),
        .init("facts", fault: bundle.factFaults().first),
      ])
    var writer = JSONWriter()
    writer.beginObject()
    report.write(to: &writer)
    writer.endObject()
    if isJSON {
      output.line(String(decoding: writer.bytes, as: UTF8.self))
    } else if report.isConsistent {
      output.line("\(path): consistent, \(report.replay.events) events, \(report.replay.state.effectiveStatus)")
    } else {
      output.line("\(path): INCONSISTENT")
      for check in report.checks { if let fault = check.fault { output.line("  \(check.name): \(fault)") } }
      if case .diverged(let divergence) = report.replay.verdict {
        func text(_ event: RunEvent?) -> String {
          event.map { "\($0.type) \($0.step ?? "") \(String(decoding: EventCodec.encode($0), as: UTF8.self))" }
            ?? "nothing"
        }
        output.line("  first difference at event \(divergence.sequence), decided on \(divergence.fact.type)")
        output.line("    the history says: \(text(divergence.recorded))")
        output.line("    the decider says: \(divergence.refusal?.rawValue ?? text(divergence.replayed))")
      }
    }
    return report.isConsistent ? 0 : 1
  }
}
