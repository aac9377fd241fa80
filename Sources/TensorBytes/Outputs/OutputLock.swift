internal import CTemporaries
import Foundation
internal import Platform

/// A file that says who is at work on something that many processes share, on one machine or several.
///
/// It is made whole by a link, which takes the name or fails on every file system, NFS among them. It
/// goes with ``release()`` and with the signals that programs handle. What a killed process or a
/// machine that went down has left is told by ``Holder`` and by the file's age.
@safe package final class OutputLock {
  /// Who holds a lock, as the file says it.
  package struct Holder: Codable, Equatable, Sendable {
    /// The machine's name.
    package var host: String
    /// The process; it means something on its machine alone.
    package var process: Int32
    /// What the holder has done so far, in units of its own.
    package var done = 0
    /// Seconds from taking the lock to the last sign of life.
    package var seconds = 0.0
    /// The machine's start, the process's name space and its start: a number may come again.
    var boot: String
    var space: String
    var started: String

    private enum CodingKeys: String, CodingKey {
      case host
      case process = "pid"
      case done
      case seconds
      case boot
      case space = "pid_namespace"
      case started = "process_start"
    }

    /// This process.
    package static func current() -> Holder {
      Holder(
        host: ProcessInfo.processInfo.hostName, process: getpid(),
        boot: line(of: "/proc/sys/kernel/random/boot_id"),
        space: (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid"))
          ?? "",
        started: start(of: getpid()))
    }

    /// Whether the holder is gone for sure: it was on this machine, and is no more.
    package var isGone: Bool {
      let here = Self.current()
      guard host == here.host, !boot.isEmpty, !here.boot.isEmpty else { return false }
      if boot != here.boot { return true }
      // In another container the number is another process's.
      guard space == here.space else { return false }
      if kill(process, 0) != 0 { return errno == ESRCH }
      return Self.start(of: process) != started
    }

    private static func line(of path: String) -> String {
      let text = FileManager.default.contents(atPath: path) ?? Data()
      return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// When a process began, in ticks since the machine's start; empty if it is none, or a dead one that
    /// its parent has not asked for yet, which may take a container's life.
    private static func start(of process: Int32) -> String {
      // Fields 3 and 22; the second may hold spaces and brackets.
      let fields =
        line(of: "/proc/\(process)/stat").split(separator: ")").last?
        .split(separator: " ") ?? []
      return fields.count > 19 && !["Z", "X"].contains(fields[0]) ? String(fields[19]) : ""
    }
  }

  /// A lock that is there.
  package struct Found: Equatable, Sendable {
    /// Nil if the file doesn't say.
    package let holder: Holder?
    /// Seconds since its last sign of life, by the clock of the file's disk.
    package let age: Double

    /// Whether nobody is at work any more.
    /// - Parameter limit: seconds without a sign of life after which a holder elsewhere is given up.
    package func isStale(after limit: Double) -> Bool {
      holder?.isGone == true || age > limit
    }
  }

  /// Another process holds the lock.
  package struct Held: Error, Equatable, Sendable, CustomStringConvertible {
    /// The lock.
    package let path: String
    /// What it says.
    package let found: Found

    /// The message for the user.
    package var description: String {
      let holder = found.holder.map { "process \($0.process) on \($0.host)" } ?? "another process"
      return "\(path): \(holder) is at work, seen \(Int(max(0, found.age))) s ago"
    }
  }

  private let place: ResolvedPath
  private let path: String
  private var descriptor: Int32
  /// Of the name among those that a signal takes along; -1 until the lock is ours.
  private var number: Int32 = -1
  private let clock = ContinuousClock.now
  private var holder = Holder.current()
  private var beaten = ContinuousClock.now

  /// Bytes of the file: what is written in place must not change its size.
  private static let size = 512
  /// How often a sign of life is written at most.
  private static let interval = Duration.seconds(5)

  /// Takes a lock.
  /// - Parameters:
  ///   - file: the lock's file, which nothing else uses.
  ///   - limit: seconds without a sign of life after which one that another machine holds is broken.
  /// - Throws: ``Held``, `FileError`.
  package init(_ file: OutputFile, staleAfter limit: Double) throws {
    guard let target = file.target else { throw FileError.notRegularFile(path: file.path) }
    path = file.path
    place = target.place
    try target.makeFolder(path)
    guard let (name, opened) = HiddenName.create(beside: place, mode: 0o666) else {
      throw FileError.system(operation: "create", path: path, errno: errno)
    }
    descriptor = opened
    do {
      try Self.write(holder, opened, path)
      while try !Self.take(name.path, place.path, opened, path) {
        guard let found = Self.found(at: place.path, now: Self.time(opened)) else { continue }
        guard found.isStale(after: limit) else { throw Held(path: path, found: found) }
        Self.clear(place, found)
      }
    } catch {
      close(opened)
      throw error
    }
    // Not before: a signal would take another's. One that comes in between leaves what the next tells
    // by the process.
    number = unsafe temporaries_add(place.path)
  }

  deinit { release() }

  /// Says that the holder is alive, and how far; writes at most every few seconds.
  package func beat(done: Int) {
    let now = ContinuousClock.now
    guard descriptor >= 0, now - beaten > Self.interval else { return }
    beaten = now
    holder.done = done
    holder.seconds = (now - clock) / .seconds(1)
    // If it fails the lock only looks older than it is.
    try? Self.write(holder, descriptor, path)
    _ = fsync(descriptor)
  }

  /// Gives the lock back.
  package func release() {
    guard descriptor >= 0 else { return }
    // Unless it was broken, and is another's now.
    if FileStatus(place.path)?.identity == FileStatus(descriptor: descriptor)?.identity {
      _ = unsafe unlink(place.path)
    }
    temporaries_forget(number)
    close(descriptor)
    descriptor = -1
  }

  /// The lock of this name, if there is one.
  package static func found(at path: String) -> Found? {
    found(at: path, now: Date().timeIntervalSince1970)
  }

  private static func found(at path: String, now: Double) -> Found? {
    guard let status = FileStatus(path), status.isRegular else { return nil }
    let seconds = Double(status.stamp.seconds) + Double(status.stamp.nanoseconds) * 1e-9
    let content = status.stamp.size <= size ? FileManager.default.contents(atPath: path) : nil
    return Found(
      holder: content.flatMap { try? JSONDecoder().decode(Holder.self, from: $0) },
      age: now - seconds)
  }

  /// Gives the file its name; false if the name is taken.
  private static func take(
    _ hidden: String, _ name: String, _ descriptor: Int32, _ path: String
  ) throws(FileError) -> Bool {
    if unsafe link(hidden, name) == 0 { return true }
    let code = errno
    // An answer of NFS that was lost: the link is there all the same.
    var status = stat()
    if unsafe fstat(descriptor, &status) == 0, status.st_nlink == 2 { return true }
    guard code == EEXIST else { throw .system(operation: "link", path: path, errno: code) }
    return false
  }

  /// Takes a stale lock away. Another may have done so before, and have made its own: that one is put
  /// back.
  private static func clear(_ place: ResolvedPath, _ stale: Found) {
    let name = HiddenName(beside: place)
    guard unsafe rename(place.path, name.path) == 0 else { return }
    let moved = found(at: name.path, now: 0)?.holder
    if moved != stale.holder { _ = unsafe link(name.path, place.path) }
  }

  /// When the file's disk says that it was written last.
  private static func time(_ descriptor: Int32) -> Double {
    guard let stamp = FileStatus(descriptor: descriptor)?.stamp else { return 0 }
    return Double(stamp.seconds) + Double(stamp.nanoseconds) * 1e-9
  }

  private static func write(
    _ holder: Holder, _ descriptor: Int32, _ path: String
  ) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var holder = holder
    holder.host = String(holder.host.prefix(100))
    var bytes = [UInt8]((try? encoder.encode(holder)) ?? Data())
    guard bytes.count < size else {
      throw .system(operation: "write", path: path, errno: ENAMETOOLONG)
    }
    bytes += [UInt8](repeating: 0x20, count: size - 1 - bytes.count) + [0x0a]
    let written = unsafe bytes.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, size, 0)
    }
    guard written == size else { throw .system(operation: "write", path: path, errno: errno) }
  }
}
