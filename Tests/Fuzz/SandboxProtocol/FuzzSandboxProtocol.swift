/// Frames of a worker and their messages: whatever comes, in whatever pieces, is read the same, within its bounds.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSandboxProtocol(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let whole = frames(bytes, size: bytes.count)
  precondition(frames(bytes, size: 1 + Int(start[0])) == whole)
  for frame in whole.frames {
    precondition(frame.header.count <= SandboxFrame.headerBytesMax && frame.parts.count <= SandboxFrame.partsMax)
    var reader = SandboxFrameReader()
    if let encoded = try? frame.encoded() { reader.append(encoded) }
    precondition((try? reader.next()) == frame)
    if let request = try? RunRequest(frame) { precondition((try? RunRequest(request.frame)) == request) }
    if let report = try? RunReport(frame) { precondition((try? RunReport(report.frame)) == report) }
    if let request = try? CompileRequest(frame) { precondition((try? CompileRequest(request.frame)) == request) }
    if let report = try? CompileReport(frame) { precondition((try? CompileReport(report.frame)) == report) }
    if let layers = try? SandboxLayers(frame) { precondition((try? SandboxLayers(layers.frame)) == layers) }
    if let ready = try? WorkerReady(frame) { precondition((try? WorkerReady(ready.frame)) == ready) }
    _ = try? JailRefusal(frame)
  }
  return 0
}

private struct Reading: Equatable {
  var frames: [SandboxFrame] = []
  var fault: SandboxFrameError?
}

private func frames(_ bytes: [UInt8], size: Int) -> Reading {
  var reading = Reading()
  var reader = SandboxFrameReader()
  for place in stride(from: 0, to: bytes.count, by: size) {
    reader.append(bytes[place..<min(bytes.count, place + size)])
    do throws(SandboxFrameError) { while let frame = try reader.next() { reading.frames.append(frame) } } catch {
      reading.fault = error
      return reading
    }
  }
  return reading
}
