import ArgumentParser
import CommandSupport
import Foundation
import VARCompute
import VARCore
import VAREvaluation
import VARModel

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time a run phase by phase, beside what this machine can do at most.",
    discussion: """
      Classes 0, 1, … with the default sampling; nothing is written. The first round also counts \
      the start, from the beginning of the process to the first scale, and the peak memory.

      EXAMPLES:
        var-run bench
        var-run bench --model var-d16.varq --compute int8 --batch 4
        var-run bench --rounds 5 --json
      """)

  @Option(help: "Images that are generated together.")
  var batch = 1

  @Option(help: "How often the run is repeated; the fastest counts for each phase.")
  var rounds = 3

  @Option(help: "Strength of classifier-free guidance; 0 halves the work.")
  var cfg = 1.5

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws {
    guard (1...256).contains(batch) else { throw ValidationError("--batch must be 1 to 256.") }
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be 1 to 1000.") }
    guard cfg.isFinite else { throw ValidationError("--cfg must be a finite number.") }
  }

  func run() throws {
    let model = try model.open()
    let context = try self.model.context()
    let benchmark = try Benchmark(model, context, images: batch, guided: cfg != 0)
    let classes = model.configuration.transformer?.classes ?? 1
    let request = GenerationRequest(
      labels: (0..<batch).map { .id($0 % classes) }, options: options(model),
      random: .image((0..<batch).map { TorchGenerator(seed: UInt64($0)) }))
    var start: Double?
    let first = try benchmark.run(request) { start = ProcessFacts.secondsSinceStart }
    // Before the next rounds, which keep what `generate` lets go of.
    let peak = ProcessFacts.peakResidentBytes
    let runs = try [first] + (1..<rounds).map { _ in try benchmark.run(request) }
    let report = BenchReport(
      runs, start: start, peak: peak, batch: batch, context: context,
      ceilings: MachineCeilings(context))
    if json { try Console.print(json: report) } else { try Console.print(report.lines) }
  }

  private func options(_ model: Model) -> SamplingOptions {
    let vocabulary = model.configuration.transformer?.vocabulary ?? 900
    return SamplingOptions(guidance: cfg, topK: min(900, vocabulary))
  }
}
