import VARCompute
import VARModel
import VARQuant

/// An operation of an encoder or a decoder, on a map of a known side.
enum ImagePass {
  /// 3×3, on a map [side, side, Cin].
  case convolution(Convolution, side: Int, hasNorm: Bool)
  /// 1×1, on a map [side, side, K]; a shortcut's input is still needed afterwards.
  case pointwise(LayerWeights, side: Int, isShortcut: Bool)
  /// Over the pixels of a map [side, side, channels].
  case attention(channels: Int, side: Int)
}

extension ImageNetwork {
  /// What a run passes through, for a map of `side` at the beginning; with what estimates need.
  func passes(from side: Int) -> [ImagePass] {
    var side = side
    var passes: [ImagePass] = []
    func add(_ convolution: Convolution, hasNorm: Bool) {
      passes.append(.convolution(convolution, side: side, hasNorm: hasNorm))
      side = convolution.outputSide(side)
    }
    add(input, hasNorm: false)
    for stage in stages {
      switch stage {
      case .resample(let convolution):
        add(convolution, hasNorm: false)
      case .residual(let block):
        add(block.conv1, hasNorm: true)
        if let shortcut = block.shortcut {
          passes.append(.pointwise(shortcut, side: side, isShortcut: true))
        }
        add(block.conv2, hasNorm: true)
      case .attention(let block):
        passes.append(.pointwise(block.qkv, side: side, isShortcut: false))
        passes.append(.attention(channels: block.projection.weight.rows, side: side))
        passes.append(.pointwise(block.projection, side: side, isShortcut: false))
      }
    }
    add(output, hasNorm: true)
    return passes
  }
}
