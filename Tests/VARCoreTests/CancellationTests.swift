import ModelFixtures
import Synchronization
import Testing
import VARCompute
import VARCore
import VARModel

/// Counts how often a run asks whether it was cancelled, and says so from some moment on.
private final class Moments: Sendable {
  private let state = Mutex((passed: 0, last: Int.max))

  var passed: Int { state.withLock { $0.passed } }

  func begin(lasting last: Int) { state.withLock { $0 = (0, last) } }

  func next() -> Bool {
    state.withLock {
      $0.passed += 1
      return $0.passed > $0.last
    }
  }
}

/// A run ends at whatever moment it is cancelled, and leaves nothing behind that shows.
@Suite struct CancellationTests {
  private func request(smooth: Bool) -> GenerationRequest {
    GenerationRequest(
      labels: [.id(1), .id(2)],
      options: SamplingOptions(guidance: 2, topK: 0, topP: 0.9, smooth: smooth),
      random: .image([TorchGenerator(seed: 1), TorchGenerator(seed: 2)]))
  }

  @Test(arguments: [false, true])
  func everyMomentEndsARun(smooth: Bool) throws {
    let model = try FixtureModels.model("per-block")
    let moments = Moments()
    let monitor = RunMonitor { moments.next() }
    let generator = try Generator(
      model, Compute(mode: .f32), images: 2, guided: true, monitor: monitor)
    let whole = try generator.generate(request(smooth: smooth)).map(\.drawn)
    let total = moments.passed
    // Before every operation, and before each picture's share of the sampling.
    let shape = try #require(model.configuration.transformer)
    #expect(total >= shape.patchNumbers.count * (5 * shape.depth + (smooth ? 7 : 5)))
    for last in 0..<total {
      moments.begin(lasting: last)
      #expect(throws: CancellationError.self) {
        try generator.generate(request(smooth: smooth))
      }
      #expect(moments.passed == last + 1)
    }
    moments.begin(lasting: .max)
    #expect(try generator.generate(request(smooth: smooth)).map(\.drawn) == whole)
  }
}
