/// Whose random numbers a seed stands for: PyTorch's on a CPU, or on a GPU of a kind.
///
/// Written `cpu`, `cuda:h100` or, for any other card, `cuda:SMS×THREADS`.
public enum SeedDevice: Hashable, Sendable, Codable {
  /// PyTorch's generator on a CPU, the same on all of them.
  case cpu
  /// PyTorch's generator on a GPU.
  case cuda(CUDADevice)

  /// Reads the text of an option or a record; nil if it names no device.
  public init?(_ text: String) {
    if text == "cpu" {
      self = .cpu
    } else if text.hasPrefix("cuda:"),
      let device = CUDADevice(String(text.dropFirst("cuda:".count)))
    {
      self = .cuda(device)
    } else {
      return nil
    }
  }

  /// Reads a record.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let device = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no such device")
    }
    self = device
  }

  /// Writes the text, with the card's numbers in place of its name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension SeedDevice: CustomStringConvertible {
  /// `cpu`, or `cuda:` with the numbers that decide.
  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let device):
      "cuda:\(device.multiprocessors)x\(device.threadsPerMultiprocessor)"
    }
  }
}

/// What of a GPU decides its random numbers: how many threads fill it at once.
///
/// PyTorch hands the numbers of a tensor out to as many threads as the card runs at the same time, so that
/// tensors with more elements than that (221,184 on an A100) differ from card to card.
public struct CUDADevice: Hashable, Sendable {
  /// Streaming multiprocessors.
  public let multiprocessors: Int
  /// Threads that are resident on each, at most.
  public let threadsPerMultiprocessor: Int

  /// NVIDIA A100 (SXM and PCIe).
  public static let a100 = CUDADevice(108, 2048)
  /// NVIDIA H100 SXM and H200; the H100's PCIe card has 114 multiprocessors.
  public static let h100 = CUDADevice(132, 2048)
  /// NVIDIA L40S.
  public static let l40s = CUDADevice(142, 1536)
  /// NVIDIA GeForce RTX 4090.
  public static let rtx4090 = CUDADevice(128, 1536)
  /// NVIDIA T4.
  public static let t4 = CUDADevice(40, 1024)

  /// The cards with a name, by their makers' data sheets.
  package static let named = [
    ("a100", a100), ("h100", h100), ("h200", h100), ("l40s", l40s), ("rtx4090", rtx4090),
    ("t4", t4),
  ]
  /// Threads of a block in PyTorch's kernels for random numbers.
  static let blockSize = 256

  private init(_ multiprocessors: Int, _ threadsPerMultiprocessor: Int) {
    self.multiprocessors = multiprocessors
    self.threadsPerMultiprocessor = threadsPerMultiprocessor
  }

  /// A card by its numbers, as `torch.cuda.get_device_properties` gives them; nil unless there are 1 to
  /// 4,096 multiprocessors of 256 to 65,536 threads.
  public init?(multiprocessors: Int, threadsPerMultiprocessor: Int) {
    guard (1...4096).contains(multiprocessors),
      (Self.blockSize...65536).contains(threadsPerMultiprocessor)
    else { return nil }
    self.init(multiprocessors, threadsPerMultiprocessor)
  }

  /// Reads a name of the table, or numbers such as `108×2048` or `108x2048`.
  init?(_ text: String) {
    if let (_, device) = Self.named.first(where: { $0.0 == text }) {
      self = device
      return
    }
    let numbers = text.split(separator: /[x×]/, omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let processors = numbers[0], let threads = numbers[1] else {
      return nil
    }
    self.init(multiprocessors: processors, threadsPerMultiprocessor: threads)
  }

  /// Threads that a kernel for so many numbers runs with.
  func threads(for elements: Int) -> Int {
    let resident = multiprocessors * (threadsPerMultiprocessor / Self.blockSize)
    let blocks = (elements + Self.blockSize - 1) / Self.blockSize
    return Self.blockSize * max(1, min(resident, blocks))
  }
}
