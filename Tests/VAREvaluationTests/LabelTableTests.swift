import Testing
import VAREvaluation

@Suite struct LabelTableTests {
  struct Line: Sendable {
    let text: String
    let fields: [String]?
  }

  @Test(arguments: [
    Line(text: "", fields: [""]),
    Line(text: "a.png,3", fields: ["a.png", "3"]),
    Line(text: " a b.png , 3 ", fields: ["a b.png", "3"]),
    Line(text: "\"a,b.png\" , 3", fields: ["a,b.png", "3"]),
    Line(text: "\"a \"\"b\"\".png\",\" 3\"", fields: ["a \"b\".png", " 3"]),
    Line(text: "\"\",", fields: ["", ""]),
    Line(text: "a\"b.png,3", fields: nil),
    Line(text: "\"a\"b.png,3", fields: nil),
    Line(text: "\"a.png,3", fields: nil),
  ])
  func fieldsAreThoseOfTheRFC(line: Line) {
    #expect(LabelTable.fields(Array(line.text.utf8)[...]) == line.fields)
  }
}
