import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARConversion
import VARModel

/// State dicts that are no VAR, each with its exact error.
@Suite struct ArchitectureRefusalTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("edited") }

  init() throws { folder = try TemporaryFolder() }

  private func check(
    _ error: ArchitectureError, _ fixture: String = "per-block/var.pth",
    options: ConversionOptions = ConversionOptions(), line: Int = #line,
    _ change: (inout EditedState) -> Void
  ) throws {
    var state = try EditedState(fixture)
    change(&state)
    let checkpoint = try state.checkpoint(folder)
    do {
      _ = try SourceModel.recognize(others: [checkpoint], options: options)
      Issue.record("line \(line): accepted")
    } catch let actual as ArchitectureError {
      #expect(actual == error, "line \(line)")
    }
  }

  private func mismatch(
    missing: [String] = [], surplus: [String] = [],
    misshapen: [ArchitectureError.Misshapen] = []
  ) -> ArchitectureError {
    .mismatch(path: path, missing: missing, surplus: surplus, misshapen: misshapen)
  }

  @Test func namesTensorsThatDoNotFit() throws {
    try check(mismatch(missing: ["blocks.1.attn.q_bias"])) {
      $0.tensors["blocks.1.attn.q_bias"] = nil
    }
    try check(mismatch(surplus: ["blocks.0.cross_attn.weight", "text_embed.weight"])) {
      $0.tensors["text_embed.weight"] = .zeros([1])
      $0.tensors["blocks.0.cross_attn.weight"] = .zeros([1])
    }
    try check(
      mismatch(misshapen: [.init(tensor: "pos_start", expected: [1, 1, 64], actual: [1, 4, 64])])
    ) { $0.tensors["pos_start"] = .zeros([1, 4, 64]) }
    // A block is gone: both its neighbours say that it should be there.
    let first = TensorManifest(
      try SourceModel.recognize(
        others: [Checkpoint.open(Repository.fixture("models/per-block/var.pth"))]
      ).configuration
    ).tensors.map(\.upstreamName).filter { $0.hasPrefix("blocks.1.") }
    try check(mismatch(missing: first, surplus: [])) { state in
      for name in state.tensors.keys where name.hasPrefix("blocks.1.") {
        state.tensors["blocks.2." + name.dropFirst(9)] = state.tensors.removeValue(forKey: name)
      }
    }
    try check(mismatch(missing: ["head.weight"])) { $0.tensors["head.weight"] = nil }
    try check(
      .wrongRank(path: path, tensor: "head.weight", expected: 2, actual: [64])
    ) { $0.tensors["head.weight"] = .zeros([64]) }
    try check(
      .notFloatingPoint(path: path, tensor: "pos_start", type: .i64)
    ) {
      $0.tensors["pos_start"] = .init(
        type: .i64, shape: [1, 1, 64], bytes: [UInt8](repeating: 0, count: 512))
    }
    try check(
      mismatch(missing: ["encoder.conv_in.weight"]), "per-block/vae.pth",
      options: ConversionOptions(patchNumbers: [1, 2, 3, 5, 8])
    ) {
      $0.tensors["encoder.conv_in.weight"] = nil
    }
  }

  @Test func refusesOtherAttention() throws {
    try check(.keyBias(path: path, tensor: "blocks.0.attn.zero_k_bias")) {
      $0.tensors["blocks.0.attn.zero_k_bias"] = .zeros([64])
      $0.tensors["blocks.0.attn.zero_k_bias"]?.bytes[7] = 0x3F
    }
    // Everything visible: row 0 sees column 1.
    try check(.attentionMask(path: path, row: 0, column: 1, value: 0)) {
      $0.tensors["attn_bias_for_masking"] = .zeros([1, 1, 103, 103])
    }
    try check(.heads(path: path, given: 4, inferred: 2), options: ConversionOptions(heads: 4)) {
      _ in
    }
    try check(
      .configuration(.inconsistent("width 64 is not divisible by heads 3")), "plain/var.pth",
      options: ConversionOptions(heads: 3)
    ) { _ in }
  }

  @Test func refusesOddLevels() throws {
    for levels in [[0, 1, 1, 1, 1, 0], [1], [0, 2, 2, 2, 2], [0, 1, 1], [-1], [Int.max]] {
      try check(.badLevels(path: path)) { $0.tensors["lvl_1L"] = .integers(levels) }
    }
    for levels: [Float] in [[0.5], [.nan], [.infinity], [0, 1, 1, 1.5, 1]] {
      try check(.badLevels(path: path)) { $0.tensors["lvl_1L"] = .floats(levels) }
    }
    try check(
      .patchNumberCount(path: path, tensor: "pos_1LC", expected: 103, patchNumbers: [1])
    ) { $0.tensors["lvl_1L"] = .integers([0]) }
    try check(
      .patchNumbers(path: path, given: [1, 2], inferred: [1, 2, 3, 5, 8]),
      options: ConversionOptions(patchNumbers: [1, 2])
    ) { _ in }
  }

  @Test func refusesFilesWithoutOneModel() throws {
    try check(.notRecognized(path: path, classes: [])) { $0 = EditedState() }
    try check(.notRecognized(path: path, classes: [])) { state in
      state.tensors = ["conv.weight": .zeros([2])]
    }
    try check(.ambiguous(path: path, roots: ["ema", "state_dict"])) { state in
      state = state.prefixed("state_dict.module.").merged(state.prefixed("ema."))
    }
    // The top level is a choice like any other.
    try check(.ambiguous(path: path, roots: [".", "ema"])) { state in
      state = state.merged(state.prefixed("ema."))
    }
    try check(
      .noSuchRoot(path: path, root: "state_dict", roots: ["."]),
      options: ConversionOptions(root: "state_dict")
    ) { _ in }
    try check(.duplicateName(path: path, name: "pos_start")) {
      $0.tensors["module.pos_start"] = $0.tensors["pos_start"]
    }
    let var1 = try Checkpoint.open(Repository.fixture("models/plain/var.pth"))
    let var2 = try Checkpoint.open(Repository.fixture("models/plain/var-legacy.pth"))
    #expect(throws: ArchitectureError.halfTwice(.transformer, paths: [var1.path, var2.path])) {
      try SourceModel.recognize(transformer: var1, others: [var2])
    }
    #expect(throws: ArchitectureError.wrongHalf(path: var1.path, expected: .tokenizer)) {
      try SourceModel.recognize(tokenizer: var1)
    }
  }

  @Test func refusesHalvesThatAreNoPair() throws {
    func open(_ name: String) throws -> Checkpoint {
      try Checkpoint.open(Repository.fixture("models/" + name))
    }
    let tokenizer = try open("shared/vae.pth")
    #expect(
      throws: ArchitectureError.patchNumberCount(
        path: tokenizer.path, tensor: "quantize.ema_vocab_hit_SV", expected: 4,
        patchNumbers: [1, 2, 3, 5, 8])
    ) { try SourceModel.recognize(transformer: open("per-block/var.pth"), tokenizer: tokenizer) }
    var other = try EditedState("plain/vae.pth")
    other.tensors["quantize.embedding.weight"] = .zeros([32, 32])
    let small = try other.checkpoint(folder)
    #expect(
      throws: ArchitectureError.configuration(
        .inconsistent(
          "the transformer predicts 64 tokens (head.weight), the VQ-VAE has 32 "
            + "(quantize.embedding.weight): they are not a pair"))
    ) { try SourceModel.recognize(transformer: open("plain/var.pth"), tokenizer: small) }
  }
}
