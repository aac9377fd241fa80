package import VARCompute
package import VARCore
import VARModel

/// How much memory a run takes, as the owners of the memory say.
///
/// They are made for it: memory is taken from the system when it is first touched, so that asking is
/// free. Weights are mapped from the file: they count while they are in use, and the system may take
/// them back at the price of reading them again. Working memory can't be taken back.
package struct MemoryEstimate: Equatable, Sendable {
  /// Pictures that are drawn together.
  package let images: Int
  /// Bytes of the transformer's weights, without what only adaLN reads.
  package let transformerWeights: Int
  /// Bytes of the decoder's weights.
  package let decoderWeights: Int
  /// KV cache, activations and logits of a batch.
  package let transformerWork: Int
  /// Feature maps of the decoder.
  package let decoderWork: Int

  /// What the model has read into memory.
  private let held: Int

  /// The larger of the two phases of a run.
  package var peak: Int {
    Self.program + held
      + max(transformerWeights + transformerWork, decoderWeights + decoderWork)
  }

  /// What the program takes for itself: code, libraries with their data, thread stacks.
  private static let program = 31_000_000

  /// Estimates a run that draws `images` at once; a model with one half counts as far as it goes.
  /// - Throws: `ComputeError.outOfMemory` where the system refuses even the addresses.
  package init(_ model: Model, _ compute: Compute, images: Int, guided: Bool) throws {
    func bytes(_ parts: [ModelPart]) -> Int {
      parts.reduce(0) { $0 + (model.byteCounts[$1] ?? 0) }
    }
    self.images = images
    held = model.heldBytes
    transformerWeights = bytes([.embedding, .block, .head])
    decoderWeights = bytes([.quantizer, .decoder])
    let hasTokenizer = model.configuration.tokenizer != nil
    let hasBoth = hasTokenizer && model.configuration.transformer != nil
    transformerWork =
      hasBoth ? try Generator(model, compute, images: images, guided: guided).loop.bytes : 0
    decoderWork = hasTokenizer ? try ImageCodec(model, compute).decodingBytes : 0
  }
}
