public import Contracts

/// The files of a run. Every call throws `WorkspaceError` or `CancellationError`.
public protocol ArtefactStoring: Sendable {
  /// Stores a file of the run. The newest version of a name counts; the same bytes again make no version. At most
  /// `WorkspaceLimits.artefactBytesMax` bytes.
  func put(
    _ name: ArtefactName, _ bytes: [UInt8], mediaType: String?, for step: WorkspaceStep
  ) async throws -> ArtefactReference

  /// The newest version of a file of the run. One that has more than `bytesMax` bytes is refused, before it is read.
  func artefact(
    _ name: ArtefactName, bytesMax: Int, for step: WorkspaceStep
  ) async throws -> (reference: ArtefactReference, bytes: [UInt8])

  /// The files of the run, by name, at most `WorkspaceLimits.artefactsListedMax`.
  func artefacts(for step: WorkspaceStep) async throws -> [ArtefactReference]
}
