import CVARKernels
package import VARQuant

/// A convolution of any filter, stride and padding, as a matrix product over gathered patches (im2col).
///
/// For networks other than the VQ-VAE, whose filters are ``Convolution``s. Exact in f32 but for the order
/// of its sums.
package struct PatchConvolution: Sendable {
  /// [Cout, kh·kw·Cin], stored OHWI.
  package let weight: WeightMatrix
  /// [Cout].
  package let bias: FloatVector
  /// Rows and columns of the filter.
  package let filter: (height: Int, width: Int)
  /// Pixels from one position to the next.
  package let stride: Int
  /// Zeros beyond each edge.
  package let padding: (height: Int, width: Int)

  /// Takes weights [Cout, kh·kw·Cin] and a bias [Cout].
  package init(
    weight: WeightMatrix, bias: FloatVector, filter: (height: Int, width: Int), stride: Int = 1,
    padding: (height: Int, width: Int) = (0, 0)
  ) {
    precondition(weight.columns % (filter.height * filter.width) == 0, "columns are kh·kw·Cin")
    precondition(bias.count == weight.rows, "bias must be [Cout]")
    self.weight = weight
    self.bias = bias
    self.filter = filter
    self.stride = stride
    self.padding = padding
  }

  /// Channels of the input, Cin.
  package var inputChannels: Int { weight.columns / (filter.height * filter.width) }

  /// Height and width of the output for those of the input.
  package func outputSize(height: Int, width: Int) -> (height: Int, width: Int) {
    (
      (height + 2 * padding.height - filter.height) / stride + 1,
      (width + 2 * padding.width - filter.width) / stride + 1
    )
  }
}

/// A pooling window.
package struct Pooling: Sendable {
  /// What becomes of the numbers under a window; those beyond the edges don't count.
  package enum Kind: Sendable {
    case largest
    case mean
  }

  /// What is taken.
  package let kind: Kind
  /// Pixels of the window's side.
  package let side: Int
  /// Pixels from one position to the next.
  package let stride: Int
  /// Pixels beyond each edge.
  package let padding: Int

  /// Describes a window.
  package init(_ kind: Kind, side: Int, stride: Int, padding: Int = 0) {
    self.kind = kind
    self.side = side
    self.stride = stride
    self.padding = padding
  }

  /// Height or width of the output for one of the input.
  package func outputSide(_ length: Int) -> Int { (length + 2 * padding - side) / stride + 1 }
}

extension Compute {
  /// Bytes of patches that are multiplied at a time: they stay in the caches.
  private static let patchBytes = 4 << 20

  /// Room for the patches of convolutions of up to so many columns, kh·kw·Cin.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func patches(columns: Int) throws(ComputeError) -> ActivationBuffer {
    try with(mode: .f32).activations(
      rows: max(64, Self.patchBytes / 4 / columns), columns: columns)
  }

  /// output = relu(convolution(x) + bias).
  /// - Parameters:
  ///   - x: [images, height, width, Cin].
  ///   - relu: whether numbers below zero become zero.
  ///   - output: [images·height'·width', Cout]: a map, or some channels of a wider one.
  ///   - patches: of ``patches(columns:)``, for at least the convolution's columns.
  /// - Throws: ``ComputeError``.
  package func convolve(
    _ convolution: PatchConvolution, _ x: FeatureMap, relu: Bool = true,
    into output: FloatMatrix, patches: ActivationBuffer
  ) throws(ComputeError) {
    let size = convolution.outputSize(height: x.height, width: x.width)
    let rows = x.images * size.height * size.width
    precondition(x.channels == convolution.inputChannels, "channels of map and weight differ")
    precondition(
      output.rows == rows && output.columns == convolution.weight.rows, "shape of the output")
    precondition(patches.arithmetic == CVAR_ARITHMETIC_F32, "patches are of f32")
    let columns = convolution.weight.columns
    let step = max(1, patches.capacity / cvar_activation_stride(patches.arithmetic, columns))
    for start in Swift.stride(from: 0, to: rows, by: step) {
      let range = start..<min(start + step, rows)
      patches.reshape(rows: range.count, columns: columns)
      unsafe gather(convolution, x, range, size, patches.kernelActivations)
      let part = output.rows(range)
      try linear(patches, convolution.weight, bias: convolution.bias, into: part)
      if relu { clampBelowZero(part) }
    }
  }

  /// Rows of a task of gathering.
  private static let rowsOfTask = 32

  @unsafe private func gather(
    _ convolution: PatchConvolution, _ x: FeatureMap, _ rows: Range<Int>,
    _ size: (height: Int, width: Int), _ target: cvar_activations
  ) {
    let (filter, stride, padding) = (convolution.filter, convolution.stride, convolution.padding)
    let (channels, lines, pixels) = (x.channels, x.height, x.width)
    let width = unsafe target.stride
    nonisolated(unsafe) let values = unsafe target.values.assumingMemoryBound(to: Float.self)
    nonisolated(unsafe) let source = unsafe x.start
    let rest = width - filter.height * filter.width * channels
    pool.parallel((rows.count + Self.rowsOfTask - 1) / Self.rowsOfTask) { task in
      let first = task * Self.rowsOfTask
      for row in first..<min(first + Self.rowsOfTask, rows.count) {
        let position = rows.lowerBound + row
        let left = position % size.width * stride - padding.width
        let line = position / size.width
        let top = line % size.height * stride - padding.height
        let image = unsafe source + line / size.height * lines * pixels * channels
        var to = unsafe values + row * width
        let inside = max(0, -left)..<max(max(0, -left), min(filter.width, pixels - left))
        for y in top..<top + filter.height {
          if y < 0 || y >= lines {
            unsafe to.update(repeating: 0, count: filter.width * channels)
          } else {
            unsafe to.update(repeating: 0, count: inside.lowerBound * channels)
            unsafe (to + inside.lowerBound * channels).update(
              from: image + (y * pixels + left + inside.lowerBound) * channels,
              count: inside.count * channels)
            unsafe (to + inside.upperBound * channels).update(
              repeating: 0, count: (filter.width - inside.upperBound) * channels)
          }
          unsafe to += filter.width * channels
        }
        unsafe to.update(repeating: 0, count: rest)
      }
    }
    withExtendedLifetime(x) {}
  }

  private func clampBelowZero(_ x: FloatMatrix) {
    nonisolated(unsafe) let start = unsafe x.start
    let (rows, columns, stride) = (x.rows, x.columns, x.stride)
    pool.parallel((rows + 63) / 64) { task in
      for row in task * 64..<min(task * 64 + 64, rows) {
        let values = unsafe start + row * stride
        for column in 0..<columns { unsafe values[column] = max(0, values[column]) }
      }
    }
    withExtendedLifetime(x) {}
  }

  /// output = pooled x.
  /// - Parameters:
  ///   - x: [images, height, width, C].
  ///   - output: [images·height'·width', C]: a map, or some channels of a wider one.
  package func pool(_ window: Pooling, _ x: FeatureMap, into output: FloatMatrix) {
    let (height, width) = (window.outputSide(x.height), window.outputSide(x.width))
    precondition(
      output.rows == x.images * height * width && output.columns == x.channels,
      "shape of the output")
    nonisolated(unsafe) let source = unsafe x.start
    nonisolated(unsafe) let target = unsafe output.start
    let (channels, lines, pixels) = (x.channels, x.height, x.width)
    let wide = output.stride
    pool.parallel(x.images * height) { task in
      let image = unsafe source + task / height * lines * pixels * channels
      let top = task % height * window.stride - window.padding
      for column in 0..<width {
        let left = column * window.stride - window.padding
        let sums = unsafe target + (task * width + column) * wide
        var count: Float = 0
        for y in max(0, top)..<min(lines, top + window.side) {
          for across in max(0, left)..<min(pixels, left + window.side) {
            let pixel = unsafe image + (y * pixels + across) * channels
            if count == 0 {
              unsafe sums.update(from: pixel, count: channels)
            } else if window.kind == .largest {
              for c in 0..<channels { unsafe sums[c] = max(sums[c], pixel[c]) }
            } else {
              for c in 0..<channels { unsafe sums[c] += pixel[c] }
            }
            count += 1
          }
        }
        if window.kind == .mean { for c in 0..<channels { unsafe sums[c] /= count } }
      }
    }
    withExtendedLifetime((x, output)) {}
  }
}
