/// What the driver in C calls: by the number of a target, so that nothing is looked up a million times.
@_cdecl("fuzz_run") public func fuzzRun(
  _ target: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int
) {
  let targets = FuzzTarget.allCases
  guard targets.indices.contains(Int(target)) else { fatalError("no such target") }
  targets[Int(target)].run(unsafe Array(UnsafeBufferPointer(start: bytes, count: count)))
}

/// The number of a target, -1 for none of this name.
@_cdecl("fuzz_target") public func fuzzTarget(_ name: UnsafePointer<CChar>) -> Int32 {
  let name = unsafe String(cString: name)
  return FuzzTarget.allCases.firstIndex { $0.rawValue == name }.map(Int32.init) ?? -1
}
