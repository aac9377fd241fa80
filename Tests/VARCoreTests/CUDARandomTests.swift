import Foundation
import Testing
import VARCore

/// Published numbers: Random123's test vectors, and what PyTorch printed on GPUs.
@Suite struct CUDARandomTests {
  /// `kat_vectors` of Random123.
  @Test func philoxIsRandom123s() {
    #expect(
      Philox.words(SIMD4(0, 0, 0, 0), key: SIMD2(0, 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = UInt32.max
    #expect(
      Philox.words(SIMD4(ones, ones, ones, ones), key: SIMD2(ones, ones))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.words(
        SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  /// `torch.rand(4, device="cuda")` with seed 0, to the four digits that PyTorch prints.
  @Test func uniformNumbersAreTorchs() {
    var random = CUDARandom(seed: 0, device: .a100)
    random.beginTensor(4)
    let printed = (0..<4).map { String(format: "%.4f", CUDARandom.uniform(random.word($0))) }
    #expect(printed == ["0.3990", "0.5167", "0.0249", "0.9401"])
  }

  /// −log u, but never 0: where u rounds to 1 or to its neighbour, half an ulp of 1 (PyTorch issue 16706).
  @Test func exponentialNumbersAreNeverZero() {
    let least: Float = 0x1p-24
    for word in [UInt32.max, 0xffff_ff80, 0xffff_ff00, 0xffff_fe81] {
      #expect(CUDARandom.exponential(word) == least, "\(word)")
    }
    #expect(CUDARandom.exponential(0xffff_fe00) > least)
    #expect(abs(CUDARandom.exponential(0) - Float(33 * log(2.0))) < 1e-5)
    #expect(abs(CUDARandom.exponential(1 << 31) - Float(log(2.0))) < 1e-6)
  }

  /// The end of `torch.randn(9483264, device="cuda")` with seed 1, which depends on the card (PyTorch
  /// issue 143086); curand makes normal numbers of two words each by Box and Muller.
  @Test(arguments: [
    (CUDADevice.h100, ["-0.6970", "-0.7780", "0.3267"]),
    (CUDADevice.a100, ["0.1549", "-0.6797", "-0.1656"]),
  ])
  func elementsGoToThreadsAsOnTheCard(device: CUDADevice, tail: [String]) {
    let count = 9_483_264
    let threads = device.multiprocessors * device.threadsPerMultiprocessor
    var random = CUDARandom(seed: 1, device: device)
    random.beginTensor(count)
    let normal = (count - 3..<count).map { element in
      let (row, thread) = element.quotientAndRemainder(dividingBy: threads)
      let words = random.words(loop: row / 4, thread: thread)
      let pair = row % 4 / 2 * 2
      #expect(random.word(element) == words[row % 4])
      let radius = (-2 * log(Double(CUDARandom.uniform(words[pair])))).squareRoot()
      let angle = 2 * Double.pi * Double(CUDARandom.uniform(words[pair + 1]))
      return radius * (row % 2 == 0 ? sin(angle) : cos(angle))
    }
    #expect(normal.map { String(format: "%.4f", $0) } == tail)
  }

  /// A tensor draws the same numbers in whatever pieces they are taken, and the next one others.
  @Test func piecesMakeATensor() throws {
    let device = try #require(CUDADevice(multiprocessors: 1, threadsPerMultiprocessor: 512))
    var whole = TorchGenerator(seed: 1 << 40 + 3, on: .cuda(device))
    var pieces = whole
    whole.beginTensor(5000)
    pieces.beginTensor(5000)
    let first = whole.exponentials(5000)
    #expect([1, 4000, 999].flatMap { pieces.exponentials($0) } == first)
    whole.beginTensor(8)
    pieces.beginTensor(8)
    let second = whole.exponentials(8)
    #expect(pieces.exponentials(8) == second)
    #expect(second != Array(first.prefix(8)))
    // 512 threads make 2048 numbers a loop: three loops lie before the second tensor.
    var random = CUDARandom(seed: 1 << 40 + 3, device: device)
    random.beginTensor(1)
    let expected = (0..<8).map {
      -log(Double(CUDARandom.uniform(random.words(loop: 3, thread: $0)[0])))
    }
    #expect(zip(second, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 })
    // Every bit of the seed counts, unlike on a CPU.
    var other = TorchGenerator(seed: 3, on: .cuda(device))
    other.beginTensor(5000)
    #expect(other.exponentials(5000) != first)
  }

  @Test func devicesAreRead() throws {
    #expect(SeedDevice("cpu") == .cpu)
    #expect(SeedDevice("cuda:a100") == .cuda(.a100))
    #expect(SeedDevice("cuda:t4") == .cuda(.t4))
    #expect(SeedDevice("cuda:132x2048") == .cuda(.h100))
    #expect(SeedDevice("cuda:142×1536") == .cuda(.l40s))
    for text in [
      "", "cuda", "gpu", "cuda:", "cuda:b9", "cuda:1x", "cuda:1x2x3", "cuda:0x2048", "cuda:-1x512",
      "cuda:1x255", "cuda:4097x256", "CUDA:a100", "cuda:99999999999999999999x256",
    ] {
      #expect(SeedDevice(text) == nil, "\(text)")
    }
    let record = try JSONEncoder().encode([SeedDevice.cpu, .cuda(.rtx4090)])
    #expect(String(decoding: record, as: UTF8.self) == #"["cpu","cuda:128x1536"]"#)
    #expect(
      try JSONDecoder().decode([SeedDevice].self, from: record) == [.cpu, .cuda(.rtx4090)])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([SeedDevice].self, from: Data(#"["cuda:none"]"#.utf8))
    }
  }

  @Test func aBatchThatPyTorchWouldSplitIsRefused() throws {
    let streams = RandomStreams.batch(TorchGenerator(seed: 1, on: .cuda(.h100)))
    try streams.validate(images: 512, elements: 1 << 20)
    #expect(throws: ModelError.batchOnDevice(images: 513, limit: 512)) {
      try streams.validate(images: 513, elements: 1 << 20)
    }
    try RandomStreams.batch(TorchGenerator(seed: 1)).validate(images: 513, elements: 1 << 20)
  }
}
