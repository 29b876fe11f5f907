/// How much is kept of files.
package struct ArtefactLimits: Sendable {
  /// Versions of files of a run.
  package var runFilesMax: Int64
  /// Their bytes.
  package var runBytesMax: Int64
  /// Uploads of a tenant that wait for a task.
  package var uploadsMax: Int64
  /// Their bytes.
  package var uploadBytesMax: Int64
  /// How long an upload waits for a task.
  package var uploadKeep: Duration

  package init(
    runFilesMax: Int64 = 256, runBytesMax: Int64 = 256 << 20, uploadsMax: Int64 = 1000, uploadBytesMax: Int64 = 1 << 30,
    uploadKeep: Duration = .seconds(86_400)
  ) {
    self.runFilesMax = runFilesMax
    self.runBytesMax = runBytesMax
    self.uploadsMax = uploadsMax
    self.uploadBytesMax = uploadBytesMax
    self.uploadKeep = uploadKeep
  }
}
