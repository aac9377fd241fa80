import CommandSupport
import VARCompute
import VARCore
import VAREvaluation

/// The figures of `bench`, as JSON and as a table.
struct BenchReport: Encodable {
  /// One phase, the fastest of all rounds.
  struct Phase: Encodable {
    let name: String
    let seconds: Double
    let gflopPerSecond: Double
    /// Weights read, once each.
    let gbPerSecond: Double
    /// The larger of both figures' shares in the ceilings: how near the phase is to a limit.
    let share: Double
  }

  /// One operation of the transformer over all scales, the median of all rounds.
  struct OperationTime: Encodable {
    let name: String
    let seconds: Double
    /// Of the transformer's time.
    let share: Double
  }

  struct Ceilings: Encodable {
    let f32Gflops: Double
    let bf16Gflops: Double
    let int8Gops: Double
    let readGbPerSecond: Double
  }

  let batch: Int
  let compute: String
  let cpuLevel: String
  let threads: Int
  let rounds: Int
  /// From the process' start to the first scale.
  let startSeconds: Double?
  /// Medians over the rounds.
  let transformerSeconds: Double
  let decoderSeconds: Double
  let totalSeconds: Double
  let peakRssBytes: Int
  let phases: [Phase]
  let operations: [OperationTime]
  let ceilings: Ceilings

  init(
    _ rounds: [BenchmarkRound], start: Double?, peak: Int, batch: Int, context: Compute,
    ceilings: MachineCeilings
  ) {
    self.batch = batch
    compute = context.mode.rawValue
    cpuLevel = context.level.rawValue
    threads = context.pool.threads
    self.rounds = rounds.count
    let runs = rounds.map(\.phases)
    startSeconds = start
    peakRssBytes = peak
    decoderSeconds = Self.median(runs.map { $0.last?.seconds ?? 0 })
    transformerSeconds = Self.median(runs.map { $0.dropLast().reduce(0) { $0 + $1.seconds } })
    totalSeconds = Self.median(runs.map { $0.reduce(0) { $0 + $1.seconds } })
    let arithmetic = ceilings.arithmetic(of: context.mode)
    phases = (runs.first ?? []).indices.map { index in
      let fastest = runs.map { $0[index] }.min { $0.seconds < $1.seconds } ?? runs[0][index]
      // The decoder computes in f32 in every mode.
      let ceiling = fastest.name == "decoder" ? ceilings.f32 : arithmetic
      return Self.phase(fastest, arithmetic: ceiling, read: ceilings.read)
    }
    let transformer = transformerSeconds
    operations = Operation.allCases.map { operation in
      let seconds = Self.median(rounds.map { $0.operations[operation.rawValue] })
      return OperationTime(
        name: operation.title, seconds: seconds, share: transformer > 0 ? seconds / transformer : 0)
    }
    self.ceilings = Ceilings(
      f32Gflops: ceilings.f32, bf16Gflops: ceilings.bf16, int8Gops: ceilings.int8,
      readGbPerSecond: ceilings.read)
  }

  private static func phase(_ timing: PhaseTiming, arithmetic: Double, read: Double) -> Phase {
    let gflops = timing.workload.operations / timing.seconds * 1e-9
    let gigabytes = timing.workload.weightBytes / timing.seconds * 1e-9
    return Phase(
      name: timing.name, seconds: timing.seconds, gflopPerSecond: gflops, gbPerSecond: gigabytes,
      share: max(
        arithmetic > 0 ? gflops / arithmetic : 0, read > 0 ? gigabytes / read : 0))
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// The report as lines of text.
  var lines: [String] {
    [
      "\(Format.count(batch, "image")), compute \(compute), level \(cpuLevel), "
        + "\(Format.count(threads, "thread")), \(Format.count(rounds, "round"))",
      "ceilings: f32 \(whole(ceilings.f32Gflops)) GFLOP/s, bf16 \(whole(ceilings.bf16Gflops)), "
        + "int8 \(whole(ceilings.int8Gops)), read \(Format.fixed(ceilings.readGbPerSecond, 1)) GB/s",
      "",
      Self.row("phase", "ms", "GFLOP/s", "GB/s", "share"),
    ]
      + phases.map { phase in
        Self.row(
          phase.name, Format.fixed(phase.seconds * 1000, 1), whole(phase.gflopPerSecond),
          Format.fixed(phase.gbPerSecond, 1), whole(phase.share * 100) + " %")
      }
      + ["", Self.row("operation", "ms", "share")]
      + operations.map { operation in
        Self.row(
          operation.name, Format.fixed(operation.seconds * 1000, 1),
          whole(operation.share * 100) + " %")
      } + [
        "",
        "transformer \(Format.duration(transformerSeconds)), decoder "
          + "\(Format.duration(decoderSeconds)), total \(Format.duration(totalSeconds)) (medians)",
        "start to first scale \(startSeconds.map(Format.duration) ?? "unknown"), "
          + "peak memory \(Format.bytes(peakRssBytes))",
      ]
  }

  private func whole(_ value: Double) -> String { Format.fixed(value, 0) }

  private static func row(_ name: String, _ cells: String...) -> String {
    let columns = cells.map { String(repeating: " ", count: max(0, 9 - $0.count)) + $0 }
    return name + String(repeating: " ", count: max(0, 20 - name.count)) + columns.joined()
  }
}
