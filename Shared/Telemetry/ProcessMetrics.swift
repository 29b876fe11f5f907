internal import Glibc
internal import Primitives
internal import SystemSources

/// What the kernel knows of this process, under the names that Prometheus clients use everywhere.
public enum ProcessMetrics {
  /// Declares the metrics.
  public static func register(in registry: MetricsRegistry, service: String, version: String) {
    registry.observeGauge(
      "cadre_build_info", help: "Always 1; the labels say what runs.",
      labels: [("service", service), ("version", version)]
    ) { 1 }
    let started = Double(WallClock.now().unixMicroseconds) / 1e6
    registry.observeGauge("process_start_time_seconds", help: "Start of the process, in seconds since 1970.") {
      started
    }
    registry.observeCounter("process_cpu_seconds_total", help: "User and system CPU time, in seconds.") {
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
      return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
    let page = Double(sysconf(Int32(_SC_PAGESIZE)))
    registry.observeGauge("process_resident_memory_bytes", help: "Memory in RAM, in bytes.") { statm(1) * page }
    registry.observeGauge("process_virtual_memory_bytes", help: "Address space in use, in bytes.") { statm(0) * page }
    registry.observeGauge("process_open_fds", help: "Open file descriptors.") { Double(count("/proc/self/fd")) }
    registry.observeGauge("process_threads", help: "Threads.") { Double(count("/proc/self/task")) }
    registry.observeGauge("process_max_fds", help: "Limit of open file descriptors.") {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      return Double(limit.rlim_cur)
    }
  }

  private static func statm(_ field: Int) -> Double {
    guard let file = fopen("/proc/self/statm", "r") else { return .nan }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 128)
    guard fgets(&buffer, 128, file) != nil else { return .nan }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    return fields.count > field ? Double(fields[field]) ?? .nan : .nan
  }

  private static func count(_ folder: String) -> Int {
    guard let directory = opendir(folder) else { return 0 }
    defer { closedir(directory) }
    var entries = 0
    while readdir(directory) != nil { entries += 1 }
    return max(0, entries - 2)
  }
}
