import Foundation
import Synchronization
import Testing
import VARCompute

/// Counts from several threads.
private final class Counter: @unchecked Sendable {  // Sendable: guarded by the lock
  private let lock = NSLock()
  private var sum = 0
  private var calls = 0

  func add(_ value: Int) {
    lock.withLock {
      sum += value
      calls += 1
    }
  }

  var result: [Int] { lock.withLock { [calls, sum] } }
}

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8])
  func everyTaskOnce(threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    for count in [0, 1, 2, 3, 7, 64, 1000] {
      for _ in 0..<50 {
        let counter = Counter()
        pool.parallel(count) { counter.add($0) }
        #expect(counter.result == [count, count * (count - 1) / 2])
      }
    }
  }

  @Test func regionsFromSeveralThreadsTakeTurns() throws {
    let pool = try ThreadPool(threads: 3)
    let counter = Counter()
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      for _ in 0..<500 { pool.parallel(5) { counter.add($0) } }
    }
    #expect(counter.result == [4 * 500 * 5, 4 * 500 * 10])
  }

  @Test func nestedRegionsRunInline() throws {
    let pool = try ThreadPool(threads: 3)
    let counter = Counter()
    pool.parallel(10) { _ in pool.parallel(10) { counter.add($0) } }
    #expect(counter.result == [100, 450])
  }

  /// Threads that fell asleep take part again.
  @Test func sleepersWakeUp() throws {
    let pool = try ThreadPool(threads: 3)
    let counter = Counter()
    for _ in 0..<5 {
      pool.parallel(6) { counter.add($0) }
      usleep(2_000)
    }
    #expect(counter.result == [30, 75])
  }

  @Test func poolsComeAndGo() throws {
    for round in 0..<200 {
      let pool = try ThreadPool(threads: 1 + round % 4)
      let counter = Counter()
      if round % 3 > 0 { pool.parallel(9) { counter.add($0) } }
      #expect(counter.result == (round % 3 > 0 ? [9, 36] : [0, 0]))
    }
  }

  /// A region that is abandoned ends early and whole: nothing of it runs afterwards, and the next one
  /// runs all of its tasks.
  @Test(arguments: [1, 2, 5])
  func abandonedRegionsEndEarly(threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    let isCancelled = Atomic(false)
    pool.abandonRegions { isCancelled.load(ordering: .relaxed) }
    for round in 0..<50 {
      let counter = Counter()
      pool.parallel(10_000) { task in
        counter.add(task)
        if task == 10 * round { isCancelled.store(true, ordering: .relaxed) }
        if threads > 1 { usleep(1) }
      }
      let ended = counter.result[0]
      #expect(ended < 10_000)
      isCancelled.store(false, ordering: .relaxed)
      let next = Counter()
      pool.parallel(10) { next.add($0) }
      #expect(next.result == [10, 45])
      #expect(counter.result[0] == ended)
    }
    pool.abandonRegions(when: nil)
    let counter = Counter()
    isCancelled.store(true, ordering: .relaxed)
    pool.parallel(10) { counter.add($0) }
    #expect(counter.result == [10, 45])
  }

  @Test func coresAreCounted() {
    #expect(ThreadPool.usableCores >= 1)
    #expect(ThreadPool.usableCores <= ProcessInfo.processInfo.processorCount)
  }
}
