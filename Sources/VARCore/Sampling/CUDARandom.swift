/// The random numbers of PyTorch's generator on a GPU (`aten/src/ATen/native/cuda/DistributionTemplates.h`).
///
/// A tensor of n numbers is filled by T threads. Thread t makes four words at a time, those of the Philox
/// counter (offset/4 + l, t) in its loop l, for the elements t + T·(4l + c), c = 0…3. So any element can be
/// had without those before it. The next tensor begins at offset + 4·⌈n/4T⌉.
package struct CUDARandom: Sendable {
  /// Elements of a tensor that PyTorch fills at once, 2 GiB of f32; a larger one is split.
  static let limit = 1 << 29

  private let key: SIMD2<UInt32>
  private let device: CUDADevice
  /// Counter of the next tensor: PyTorch's offset divided by 4.
  private var next: UInt64 = 0
  /// Counter, threads and elements taken of the tensor at hand.
  private var counter: UInt64 = 0
  private var threads = CUDADevice.blockSize
  private var position = 0

  /// Starts the generator, as `torch.Generator("cuda").manual_seed(seed)` does.
  package init(seed: UInt64, device: CUDADevice) {
    key = Self.halves(seed)
    self.device = device
  }

  /// Goes on to a new tensor of so many numbers.
  package mutating func beginTensor(_ elements: Int) {
    guard elements > 0 else { return }
    threads = device.threads(for: elements)
    counter = next
    position = 0
    next += UInt64((elements - 1) / (4 * threads) + 1)
  }

  /// Takes the next `count` elements of the tensor at hand.
  /// - Returns: the place of the first of them.
  mutating func take(_ count: Int) -> Int {
    defer { position += count }
    return position
  }

  /// The word of an element of the tensor at hand.
  package func word(_ element: Int) -> UInt32 {
    let (row, thread) = element.quotientAndRemainder(dividingBy: threads)
    return words(loop: row / 4, thread: thread)[row % 4]
  }

  /// The four words of a thread in one of its loops.
  package func words(loop: Int, thread: Int) -> SIMD4<UInt32> {
    let count = Self.halves(counter + UInt64(loop))
    let thread = Self.halves(UInt64(thread))
    return Philox.words(SIMD4(count[0], count[1], thread[0], thread[1]), key: key)
  }

  /// A number of (0, 1] as `curand_uniform` makes it, in f32.
  package static func uniform(_ word: UInt32) -> Float { Float(word) * 0x1p-32 + 0x1p-33 }

  /// An exponential draw −log u, where u is all but 1 half an ulp of 1.
  ///
  /// CUDA takes its fast logarithm, whose bits are nowhere specified: it errs by up to 2⁻²¹·⁴ near 1, so
  /// that a near-tie falls the other way now and then.
  package static func exponential(_ word: UInt32) -> Float {
    let uniform = uniform(word)
    let least = Float.ulpOfOne / 2
    return uniform >= 1 - least ? least : -logarithm(uniform)
  }

  private static func halves(_ value: UInt64) -> SIMD2<UInt32> {
    SIMD2(UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32))
  }
}

extension CUDARandom {
  /// Draws class labels as `torch.multinomial(uniform, count, replacement=True)` does on a GPU.
  ///
  /// One label is drawn by the exponential race; of several, each by a thread of its own, which inverts
  /// the cumulative distribution. CUDA sums that in f32, we don't: a word in ten thousand may fall into
  /// the class beside.
  package mutating func drawLabels(_ count: Int, classes: Int) -> [Int] {
    guard count > 0, classes > 0 else { return [] }
    if count == 1 {
      beginTensor(classes)
      return [RandomSource.winner((0..<classes).map { Self.exponential(word($0)) })]
    }
    beginTensor(1)
    return (0..<count).map { index in
      let uniform = Double(Self.uniform(words(loop: 0, thread: index)[0]))
      let label = (uniform * Double(classes)).rounded(.up)
      return min(max(Int(label) - 1, 0), classes - 1)
    }
  }
}
