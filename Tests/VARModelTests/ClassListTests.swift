import Testing
import VARModel

@Suite struct ClassListTests {
  private let list = ClassList(
    classes: 6,
    names: [
      "red sneaker", "blue sneaker", "tench, Tinca tinca", "crane", "crane, hoist", "t-shirt",
    ])

  @Test func idsNamesAndRanges() throws {
    #expect(try list.parse("3,0") == [.label(.id(3)), .label(.id(0))])
    #expect(try list.parse("1-3, 5 - 4") == [1, 2, 3, 5, 4].map { .label(.id($0)) })
    #expect(
      try list.parse("Red_Sneaker, none,random,  blue   sneaker")
        == [.label(.id(0)), .label(.unconditional), .random, .label(.id(1))])
    #expect(try list.parse("t-shirt") == [.label(.id(5))])
  }

  @Test func namesWithCommasAreFoundWholeAndBySynonym() throws {
    #expect(try list.parse("tench, Tinca tinca,1") == [.label(.id(2)), .label(.id(1))])
    #expect(try list.parse("tinca tinca,hoist") == [.label(.id(2)), .label(.id(4))])
    #expect(try list.parse("crane,hoist") == [.label(.id(4))])
  }

  @Test func errorsAreExact() {
    func expect(_ text: String, _ error: ClassListError) {
      #expect(throws: error) { try list.parse(text) }
    }
    expect("", .empty)
    expect("1,,2", .empty)
    expect("6", .outOfRange(id: "6", classes: 6))
    expect("2-9", .outOfRange(id: "9", classes: 6))
    expect(
      "99999999999999999999", .outOfRange(id: "99999999999999999999", classes: 6))
    expect("crane", .ambiguous("crane", ids: [3, 4]))
    expect("red sneeker", .unknownName("red sneeker", suggestions: ["red sneaker"]))
    expect("sneaker", .unknownName("sneaker", suggestions: ["red sneaker", "blue sneaker"]))
    expect("qqqqqq", .unknownName("qqqqqq", suggestions: []))
    expect("-1", .unknownName("-1", suggestions: []))
    #expect(throws: ClassListError.noNames("cat", classes: 20)) {
      try ClassList(classes: 20, names: []).parse("cat")
    }
  }

  @Test func messagesSayWhatToDo() {
    #expect(
      ClassListError.unknownName("red sneeker", suggestions: ["red sneaker"]).description
        == "no class is named \"red sneeker\"; did you mean \"red sneaker\"?")
    #expect(
      ClassListError.outOfRange(id: "6", classes: 6).description
        == "class 6 does not exist; the model has the classes 0 to 5")
  }
}
