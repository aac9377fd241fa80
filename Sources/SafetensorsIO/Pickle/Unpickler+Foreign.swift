internal import TensorBytes

/// What calls of classes stand for that only Python can build.
extension Unpickler {
  /// The number of a NumPy scalar; otherwise an opaque value that has the name of its class.
  func foreign(_ name: String, _ arguments: [PickleValue]) -> PickleValue {
    switch name {
    case "numpy.dtype": .opaque("numpy.dtype " + (arguments.first?.text?.prefixOfName ?? "?"))
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar": scalar(arguments)
    // They are given the class that they make an object of.
    case "copy_reg._reconstructor", "copyreg._reconstructor", "copyreg.__newobj__":
      .opaque((arguments.first?.typeName ?? name).prefixOfName)
    default: .opaque(name)
    }
  }

  /// `scalar(dtype, bytes)`, for the types that trainers note losses and steps in.
  private func scalar(_ arguments: [PickleValue]) -> PickleValue {
    guard arguments.count == 2, case .opaque(let type) = arguments[0],
      case .bytes(let bytes) = arguments[1], bytes.count <= 8
    else { return .opaque("numpy scalar") }
    let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return switch (type, bytes.count) {
    case ("numpy.dtype f8", 8): .float(Double(bitPattern: bits))
    case ("numpy.dtype f4", 4): .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case ("numpy.dtype i8", 8): .int(Int(Int64(bitPattern: bits)))
    case ("numpy.dtype i4", 4): .int(Int(Int32(truncatingIfNeeded: bits)))
    case ("numpy.dtype b1", 1): .bool(bits != 0)
    default: .opaque("numpy scalar")
    }
  }
}

extension String {
  /// As much of a name as a message needs.
  fileprivate var prefixOfName: String { String(prefix(128)) }
}
