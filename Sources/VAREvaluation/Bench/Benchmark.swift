package import VARCompute
package import VARCore

/// How long a phase of a run took, and what it had to do.
package struct PhaseTiming: Sendable {
  /// `adaLN`, `scale 0` …, `decoder`.
  package let name: String
  /// Seconds by the wall clock.
  package let seconds: Double
  /// What had to be computed and read.
  package let workload: Workload
}

/// One round of a ``Benchmark``.
package struct BenchmarkRound: Sendable {
  /// `adaLN`, the scales, `decoder`.
  package let phases: [PhaseTiming]
  /// Seconds of all scales by operation, as in `Operation.allCases`.
  package let operations: [Double]
}

/// Times one batch phase by phase.
package final class Benchmark {
  private let model: Model
  private let compute: Compute
  private let codec: ImageCodec
  private let images: Int
  private let guided: Bool
  private var generator: Generator?
  private var isFirst = true

  /// Allocates for batches of `images`.
  /// - Throws: as ``Generator`` and ``ImageCodec`` do.
  package init(_ model: Model, _ compute: Compute, images: Int, guided: Bool) throws {
    self.model = model
    self.compute = compute
    self.images = images
    self.guided = guided
    generator = try Generator(model, compute, images: images, guided: guided)
    codec = try ImageCodec(model, compute)
  }

  /// Generates and decodes one batch.
  ///
  /// The transformer's pages are released before the decoder runs, as in `generate`; after the first
  /// round its buffers, too, so that this round has the peak memory of `generate`.
  /// - Parameter onStart: called before the first scale.
  package func run(
    _ request: GenerationRequest, onStart: () -> Void = {}
  ) throws -> BenchmarkRound {
    var lap = Lap()
    var phases: [PhaseTiming] = []
    let (pictures, operations) = try draw(request, &lap, &phases, onStart)
    model.releaseTransformer()
    if isFirst { generator = nil }
    isFirst = false
    for picture in pictures { _ = try codec.decode(picture.features) }
    phases.append(
      PhaseTiming(
        name: "decoder", seconds: lap.end(), workload: model.decoderWorkload(images: images)))
    return BenchmarkRound(phases: phases, operations: operations)
  }

  private func draw(
    _ request: GenerationRequest, _ lap: inout Lap, _ phases: inout [PhaseTiming],
    _ onStart: () -> Void
  ) throws -> (pictures: [GeneratedImage], operations: [Double]) {
    let generator =
      try self.generator ?? Generator(model, compute, images: images, guided: guided)
    self.generator = generator
    let sequences = guided ? 2 * images : images
    generator.loop.monitor.reset()
    let pictures = try generator.generate(request) { event in
      switch event {
      case .began:
        phases.append(
          PhaseTiming(
            name: "adaLN", seconds: lap.end(),
            workload: model.adaLNWorkload(sequences: sequences)))
        onStart()
      case .scale(let event):
        let guided = request.options.guidanceWeight(scale: event.scale, of: event.scales) != 0
        phases.append(
          PhaseTiming(
            name: "scale \(event.scale)", seconds: lap.end(),
            workload: model.workload(scale: event.scale, sequences: sequences, guided: guided)))
      case .input, .block: break
      }
    }
    return (pictures, generator.loop.monitor.seconds)
  }
}

/// Seconds from one phase's end to the next.
private struct Lap {
  private let clock = ContinuousClock()
  private var last = ContinuousClock.now

  mutating func end() -> Double {
    let now = clock.now
    defer { last = now }
    return (now - last) / .seconds(1)
  }
}
