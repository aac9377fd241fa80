package import VARCompute

/// The numbers of a map [height, width, Cin] that an output of a 3×3 convolution is made of.
package struct ConvolutionWindow {
  private let form: Convolution.Form
  private let map: FeatureMap

  package init(_ form: Convolution.Form, _ map: FeatureMap) {
    self.form = form
    self.map = map
  }

  /// Rows and columns of the output.
  package var outputSize: (height: Int, width: Int) {
    switch form {
    case .same: (map.height, map.width)
    case .down: (map.height / 2, map.width / 2)
    case .up: (map.height * 2, map.width * 2)
    }
  }

  /// Copies those of one output, [3, 3, Cin], zero outside the map.
  /// - Parameter taps: the places of the kernel that are wanted, row by row.
  package func copy(
    row: Int, column: Int, taps: Range<Int> = 0..<9, into target: UnsafeMutableBufferPointer<Float>
  ) {
    let channels = map.channels
    map.buffer.withSpan(in: map.offset..<map.offset + map.count) { values in
      for tap in taps {
        let y = source(row, tap / 3, map.height)
        let x = source(column, tap % 3, map.width)
        for channel in 0..<channels {
          unsafe target[(tap - taps.lowerBound) * channels + channel] =
            if let y, let x { values[(y * map.width + x) * channels + channel] } else { 0 }
        }
      }
    }
  }

  /// The row or column of the map under a tap; nil in the padding.
  private func source(_ output: Int, _ tap: Int, _ side: Int) -> Int? {
    let place: Int
    switch form {
    case .same: place = output + tap - 1
    case .down: place = 2 * output + tap
    // Of the map enlarged twice.
    case .up: place = output + tap - 1 < 0 ? -1 : (output + tap - 1) / 2
    }
    return place >= 0 && place < side ? place : nil
  }
}
