internal import CLinux
internal import Glibc

/// Random words from the kernel, fetched in blocks and kept per thread so that an identifier costs no system call.
///
/// Words are good for identifiers and jitter; keys and secrets are made of `bytes`, which nothing keeps.
public struct SystemRandom: RandomNumberGenerator, Sendable {
  /// The one generator; it holds no state of its own.
  public static let shared = SystemRandom()

  /// A random word.
  public mutating func next() -> UInt64 {
    var word: UInt64 = 0
    RandomBlock.ofThisThread().take(&word)
    return word
  }

  /// Bytes for keys and tokens, straight from the kernel.
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      fill(UnsafeMutableRawBufferPointer(buffer))
      filled = count
    }
  }

  /// Nothing may go on with randomness that can be guessed, so that a kernel without any ends the process.
  fileprivate static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    var filled = 0
    while filled < buffer.count {
      let got = getrandom(buffer.baseAddress.map { $0 + filled }, buffer.count - filled, 0)
      if got > 0 { filled += got } else if errno != EINTR { abort() }
    }
  }
}

/// 512 random bytes of one thread, given out eight at a time and wiped as they leave.
private final class RandomBlock {
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key) { pointer in
      guard let pointer else { return }
      Unmanaged<RandomBlock>.fromOpaque(pointer).release()
    }
    return key
  }()

  private var words = [UInt64](repeating: 0, count: 64)
  private var used = 64

  static func ofThisThread() -> RandomBlock {
    if let pointer = pthread_getspecific(key) {
      return Unmanaged<RandomBlock>.fromOpaque(pointer).takeUnretainedValue()
    }
    let block = RandomBlock()
    pthread_setspecific(key, Unmanaged.passRetained(block).toOpaque())
    return block
  }

  func take(_ word: inout UInt64) {
    if used == words.count { refill() }
    word = words[used]
    words[used] = 0
    used += 1
  }

  private func refill() {
    words.withUnsafeMutableBytes { SystemRandom.fill($0) }
    used = 0
  }
}
