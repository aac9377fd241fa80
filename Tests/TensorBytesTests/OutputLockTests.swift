import Foundation
import TensorBytes
import TestSupport
import Testing

@Suite struct OutputLockTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func lock(staleAfter limit: Double = 600) throws -> OutputLock {
    try OutputLock(
      Outputs(reading: [], replacing: .always).file("a.lock", in: folder.path), staleAfter: limit)
  }

  @Test func oneHasItAtATime() throws {
    let first = try lock()
    let found = try #require(OutputLock.found(at: folder.file("a.lock")))
    #expect(found.holder?.process == getpid())
    #expect(!found.isStale(after: 600))
    let held = try #require(throws: OutputLock.Held.self) { _ = try lock() }
    #expect(held.found.holder == found.holder)
    #expect(held.description.contains("process \(getpid())"))
    first.release()
    #expect(try folder.names() == [])
    let second = try lock()
    #expect(OutputLock.found(at: folder.file("a.lock")) != nil)
    second.release()
  }

  /// What a process has left that was killed: its number is nobody's, or another's by now.
  @Test(arguments: ["dead", "reused", "rebooted"])
  func thatOfAKilledProcessIsTakenOver(way: String) throws {
    let own = try lock()
    var holder = try json()
    own.release()
    switch way {
    case "dead": holder["pid"] = 4_194_400
    case "reused": holder["process_start"] = "1"
    default: holder["boot"] = "another"
    }
    try write(holder)
    #expect(OutputLock.found(at: folder.file("a.lock"))?.holder?.isGone == true)
    let lock = try lock()
    #expect(OutputLock.found(at: folder.file("a.lock"))?.holder?.process == getpid())
    lock.release()
    #expect(try folder.names() == [])
  }

  /// A dead process that its parent has not asked for is no holder.
  @Test func aZombieIsGone() throws {
    let own = try lock()
    var holder = try json()
    own.release()
    var child = pid_t()
    var arguments = unsafe [strdup("true"), nil]
    defer { unsafe free(arguments[0]) }
    try #require(unsafe posix_spawn(&child, "/bin/true", nil, nil, &arguments, nil) == 0)
    defer { waitpid(child, nil, 0) }
    var fields: [Substring] = []
    for _ in 0..<500 where fields.first != "Z" {
      usleep(10_000)
      let stat = try String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)
      fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    }
    try #require(fields.first == "Z")
    holder["pid"] = Int(child)
    holder["process_start"] = String(fields[19])
    try write(holder)
    #expect(OutputLock.found(at: folder.file("a.lock"))?.holder?.isGone == true)
  }

  /// Of another machine only the age is known, and so in another container.
  @Test(arguments: ["host", "pid_namespace"])
  func thatOfAnotherMachineAges(key: String) throws {
    let own = try lock()
    var holder = try json()
    own.release()
    holder[key] = "elsewhere"
    holder["pid"] = 4_194_400
    try write(holder)
    #expect(throws: OutputLock.Held.self) { _ = try lock() }
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -700)], ofItemAtPath: folder.file("a.lock"))
    let found = try #require(OutputLock.found(at: folder.file("a.lock")))
    #expect(found.isStale(after: 600) && !found.isStale(after: 800))
    #expect(throws: OutputLock.Held.self) { _ = try lock(staleAfter: 800) }
    try lock(staleAfter: 600).release()
  }

  /// A file that says nothing is nobody's after its time.
  @Test func whatCannotBeReadAgesToo() throws {
    try folder.write(Array("{".utf8), to: "a.lock")
    #expect(throws: OutputLock.Held.self) { _ = try lock() }
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -700)], ofItemAtPath: folder.file("a.lock"))
    try lock().release()
  }

  /// One that was broken while its holder slept is not removed by him.
  @Test func anothersLockStays() throws {
    let slow = try lock()
    try FileManager.default.removeItem(atPath: folder.file("a.lock"))
    let fast = try lock()
    slow.release()
    #expect(OutputLock.found(at: folder.file("a.lock")) != nil)
    fast.release()
  }

  /// Of many that break the same stale lock, each that has it has it alone.
  @Test func aStaleLockIsBrokenByOne() async throws {
    let own = try lock()
    var holder = try json()
    own.release()
    holder["pid"] = 4_194_400
    try write(holder)
    let path = folder.path
    let winners = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let file = try? Outputs(reading: [], replacing: .always).file("a.lock", in: path)
          guard let file, let lock = try? OutputLock(file, staleAfter: 600) else { return false }
          try? await Task.sleep(for: .milliseconds(300))
          lock.release()
          return true
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(winners >= 1)
    #expect(try folder.names() == [])
  }

  private func json() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: folder.file("a.lock")))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func write(_ holder: [String: Any]) throws {
    try folder.write(
      [UInt8](try JSONSerialization.data(withJSONObject: holder)), to: "a.lock")
  }
}
