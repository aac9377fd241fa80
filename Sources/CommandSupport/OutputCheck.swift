internal import TensorBytes

/// Refuses outputs before anything is computed, so that a slip of the keyboard costs no minutes.
package enum OutputCheck {
  /// Checks that files can be written, and that none of them is an input of the same command.
  package static func check(_ outputs: [String], inputs: [String] = []) throws {
    let door = Outputs(reading: inputs, replacing: .always)
    for output in outputs { _ = try door.file(output) }
  }
}
