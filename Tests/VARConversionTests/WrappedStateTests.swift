import SafetensorsIO
import TestSupport
import Testing
import VARConversion
import VARModel

/// State dicts within other dicts and behind wrappers, as trainers save them.
@Suite struct WrappedStateTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The model of a state, with its name and shape of every tensor.
  private func model(_ state: EditedState, root: String? = nil) throws -> SourceModel {
    try SourceModel.recognize(
      others: [state.checkpoint(folder)],
      options: ConversionOptions(patchNumbers: [1, 2, 3, 5, 8], root: root))
  }

  @Test(arguments: [
    "module.", "_orig_mod.", "_fsdp_wrapped_module.", "module._orig_mod.", "state_dict.", "model.",
    "state_dict.model.", "state_dict.module.", "ema.shadow.", "trainer.var_wo_ddp._orig_mod.",
  ])
  func wrappersAreFoundByThemselves(_ prefix: String) throws {
    let state = try EditedState("per-block/var.pth")
    let expected = try model(state)
    let wrapped = try model(state.prefixed(prefix))
    #expect(wrapped.configuration == expected.configuration)
    #expect(wrapped.bindings.count == expected.bindings.count)
    #expect(wrapped.bindings.allSatisfy { $0.source.name.hasPrefix(prefix) })
  }

  /// FSDP, checkpointing and compilation wrap single modules.
  @Test func wrappersInTheMiddleOfNames() throws {
    let state = try EditedState("per-block/var.pth")
    var wrapped = EditedState()
    for (name, tensor) in state.tensors {
      let inner = name.replacing("blocks.0.", with: "blocks.0._checkpoint_wrapped_module.")
      wrapped.tensors[inner.replacing(".attn.", with: "._fsdp_wrapped_module.attn.")] = tensor
    }
    #expect(wrapped.tensors.keys.sorted() != state.tensors.keys.sorted())
    #expect(try model(wrapped).bindings.count == model(state).bindings.count)
  }

  /// Both halves below one key, and each below its own.
  @Test func halvesSideBySide() throws {
    let transformer = try EditedState("per-block/var.pth")
    let tokenizer = try EditedState("per-block/vae.pth")
    for state in [
      transformer.merged(tokenizer).prefixed("state_dict."),
      transformer.prefixed("state_dict.var.").merged(tokenizer.prefixed("state_dict.vae.")),
      transformer.merged(tokenizer.prefixed("vae.")),
    ] {
      let model = try model(state)
      #expect(model.configuration.transformer != nil && model.configuration.tokenizer != nil)
    }
  }

  @Test func aRootChooses() throws {
    let state = try EditedState("per-block/var.pth")
    let both = state.merged(state.prefixed("ema.module."))
    for (root, prefix) in [
      (".", "word"), ("ema", "ema."), ("ema.module", "ema."), ("ema.", "ema."),
    ] {
      let names = try model(both, root: root).bindings.map(\.source.name)
      #expect(names.contains { $0.hasPrefix(prefix) && $0.hasSuffix("word_embed.weight") })
      #expect(names.allSatisfy { $0.hasPrefix("ema.") == (root != ".") })
    }
    // The other half's file may hold as many transformers as it likes.
    let mixed = both.merged(try EditedState("per-block/vae.pth").prefixed("vae."))
    let source = try SourceModel.recognize(
      tokenizer: mixed.checkpoint(folder),
      options: ConversionOptions(patchNumbers: [1, 2, 3, 5, 8]))
    #expect(source.configuration.transformer == nil)
  }
}
