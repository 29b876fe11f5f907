/// A timer of one event loop. Made by `EventLoop.schedule`; touched on its loop only.
public final class Timer {
  /// When it fires, in nanoseconds of the monotonic clock.
  public internal(set) var deadline: UInt64
  fileprivate(set) var heapIndex: Int = -1
  var action: (() -> Void)?

  init(deadline: UInt64, action: @escaping () -> Void) {
    self.deadline = deadline
    self.action = action
  }
}

/// A binary min-heap of timers that knows where each stands, so that one is removed in O(log n).
struct TimerHeap {
  private var timers: [Timer] = []

  var next: UInt64? { timers.first?.deadline }
  var count: Int { timers.count }

  mutating func insert(_ timer: Timer) {
    // Only `schedule` inserts, always a new timer.
    precondition(timer.heapIndex < 0, "the timer is scheduled already")
    timer.heapIndex = timers.count
    timers.append(timer)
    siftUp(timer.heapIndex)
  }

  mutating func remove(_ timer: Timer) {
    let index = timer.heapIndex
    guard index >= 0, index < timers.count, timers[index] === timer else { return }
    let last = timers.removeLast()
    timer.heapIndex = -1
    guard last !== timer else { return }
    timers[index] = last
    last.heapIndex = index
    siftUp(index)
    siftDown(last.heapIndex)
  }

  mutating func popDue(_ now: UInt64) -> Timer? {
    guard let first = timers.first, first.deadline <= now else { return nil }
    remove(first)
    return first
  }

  private mutating func siftUp(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard timers[index].deadline < timers[parent].deadline else { return }
      exchange(index, parent)
      index = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < timers.count {
        if timers[child].deadline < timers[least].deadline { least = child }
      }
      guard least != index else { return }
      exchange(index, least)
      index = least
    }
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    timers.swapAt(left, right)
    timers[left].heapIndex = left
    timers[right].heapIndex = right
  }
}
