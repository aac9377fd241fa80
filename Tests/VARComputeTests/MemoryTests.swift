import Foundation
import Testing
import VARCompute
import VARQuant

@Suite struct MemoryTests {
  /// Zeros are written, not hoped for: the system keeps pages that are locked.
  @Test func zeroWorksOnLockedPages() throws {
    let buffer = try FloatBuffer([Float](repeating: 1, count: 40_000))
    try buffer.withMutableSpan { span in
      try unsafe span.withUnsafeMutableBufferPointer { pages in
        let bytes = pages.count * MemoryLayout<Float>.stride
        try #require(unsafe mlock(pages.baseAddress, bytes) == 0, "mlock is refused here")
      }
    }
    buffer.zero()
    #expect(buffer.array().allSatisfy { $0 == 0 })
  }

  @Test(arguments: [1, 1024, 1025, 100_000])
  func buffersSayWhatTheyHold(count: Int) throws {
    let buffer = try FloatBuffer(count: count)
    #expect(buffer.bytes == FloatBuffer.bytes(count: count))
    #expect(buffer.bytes >= count * 4 && buffer.bytes < count * 4 + 65_536)
  }

  @Test(arguments: ComputeMode.allCases, [(1, 1), (3, 100), (1360, 1024), (50, 4096)])
  func activationsSayWhatTheyHold(mode: ComputeMode, shape: (rows: Int, columns: Int)) throws {
    for level in CPULevel.available {
      let compute = try Compute(mode: mode, level: level, threads: 1)
      let buffer = try compute.activations(rows: shape.rows, columns: shape.columns)
      let expected = Compute.activationBytes(
        rows: shape.rows, columns: shape.columns, mode: mode, level: level)
      #expect(buffer.bytes == expected, "\(level)")
      #expect(buffer.bytes >= shape.rows * shape.columns)
    }
  }

  @Test(arguments: [KVCache.Storage.f32, .f16], [16, 64, 70])
  func cachesSayWhatTheyHold(storage: KVCache.Storage, width: Int) throws {
    let cache = try KVCache(images: 2, heads: 3, tokens: 680, headWidth: width, storage: storage)
    let expected = KVCache.bytes(
      images: 2, heads: 3, tokens: 680, headWidth: width, storage: storage)
    #expect(cache.bytes == expected)
    #expect(cache.bytes >= 2 * 2 * 3 * 680 * width * (storage == .f32 ? 4 : 2))
  }

  /// Workspace and scratch of a convolution, by every form and with a norm in front.
  @Test(arguments: [Convolution.Form.same, .down, .up], [Convolution.Algorithm.direct, .winograd])
  func convolutionsSayWhatTheyTake(
    form: Convolution.Form, algorithm: Convolution.Algorithm
  ) throws {
    for (side, channels) in [(8, 32), (40, 96)] {
      let weight = try WeightFixture(.q8, rows: channels, columns: 9 * channels, seed: 1)
      let convolution = Convolution(
        weight: weight.matrix, bias: nil, form: form, algorithm: algorithm)
      for withNorm in [false, true] {
        let compute = try Compute(mode: .f32, threads: 2)
        let workspace = Workspace()
        try convolve(convolution, side, withNorm, compute, workspace)
        #expect(
          workspace.bytes
            == Compute.workspaceBytes(
              for: convolution, height: side, width: side, withNorm: withNorm, threads: 2))
        let scratch = Compute.scratchBytes(
          for: convolution, height: side, width: side, threads: 2)
        #expect(compute.pool.bytes == max(scratch, Compute.scratchBytes(threads: 2)))
      }
    }
  }

  private func convolve(
    _ convolution: Convolution, _ side: Int, _ withNorm: Bool, _ compute: Compute,
    _ workspace: Workspace
  ) throws {
    let channels = convolution.inputChannels
    let output = convolution.outputSide(side)
    let ones = FloatVector([Float](repeating: 1, count: channels))
    try compute.convolve(
      convolution, map(side, channels), norm: withNorm ? GroupNorm(gamma: ones, beta: ones) : nil,
      into: map(output, channels), workspace: workspace)
  }

  private func map(_ side: Int, _ channels: Int) throws -> FeatureMap {
    let buffer = try FloatBuffer(count: side * side * channels)
    return FeatureMap(buffer, images: 1, height: side, width: side, channels: channels)
  }

  @Test func normsSayWhatTheyTake() throws {
    let compute = try Compute(mode: .f32, threads: 1)
    let workspace = Workspace()
    let ones = FloatVector([Float](repeating: 1, count: 96))
    let x = try map(50, 96)
    try compute.groupNorm(
      x, GroupNorm(gamma: ones, beta: ones), silu: false, into: x, workspace: workspace)
    #expect(workspace.bytes == Compute.workspaceBytes(normOf: 96, height: 50, width: 50))
  }

  @Test func attentionSaysWhatItTakes() throws {
    let compute = try Compute(mode: .f32, threads: 3)
    let keys = 6_000
    let cache = try KVCache(images: 1, heads: 1, tokens: keys, headWidth: 64, storage: .f16)
    let row = try FloatBuffer(count: 64).matrix(rows: 1, columns: 64)
    try compute.attention(row, over: cache, keys: keys, into: row)
    let expected = Compute.scratchBytes(attentionOver: keys, headWidth: 64, threads: 3)
    #expect(expected > Compute.scratchBytes(threads: 3))
    #expect(compute.pool.bytes == expected)
  }

  /// What cannot be had is an error, not the end of the process.
  @Test func missingScratchThrows() throws {
    let compute = try Compute(mode: .f32, threads: 2)
    #expect(throws: ComputeError.outOfMemory(bytes: .max)) {
      try compute.pool.reserve(scratch: .max)
    }
    #expect(throws: ComputeError.outOfMemory(bytes: 1 << 51)) {
      try compute.pool.reserve(scratch: 1 << 50)
    }
    try runLinear(compute)  // the refused request harmed nothing
    compute.pool.limitScratch(to: 1000)
    #expect(throws: ComputeError.outOfMemory(bytes: Compute.scratchBytes(threads: 2))) {
      try runLinear(compute)
    }
    let cache = try KVCache(images: 1, heads: 1, tokens: 64, headWidth: 64, storage: .f32)
    let row = try FloatBuffer(count: 64).matrix(rows: 1, columns: 64)
    #expect(throws: ComputeError.self) {
      try compute.attention(row, over: cache, keys: 64, into: row)
    }
    let weight = try WeightFixture(.q8, rows: 32, columns: 9 * 32, seed: 1)
    #expect(throws: ComputeError.self) {
      try convolve(
        Convolution(weight: weight.matrix, bias: nil), 8, true, compute, Workspace())
    }
  }

  /// The same from within a task, where a region takes its memory anew.
  @Test func missingScratchThrowsWithinTasks() throws {
    let compute = try Compute(mode: .f32, threads: 2)
    compute.pool.parallel(2) { _ in #expect(throws: Never.self) { try runLinear(compute) } }
    compute.pool.limitScratch(to: 1000)
    compute.pool.parallel(2) { _ in
      #expect(throws: ComputeError.self) { try runLinear(compute) }
    }
  }

  private func runLinear(_ compute: Compute) throws {
    let weight = try WeightFixture(.f32, rows: 4, columns: 32, seed: 1)
    let input = try compute.activations(rows: 1, columns: 32)
    try compute.prepare(try FloatBuffer(count: 32).matrix(rows: 1, columns: 32), into: input)
    try compute.linear(
      input, weight.matrix, into: try FloatBuffer(count: 4).matrix(rows: 1, columns: 4))
  }

  /// More threads than a table of one slot each once held.
  @Test func ceilingsOfManyThreads() throws {
    let ceilings = MachineCeilings(try Compute(mode: .f32, threads: 80))
    #expect(ceilings.read > 0)
    #expect(ceilings.f32 > 0 || CPULevel.best == .scalar)
  }
}
