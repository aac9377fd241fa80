/// Pieces of pickles, put together by hand.
enum TestPickle {
  static let start: [UInt8] = [0x80, 2]
  static let stop: [UInt8] = Array(".".utf8)
  static let mark: [UInt8] = Array("(".utf8)
  static let tuple: [UInt8] = Array("t".utf8)
  static let reduce: [UInt8] = Array("R".utf8)
  static let emptyDict: [UInt8] = Array("}".utf8)
  static let emptyList: [UInt8] = Array("]".utf8)
  static let setItem: [UInt8] = Array("s".utf8)

  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func string(_ text: String) -> [UInt8] {
    Array("X".utf8) + little(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  static func int(_ value: Int) -> [UInt8] { [0x8A, 8] + little(Int64(value)) }

  static func ints(_ values: [Int]) -> [UInt8] { mark + values.flatMap { int($0) } + tuple }

  static func storage(
    _ count: Int, key: String = "0", type: String = "FloatStorage"
  ) -> [UInt8] {
    mark + string("storage") + global("torch", type) + string(key) + string("cpu") + int(count)
      + tuple + Array("Q".utf8)
  }

  /// `_rebuild_tensor_v2` up to its call.
  static func tensorCall(
    _ storage: [UInt8], offset: Int, shape: [Int], strides: [Int]
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2") + mark + storage + int(offset) + ints(shape)
      + ints(strides) + [0x89] + global("collections", "OrderedDict") + Array(")R".utf8) + tuple
  }

  static func tensor(
    _ storage: [UInt8], offset: Int = 0, shape: [Int], strides: [Int]
  ) -> [UInt8] {
    tensorCall(storage, offset: offset, shape: shape, strides: strides) + reduce
  }

  /// `{key: value}`.
  static func dict(_ key: String, _ value: [UInt8]) -> [UInt8] {
    emptyDict + string(key) + value + setItem
  }
}
