/// Text from a file, as a terminal may show it.
///
/// Names and messages of a file may hold anything: escape sequences that move the cursor or rename
/// the window, characters that turn the direction of writing, line ends that feign lines of ours.
extension String {
  /// The text with all of those written as escapes, on one line, and cut where it is very long.
  package func printable(limit: Int = 200) -> String {
    guard utf8.count > limit else { return escaped(sparing: nil) }
    // By scalars: a single character may have any number of marks.
    let start = unicodeScalars.prefix(limit)
    return start.endIndex == endIndex
      ? escaped(sparing: nil) : String(start).escaped(sparing: nil) + "…"
  }

  /// The text with its lines, for messages that are made of several.
  package var printableLines: String { escaped(sparing: "\n") }

  /// JSON whose texts hold nothing that a terminal would obey; the values stay the same.
  package var printableJSON: String {
    replaced(sparing: "\n") { scalar in
      scalar.utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }
  }

  /// The text as a string of JSON.
  package var quotedJSON: String {
    if isPlain(sparing: nil), !utf8.contains(where: { $0 == 0x22 || $0 == 0x5C }) {
      return "\"" + self + "\""
    }
    var text = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text.printableJSON + "\""
  }

  private func escaped(sparing spared: Unicode.Scalar?) -> String {
    replaced(sparing: spared) { scalar in
      switch scalar {
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      default:
        scalar.value < 0x100 ? "\\x" + hexadecimal(scalar, 2) : "\\u" + hexadecimal(scalar, 4)
      }
    }
  }

  private func hexadecimal(_ scalar: Unicode.Scalar, _ width: Int) -> String {
    let digits = String(scalar.value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Whether all of it is ASCII to be seen.
  private func isPlain(sparing spared: Unicode.Scalar?) -> Bool {
    let spared = spared.map { UInt8(truncatingIfNeeded: $0.value) } ?? 0x20
    var text = self
    return text.withUTF8 { bytes in
      var worst = false
      for index in 0..<bytes.count {
        let byte = unsafe bytes[index]
        worst = worst || (byte &- 0x20 >= 0x5F && byte != spared)
      }
      return !worst
    }
  }

  /// Most texts are plain ASCII, and stay as they are.
  private func replaced(
    sparing spared: Unicode.Scalar?, _ replacement: (Unicode.Scalar) -> String
  ) -> String {
    if isPlain(sparing: spared) { return self }
    // Escapes of ASCII are made once: a text may have millions.
    var escapes: [Unicode.Scalar: [UInt8]] = [:]
    var text: [UInt8] = []
    text.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      if scalar == spared || !scalar.commandsTerminals {
        if scalar.isASCII {
          text.append(UInt8(truncatingIfNeeded: scalar.value))
        } else {
          text += UTF8.encode(scalar).map(Array.init) ?? []
        }
      } else if let escape = escapes[scalar] {
        text += escape
      } else {
        let escape = Array(replacement(scalar).utf8)
        escapes[scalar] = escape
        text += escape
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension Unicode.Scalar {
  /// Whether it is no character to be seen: controls (C0, C1, DEL), formats such as the directions
  /// of writing, ends of lines and paragraphs, and what Unicode has not assigned.
  fileprivate var commandsTerminals: Bool {
    // Latin-1 is quickly told, and nearly all there is.
    if value < 0x100 { return value < 0x20 || (0x7F..<0xA0).contains(value) || value == 0xAD }
    return switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
      .unassigned:
      true
    default: false
    }
  }
}
