import VARModel

extension TokenEdit {
  /// Checks tokens and mask against a model.
  func validate(patchNumbers: [Int], vocabulary: Int) throws(ModelError) {
    try tokens.validate(patchNumbers: patchNumbers, vocabulary: vocabulary)
    guard mask.side == patchNumbers.last else {
      throw .mask(expected: patchNumbers.last ?? 0, actual: mask.side)
    }
  }
}

/// Keeps a picture's own tokens outside the edited region (the official zero-shot recipe).
///
/// Embeddings are blended, not logits: the tokens are drawn everywhere, then
/// h = generated ? h : codebook[own token].
struct EditBlend {
  private let edit: TokenEdit
  /// Which positions of each scale are generated.
  private let generated: [[Bool]]

  /// Nil where there is nothing to keep.
  init?(_ edit: TokenEdit?, patchNumbers: [Int]) {
    guard let edit else { return nil }
    self.edit = edit
    generated = patchNumbers.enumerated().map { scale, side in
      scale < edit.firstScale
        ? Array(repeating: false, count: side * side) : edit.mask.generated(atSide: side, edit.rule)
    }
  }

  /// Overwrites the embeddings of the kept positions in every image of the batch.
  func apply(to quantizer: Quantizer, scale: Int) {
    let own = edit.tokens.scales[scale]
    let count = own.count
    for (position, isGenerated) in generated[scale].enumerated() where !isGenerated {
      for image in 0..<quantizer.images {
        quantizer.embed(own[position], row: image * count + position)
      }
    }
  }

  /// The drawn tokens with the picture's own at kept positions.
  func merged(_ drawn: TokenMaps) -> TokenMaps {
    var merged = drawn
    for scale in generated.indices {
      for (position, isGenerated) in generated[scale].enumerated() where !isGenerated {
        merged.scales[scale][position] = edit.tokens.scales[scale][position]
      }
    }
    return merged
  }
}
