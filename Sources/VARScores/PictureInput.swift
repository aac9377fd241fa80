internal import VARCompute

/// Pictures as a network's input.
enum PictureInput {
  /// Resizes pictures U8 [n, side, side, 3] to the map's size, and maps each number.
  ///
  /// As TensorFlow 1 resizes: bilinear, neither corners nor half-pixel centres aligned, so that position
  /// x of the output is x · in/out of the input. Where the sizes are the same nothing changes.
  static func fill(
    _ map: FeatureMap, _ pictures: [UInt8], side: Int, _ scale: (Float) -> Float
  ) throws {
    precondition(pictures.count == map.images * side * side * 3 && map.channels == 3)
    let ratio = Float(side) / Float(map.width)
    let places = (0..<map.width).map { position -> (low: Int, high: Int, share: Float) in
      let place = Float(position) * ratio
      let low = Int(place)
      return (low, min(low + 1, side - 1), place - Float(low))
    }
    map.buffer.withMutableSpan { values in
      var target = map.offset
      for image in 0..<map.images {
        let start = image * side * side * 3
        for y in places {
          for x in places {
            for colour in 0..<3 {
              func sample(_ row: Int, _ column: Int) -> Float {
                Float(pictures[start + (row * side + column) * 3 + colour])
              }
              let (a, b) = (sample(y.low, x.low), sample(y.low, x.high))
              let (c, d) = (sample(y.high, x.low), sample(y.high, x.high))
              let top = a + (b - a) * x.share
              let bottom = c + (d - c) * x.share
              values[target] = scale(top + (bottom - top) * y.share)
              target += 1
            }
          }
        }
      }
    }
  }
}
