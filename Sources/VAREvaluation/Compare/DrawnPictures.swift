package import VARCompute
package import VARCore
package import VARImages
package import VARModel

extension Model {
  /// Draws a picture of each class by itself, with the seeds 0, 1, 2 …, to be compared by eye.
  /// - Throws: `ModelError` where a half is missing, `ComputeError.outOfMemory`.
  package func drawn(
    _ labels: some Sequence<ClassLabel>, _ options: SamplingOptions, _ compute: Compute
  ) throws -> [Image] {
    let generator = try Generator(self, compute, images: 1, guided: options.guidance != 0)
    let codec = try ImageCodec(self, compute)
    return try labels.enumerated().map { seed, label in
      let images = try generator.generate(
        GenerationRequest(
          labels: [label], options: options,
          random: .image([TorchGenerator(seed: UInt64(seed))])))
      return try codec.decode(images[0].features)
    }
  }
}
