package import VARCompute
import VARModel

/// A batch run step by step, for instruments that look at everything in between.
package final class StepwiseRun {
  private let transformer: Transformer
  private let quantizer: Quantizer

  /// Allocates for `images` pictures, guided or not.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(_ model: Model, _ compute: Compute, images: Int, guided: Bool, purpose: String)
    throws
  {
    transformer = try Transformer(
      model.transformer(for: purpose), compute, images: images, guided: guided)
    quantizer = try Quantizer(model.tokenizer(for: purpose), compute, images: images)
  }

  /// Class embeddings, [R, C].
  package var conditions: FloatMatrix { transformer.classConditions }
  /// The residual stream, [R·n, C]: the scale's input, then what the last block wrote.
  package var activations: FloatMatrix { transformer.activations }
  /// f̂, [B, P, P, Z].
  package var latent: FloatBuffer { quantizer.latent }
  /// The codebook, [V, Z].
  package var codebook: FloatVector { quantizer.weights.codebook }

  /// Embeds the first scale for labels; nil is the unconditional class.
  package func begin(labels: [Int?]) throws {
    try transformer.begin(labels: transformer.weights.configuration.rows(of: labels))
    quantizer.reset()
  }

  /// Runs one block.
  package func run(block: Int) throws { try transformer.run(block: block) }

  /// The logits of all sequences, [R·n, V].
  package func logits() throws -> FloatMatrix {
    try transformer.head(sequences: transformer.sequences)
  }

  /// Adds a scale's embeddings, [B, n, Z], to f̂.
  package func accumulate(_ embeddings: [Float], scale: Int) throws {
    quantizer.embeddings.withMutableSpan(in: 0..<embeddings.count) { target in
      for index in 0..<target.count { target[index] = embeddings[index] }
    }
    try quantizer.accumulate(scale: scale)
  }

  /// Embeds the input of a later scale, made from f̂.
  package func advance(to scale: Int) throws {
    try transformer.embed(quantizer.nextInput(scale: scale))
  }
}
