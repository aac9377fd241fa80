import VARCompute
import VARModel
import VARQuant

extension ImageCodec {
  /// The memory that decoding a picture touches: feature maps, workspace, and the threads' scratch.
  package var decodingBytes: Int {
    let side = patchNumbers.last ?? 0
    var need = DecodingNeed(threads: compute.pool.threads)
    need.add(.convolution(weights.postQuantConvolution, side: side, hasNorm: false))
    for pass in weights.decoder.passes(from: side) { need.add(pass) }
    return 2 * need.map + need.third + need.workspace + need.scratch + need.cache + heldBytes
  }
}

/// The most that any pass needs of each kind of memory.
private struct DecodingNeed {
  let threads: Int
  /// A feature map, of which two are in use at any time.
  var map = 0
  /// A map that is needed beside these two.
  var third = 0
  var workspace = 0
  var scratch = 0
  /// Keys and values of attention.
  var cache = 0

  init(threads: Int) {
    self.threads = threads
    scratch = Compute.scratchBytes(threads: threads)
  }

  mutating func add(_ pass: ImagePass) {
    switch pass {
    case .convolution(let convolution, let side, let hasNorm):
      let output = convolution.outputSide(side)
      // The picture itself has a buffer of its own.
      if convolution.outputChannels > 3 { add(map: output, convolution.outputChannels) }
      workspace = max(
        workspace,
        Compute.workspaceBytes(
          for: convolution, height: side, width: side, withNorm: hasNorm, threads: threads))
      scratch = max(
        scratch,
        Compute.scratchBytes(for: convolution, height: side, width: side, threads: threads))
    case .pointwise(let layer, let side, let isShortcut):
      if isShortcut {
        third = max(third, FloatBuffer.bytes(count: side * side * layer.weight.rows))
      }
    case .attention(let channels, let side):
      third = max(third, FloatBuffer.bytes(count: side * side * 3 * channels))
      cache = max(
        cache,
        KVCache.bytes(
          images: 1, heads: 1, tokens: side * side, headWidth: channels, storage: .f32))
      scratch = max(
        scratch,
        Compute.scratchBytes(
          attentionOver: side * side, headWidth: channels, threads: threads))
    }
  }

  private mutating func add(map side: Int, _ channels: Int) {
    map = max(map, FloatBuffer.bytes(count: side * side * channels))
  }
}
