import CommandSupport
import TensorBytes
import VARConversion

/// The JSON of `inspect`, written as it is made: a file may hold hundreds of thousands of tensors.
struct InspectionText {
  private let inspection: Inspection

  init(_ inspection: Inspection) { self.inspection = inspection }

  /// Prints it with sorted keys, as all other JSON of this program is.
  func print() throws {
    let inspection = inspection
    var head = [
      "{", "  \"file_bytes\" : \(inspection.fileBytes),",
      "  \"kind\" : \(inspection.kind.quotedJSON),",
    ]
    head += Self.object("metadata", inspection.metadata)
    if let model = inspection.model { head += Self.object("model", model) }
    if let problem = inspection.problem { head.append("  \"problem\" : \(problem.quotedJSON),") }
    head.append("  \"tensors\" : [")
    try Console.print(head)
    let last = inspection.tensors.count - 1
    try Console.print(
      inspection.tensors.enumerated().lazy.map { index, tensor in
        Self.text(tensor) + (index < last ? "," : "")
      })
    guard let checksum = inspection.weightsChecksum else { return try Console.print(["  ]", "}"]) }
    try Console.print(["  ],", "  \"weights_sha256\" : \(checksum.quotedJSON)", "}"])
  }

  private static func text(_ tensor: Inspection.Tensor) -> String {
    var text = "    {\n      \"bytes\" : "
    text += String(tensor.bytes)
    text += ",\n      \"dtype\" : "
    text += tensor.dtype.quotedJSON
    text += ",\n      \"name\" : "
    text += tensor.name.quotedJSON
    if let digest = tensor.sha256 {
      text += ",\n      \"sha256\" : "
      text += digest.quotedJSON
    }
    text += ",\n      \"shape\" : ["
    for (index, length) in tensor.shape.enumerated() {
      if index > 0 { text += ", " }
      text += String(length)
    }
    text += "]\n    }"
    return text
  }

  private static func object(_ key: String, _ values: [String: InspectedValue]) -> [String] {
    if values.isEmpty { return ["  \"\(key)\" : {},"] }
    let members = values.sorted { $0.key < $1.key }
    return ["  \"\(key)\" : {"]
      + members.enumerated().map { index, member in
        "    \(member.key.quotedJSON) : \(text(member.value))"
          + (index < members.count - 1 ? "," : "")
      } + ["  },"]
  }

  private static func text(_ value: InspectedValue) -> String {
    switch value {
    case .none: "null"
    case .boolean(let truth): truth ? "true" : "false"
    case .integer(let number): "\(number)"
    case .unsigned(let number): "\(number)"
    case .double(let number):
      number.isFinite ? "\(number)" : number.isNaN ? "\"nan\"" : number < 0 ? "\"-inf\"" : "\"inf\""
    case .string(let string): string.quotedJSON
    case .list(let values): "[" + values.map(text).joined(separator: ", ") + "]"
    case .excerpt(let values, let count):
      "{\"count\" : \(count), \"first\" : [" + values.map(text).joined(separator: ", ") + "]}"
    }
  }
}
