import ArgumentParser
package import TensorBytes

/// Whether files that exist may be replaced, the same in every command that writes.
package struct ForceOption: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Replace files that exist.")
  package var force = false

  package init() {}

  /// Begins the declaration of a command's outputs.
  package func outputs(reading inputs: [String]) -> Outputs {
    Outputs(reading: inputs, replacing: force ? .always : .never, streaming: true)
  }
}
