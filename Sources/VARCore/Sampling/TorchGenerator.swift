/// A generator of PyTorch's: on a CPU one stream of words, on a GPU one of tensors.
package enum TorchGenerator: Sendable {
  /// On a CPU.
  case cpu(RandomSource)
  /// On a GPU.
  case cuda(CUDARandom)

  /// Starts a generator, as `manual_seed` does.
  package init(seed: UInt64, on device: SeedDevice = .cpu) {
    switch device {
    case .cpu: self = .cpu(RandomSource(seed: seed))
    case .cuda(let device): self = .cuda(CUDARandom(seed: seed, device: device))
    }
  }

  /// Goes on to a new tensor of so many numbers; on a CPU that makes no difference to them.
  package mutating func beginTensor(_ elements: Int) {
    guard case .cuda(var source) = self else { return }
    source.beginTensor(elements)
    self = .cuda(source)
  }

  /// Draws class labels as the official code does where it is given none.
  package mutating func drawLabels(_ count: Int, classes: Int) -> [Int] {
    switch self {
    case .cpu(var source):
      defer { self = .cpu(source) }
      return source.drawLabels(count, classes: classes)
    case .cuda(var source):
      defer { self = .cuda(source) }
      return source.drawLabels(count, classes: classes)
    }
  }

  /// The next exponential draws of the tensor at hand.
  package mutating func exponentials(_ count: Int) -> [Float] {
    var words = [UInt32](repeating: 0, count: 2 * count)
    return unsafe words.withUnsafeMutableBufferPointer { words in
      let draws = unsafe draws(count, in: words)
      return (0..<count).map { draws[$0] }
    }
  }

  /// The next exponential draws of the tensor at hand, each made when it is asked for.
  /// - Parameter words: room for two words each, which must outlive the draws.
  mutating func draws(
    _ count: Int, in words: UnsafeMutableBufferPointer<UInt32>
  ) -> ExponentialDraws {
    switch self {
    case .cpu(var source):
      let used = unsafe UnsafeMutableBufferPointer(rebasing: words[..<(2 * count)])
      unsafe source.fill(used)
      self = .cpu(source)
      return unsafe .words(UnsafeBufferPointer(used))
    case .cuda(var source):
      let first = source.take(count)
      self = .cuda(source)
      return unsafe .cuda(source, first: first)
    }
  }
}

/// Exponential draws with mean 1.
///
/// Sendable because nothing writes the words while there are draws of them.
@safe enum ExponentialDraws: @unchecked Sendable {
  /// Of two words each.
  case words(UnsafeBufferPointer<UInt32>)
  /// Elements of a tensor on a GPU.
  case cuda(CUDARandom, first: Int)

  subscript(index: Int) -> Float {
    switch self {
    case .words(let words):
      unsafe RandomSource.exponential(words[2 * index], words[2 * index + 1])
    case .cuda(let source, let first):
      CUDARandom.exponential(source.word(first + index))
    }
  }
}
