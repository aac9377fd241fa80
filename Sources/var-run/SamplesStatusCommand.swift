import ArgumentParser
import CommandSupport
import TensorBytes
import VARSamples

struct SamplesStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show what of a set is done, running and missing.")

  @Argument(
    help: ArgumentHelp("The folder of the set.", valueName: "folder"), completion: .directory)
  var folder: String

  @Option(
    help: ArgumentHelp(
      "Seconds without a sign of life after which a process on another machine is given up.",
      valueName: "seconds"))
  var staleAfter = Int(SampleMaker.staleAfter)

  @Flag(help: "Print the figures as JSON.")
  var json = false

  func run() throws {
    let status = try SampleStatus(SampleFolder(folder), staleAfter: Double(staleAfter))
    if json { return try Console.print(json: SampleStatusReport(status)) }
    try Console.print(lines(status))
  }

  private func lines(_ status: SampleStatus) -> [String] {
    let plan = status.plan
    var lines = [
      "\(status.pictures) of \(plan.count) pictures; \(status.done.count) of \(plan.shards) shards "
        + "done, \(status.running.count) running, \(status.missing.count) missing"
    ]
    var table = TextTable(["shard", "pictures", "host", "process", "seen"])
    for (state, shards) in [("", status.running), (", gone", status.stale)] {
      for running in shards {
        let holder = running.lock.holder
        table.add([
          "\(running.shard)", "\(holder?.done ?? 0) of \(running.count)", holder?.host ?? "?",
          (holder.map { "\($0.process)" } ?? "?") + state,
          Format.duration(max(0, running.lock.age)) + " ago",
        ])
      }
    }
    if !(status.running + status.stale).isEmpty { lines.append(table.text) }
    if let rate = status.rate {
      lines.append(
        "\(Format.fixed(rate, 2)) pictures a second"
          + (status.secondsLeft.map { ", \(Format.duration($0)) left" } ?? ""))
    }
    return lines
  }
}

/// The figures of `samples status --json`.
private struct SampleStatusReport: Encodable {
  let pictures: Int
  let picturesDone: Int
  let shards: Int
  let done: [Int]
  let missing: [Int]
  let running: [Shard]
  let gone: [Shard]
  let picturesPerSecond: Double?
  let secondsLeft: Double?

  struct Shard: Encodable {
    let shard: Int
    let pictures: Int
    let picturesDone: Int
    let host: String?
    let process: Int32?
    let secondsSinceSeen: Double

    init(_ running: SampleStatus.Running) {
      shard = running.shard
      pictures = running.count
      picturesDone = running.lock.holder?.done ?? 0
      host = running.lock.holder?.host
      process = running.lock.holder?.process
      secondsSinceSeen = running.lock.age
    }
  }

  init(_ status: SampleStatus) {
    pictures = status.plan.count
    picturesDone = status.pictures
    shards = status.plan.shards
    done = status.done
    missing = status.missing
    running = status.running.map(Shard.init)
    gone = status.stale.map(Shard.init)
    picturesPerSecond = status.rate
    secondsLeft = status.secondsLeft
  }
}
