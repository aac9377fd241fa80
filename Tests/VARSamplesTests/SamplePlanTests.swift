import ModelFixtures
import Testing
import VAR
import VARCompute
import VARCore
import VARModel
import VARSamples

@Suite struct SamplePlanTests {
  static func plan(
    _ classes: [Int] = Array(0..<60), perClass: Int = 10, seed: UInt64 = 3, shards: Int = 4
  ) throws -> SamplePlan {
    try SamplePlan(
      DemoModel.model(), classes: classes, perClass: perClass, seed: seed, seedDevice: .cpu,
      options: SamplingOptions(guidance: 3), mode: .f32, level: .best, shards: shards)
  }

  /// So that no split of the Inception Score lacks a class.
  @Test func allClassesAreInAnyWindow() throws {
    let labels = try Self.plan().labels(of: 0..<600)
    #expect(labels.count == 600)
    for start in 0...600 - 119 {
      #expect(Set(labels[start..<start + 119]).count == 60, "from \(start)")
    }
    #expect(Dictionary(grouping: labels, by: \.self).allSatisfy { $0.value.count == 10 })
    #expect(Array(labels[..<60]) != Array(labels[60..<120]))
    #expect(Array(labels[..<60]) != Array(0..<60))
  }

  /// Picture i depends on the plan and on i, not on who draws it.
  @Test func aPictureIsTheSameInEveryCut() throws {
    let whole = try Self.plan(shards: 1).labels(of: 0..<600)
    for shards in [1, 2, 7, 600] {
      let plan = try Self.plan(shards: shards)
      let ranges = (0..<shards).map { plan.range(of: $0) }
      #expect(ranges.flatMap { Array($0) } == Array(0..<600))
      #expect(ranges.flatMap { plan.labels(of: $0) } == whole)
    }
    let model = try DemoModel.model().configuration
    let plan = try Self.plan()
    let part = plan.generation(of: 150..<300, model)
    #expect(part.entries[7].seed == plan.firstSeed + 157)
    #expect(part.entries[7].label.id == whole[157])
  }

  /// A golden of the shuffle: a change would make every set another one.
  @Test func theOrderIsWhatItWas() throws {
    #expect(
      try Self.plan([0, 1, 2, 3, 4, 5, 6, 7], perClass: 2, seed: 0).labels(of: 0..<16)
        == Self.recorded)
  }

  /// By twelve lines of Python that follow docs/samples.md.
  private static let recorded = [1, 0, 6, 4, 3, 5, 2, 7, 7, 5, 3, 1, 4, 2, 0, 6]

  @Test func setsOfOtherSeedsShareNoRandomNumbers() throws {
    let starts = try (0..<50).map { try Self.plan(seed: $0).firstSeed }.sorted()
    for (first, second) in zip(starts, starts.dropFirst()) { #expect(second - first > 1_000_000) }
    #expect(starts.allSatisfy { $0 < 1 << 31 })
  }

  @Test func impossibleSetsAreRefused() throws {
    #expect(throws: SampleSetError.shards(601, limit: 600)) { try Self.plan(shards: 601) }
    #expect(throws: SampleSetError.shards(0, limit: 600)) { try Self.plan(shards: 0) }
    #expect(throws: SampleSetError.tooMany(pictures: 60_000_000)) {
      try Self.plan(perClass: 1_000_000)
    }
  }
}
