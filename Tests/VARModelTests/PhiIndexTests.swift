import Testing
import VARModel

@Suite struct PhiIndexTests {
  private func tokenizer(scales: Int, phi: PhiLayout) -> TokenizerConfiguration {
    TokenizerConfiguration(
      channels: 32, multipliers: [1, 2], residualBlocks: 2, vocabulary: 64, latentChannels: 16,
      patchNumbers: Array(1...scales), phi: phi, phiRatio: 0.5, zNormalized: false)
  }

  /// The published assignments for the official four convolutions.
  @Test func officialLayouts() {
    #expect(
      tokenizer(scales: 10, phi: .partiallyShared(4)).phiIndices == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
    #expect(tokenizer(scales: 7, phi: .partiallyShared(4)).phiIndices == [0, 0, 1, 2, 2, 3, 3])
    #expect(tokenizer(scales: 5, phi: .shared).phiIndices == [0, 0, 0, 0, 0])
    #expect(tokenizer(scales: 6, phi: .perScale).phiIndices == [0, 1, 2, 3, 4, 5])
  }
}
