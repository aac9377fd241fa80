import ModelFixtures
import Synchronization
import Testing
import VARCompute
import VARCore
import VARModel

/// A picture depends on its label and seed alone: not on its batch, threads or instruction set.
@Suite struct IndependenceTests {
  private static let labels: [ClassLabel] = [.id(3), .unconditional, .id(0), .id(3)]

  private func generate(
    _ range: Range<Int>, _ compute: Compute, smooth: Bool = false
  ) throws -> [GeneratedImage] {
    let generator = try Generator(
      FixtureModels.model("per-block"), compute, images: range.count, guided: true)
    let random = RandomStreams.image(range.map { TorchGenerator(seed: UInt64(40 + $0)) })
    return try generator.generate(
      GenerationRequest(
        labels: Array(Self.labels[range]),
        options: SamplingOptions(guidance: 2, topK: 40, topP: 0.95, smooth: smooth),
        random: random))
  }

  @Test(arguments: [false, true])
  func batch(smooth: Bool) throws {
    let compute = try Compute(mode: .f32)
    let together = try generate(0..<4, compute, smooth: smooth)
    for image in 0..<4 {
      let alone = try generate(image..<image + 1, compute, smooth: smooth)
      #expect(alone[0].drawn == together[image].drawn)
      #expect(alone[0].features.values == together[image].features.values)
    }
    #expect(together[0].drawn != together[3].drawn)
  }

  @Test(arguments: ComputeMode.allCases)
  func threads(_ mode: ComputeMode) throws {
    let one = try generate(0..<2, Compute(mode: mode, threads: 1))
    let three = try generate(0..<2, Compute(mode: mode, threads: 3))
    #expect(one.map(\.features.values) == three.map(\.features.values))
  }

  @Test func instructionSets() throws {
    let reference = try generate(0..<1, Compute(mode: .f32, level: .scalar))
    for level in CPULevel.available {
      let images = try generate(0..<1, Compute(mode: .f32, level: level))
      #expect(images[0].drawn == reference[0].drawn, "\(level.rawValue)")
    }
  }

  /// A second run starts from nothing: no state of the first is left in cache or buffers.
  @Test func repetition() throws {
    let model = try FixtureModels.model("shared")
    let generator = try Generator(model, Compute(mode: .f32), images: 1, guided: true)
    func request(_ seed: UInt64) -> GenerationRequest {
      GenerationRequest(
        labels: [.id(1)], options: SamplingOptions(), random: .batch(TorchGenerator(seed: seed)))
    }
    let first = try generator.generate(request(1))[0].features.values
    _ = try generator.generate(request(2))
    model.releaseTransformer()
    #expect(try generator.generate(request(1))[0].features.values == first)
  }

  /// The scales are reported in order, and the last report is the result.
  @Test func progress() throws {
    let model = try FixtureModels.model("plain")
    let generator = try Generator(model, Compute(mode: .f32), images: 2, guided: false)
    var seen: [Int] = []
    var last: [Float] = []
    let images = try generator.generate(
      GenerationRequest(
        labels: [.id(0), .id(1)], options: SamplingOptions(guidance: 0),
        random: .batch(TorchGenerator(seed: 1)))
    ) { event in
      guard case .scale(let event) = event else { return }
      seen.append(event.scale)
      last = event.features(image: 1).values
      #expect(event.scales == 3)
    }
    #expect(seen == [0, 1, 2])
    #expect(last == images[1].features.values)
  }

  /// A run that is cancelled ends at the next operation, within a scale.
  @Test func cancellation() throws {
    let model = try FixtureModels.model("plain")
    let cancelled = Mutex(false)
    let generator = try Generator(
      model, Compute(mode: .f32), images: 1, guided: false,
      monitor: RunMonitor { cancelled.withLock { $0 } })
    var blocks = 0
    #expect(throws: CancellationError.self) {
      try generator.generate(
        GenerationRequest(
          labels: [.id(0)], options: SamplingOptions(guidance: 0),
          random: .batch(TorchGenerator(seed: 1)))
      ) { event in
        guard case .block = event else { return }
        blocks += 1
        cancelled.withLock { $0 = true }
      }
    }
    #expect(blocks == 1)
  }
}
