package import VARCompute
package import VARCore
import VARModel
import VARQuant

/// How much memory a run takes, from the shapes alone.
///
/// Weights are mapped from the file: they count while they are in use, and the system may take them
/// back at the price of reading them again. Working memory can't be taken back.
package struct MemoryEstimate: Equatable, Sendable {
  /// Bytes of the transformer's weights, without what only adaLN reads.
  package let transformerWeights: Int
  /// Bytes of the decoder's weights.
  package let decoderWeights: Int
  /// KV cache, activations and logits of a batch.
  package let transformerWork: Int
  /// Feature maps of the decoder.
  package let decoderWork: Int

  /// The larger of the two phases of a run.
  package var peak: Int {
    Self.program
      + max(transformerWeights + transformerWork, decoderWeights + decoderWork)
  }

  /// What the program takes for itself: code, libraries, thread stacks.
  private static let program = 24 << 20

  /// Estimates a run that generates `images` at once.
  package init(_ model: Model, mode: ComputeMode, images: Int, guided: Bool) {
    let tensors = model.file.tensors
    func bytes(_ isCounted: (String) -> Bool) -> Int {
      tensors.filter { isCounted($0.name) }.reduce(0) { $0 + $1.bytes.count }
    }
    transformerWeights = bytes { $0.hasPrefix("var.") && !$0.contains("ada_lin") }
    decoderWeights = bytes {
      $0.hasPrefix("vae.") && !$0.hasPrefix("vae.encoder.") && !$0.hasPrefix("vae.quant_conv.")
    }
    transformerWork =
      model.configuration.transformer.map {
        Self.work($0, mode, sequences: guided ? 2 * images : images)
      } ?? 0
    decoderWork = model.configuration.tokenizer.map(Self.work) ?? 0
  }

  private static func work(
    _ shape: TransformerConfiguration, _ mode: ComputeMode, sequences: Int
  ) -> Int {
    let rows = sequences * (shape.patchNumbers.map { $0 * $0 }.max() ?? 0)
    let width = shape.width
    let cached = mode == .f32 ? 4 : 2
    let input = mode == .f32 ? 4 : 2
    let cache = 2 * cached * sequences * shape.tokens * width * shape.depth
    let activations =
      rows * (4 * (6 * width + shape.vocabulary) + input * (width + shape.hiddenWidth))
    return cache + activations + 4 * sequences * 6 * width * (shape.depth + 1)
  }

  private static func work(_ shape: TokenizerConfiguration) -> Int {
    let levels = shape.multipliers.indices
    let largest =
      levels.map { level in
        let near = shape.multipliers[max(0, level - 1)...min(level + 1, levels.count - 1)]
        let side = shape.imageSide >> level
        return side * side * shape.channels * (near.max() ?? 1)
      }.max() ?? 0
    return 3 * 4 * largest
  }
}
