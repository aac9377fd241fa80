/// What storing a model's weights has cost, as reports show it.
package struct WeightsChart {
  /// A tensor.
  package struct Tensor: Sendable {
    /// Its name in the file.
    package let name: String
    /// Its format.
    package let format: String
    /// Signal to noise in dB; infinite where nothing was lost.
    package let ratio: Double

    /// Makes one.
    package init(name: String, format: String, ratio: Double) {
      self.name = name
      self.format = format
      self.ratio = ratio
    }
  }

  private let tensors: [Tensor]

  /// Takes the tensors that have lost anything.
  package init(_ tensors: [Tensor]) { self.tensors = tensors.filter(\.ratio.isFinite) }

  /// By the place in the file, a series a format.
  package var byTensor: SVGChart {
    SVGChart(
      "What storing each tensor has cost", x: .init("tensor, in the order of the file", .counting),
      y: .init("signal to noise, dB"),
      Set(tensors.map(\.format)).sorted().map { format in
        SVGChart.Series(
          format, .points,
          tensors.enumerated().filter { $0.element.format == format }.map {
            (Double($0.offset), $0.element.ratio, "")
          })
      })
  }

  /// By the transformer's block, a series a matrix.
  package var byBlock: SVGChart {
    let places = tensors.compactMap { tensor in
      Self.place(of: tensor.name).map { (block: $0.block, part: $0.part, ratio: tensor.ratio) }
    }
    return SVGChart(
      "What storing each block's matrices has cost",
      x: .init("block of the transformer", .counting),
      y: .init("signal to noise, dB"),
      Set(places.map(\.part)).sorted().map { part in
        SVGChart.Series(
          part, .line,
          places.filter { $0.part == part }.sorted { $0.block < $1.block }.map {
            (Double($0.block), $0.ratio, "")
          })
      })
  }

  /// `var.blocks.3.ffn.fc1.weight` is block 3's `ffn.fc1`; biases are no matrices.
  private static func place(of name: String) -> (block: Int, part: String)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 4, parts[0] == "var", parts[1] == "blocks", parts.last == "weight",
      let block = Int(parts[2])
    else { return nil }
    return (block, parts[3..<parts.count - 1].joined(separator: "."))
  }

  /// The tensors that lost most, the worst first.
  package func worst(_ count: Int) -> ArraySlice<Tensor> {
    tensors.sorted { $0.ratio < $1.ratio }.prefix(count)
  }
}
