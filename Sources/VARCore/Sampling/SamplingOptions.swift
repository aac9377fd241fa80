package import VARModel

/// How tokens are drawn from logits.
package struct SamplingOptions: Equatable, Sendable {
  /// Strength of classifier-free guidance, `cfg`; it grows linearly from 0 at the first scale.
  package var guidance: Double
  /// Only this many of the largest logits stay, ties with the smallest of them included; 0 = all.
  package var topK: Int
  /// The most probable tokens whose probability sums to this stay; 0 = all.
  package var topP: Double
  /// Whether the next scale sees a Gumbel softmax over the codebook in place of the drawn token's
  /// row (`more_smooth`: for pleasant pictures, not for measurements).
  package var smooth: Bool

  /// The official defaults, unless told otherwise.
  package init(
    guidance: Double = 1.5, topK: Int = 900, topP: Double = 0.96, smooth: Bool = false
  ) {
    self.guidance = guidance
    self.topK = topK
    self.topP = topP
    self.smooth = smooth
  }

  /// The guidance of a model where none is asked for: its own default, else the official one.
  package static func guidance(of configuration: ModelConfiguration) -> Double {
    configuration.guidance ?? Self().guidance
  }

  /// The position r = k/(K−1) of scale k among K scales; 0 when there is just one.
  package static func position(of scale: Int, among scales: Int) -> Double {
    scales > 1 ? Double(scale) / Double(scales - 1) : 0
  }

  /// The guidance weight t = cfg·r at scale k of K; where it is 0, unconditional logits aren't needed.
  package func guidanceWeight(scale: Int, of scales: Int) -> Double {
    guidance * Self.position(of: scale, among: scales)
  }

  /// The temperature of smooth mode at position r, max(0.27·(1 − 0.95·r), 0.005).
  package static func smoothTemperature(at position: Double) -> Double {
    max(0.27 * (1 - position * 0.95), 0.005)
  }
}

/// Why tokens can't be drawn.
package enum SamplingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A logit is infinite or not a number, in this row.
  case nonFinite(row: Int)
  /// A buffer has the wrong number of elements.
  case size(buffer: String, expected: Int, actual: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .nonFinite(let row):
      "the logits of position \(row) are not finite: the model's weights are damaged, "
        + "or its numbers overflow in this compute mode"
    case .size(let buffer, let expected, let actual):
      "the sampler's \(buffer) has \(actual) elements, \(expected) were expected"
    }
  }
}
