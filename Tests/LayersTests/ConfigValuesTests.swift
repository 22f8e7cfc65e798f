import Foundation
import Layers
import Testing

@Suite struct ConfigValuesTests {
    private func values(_ json: String) throws -> ConfigValues {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
        return ConfigValues(try #require(object as? [String: Any]))
    }

    @Test func readsEachTypeOfValue() throws {
        let values = try values(
            #"{"count": 3, "size": 2.0, "share": 0.5, "flag": true, "name": "a", "list": [1, 2], "inner": {"count": 4}}"#
        )
        #expect(try values.count("count") == 3 && values.count("size") == 2)
        #expect(try values.value("share") as Double == 0.5)
        #expect(try values.value("flag") as Bool)
        #expect(try values.value("name") as String == "a")
        #expect(try values.value("list") as [Int] == [1, 2])
        #expect(try values.object("inner").count("count") == 4)
        #expect(try values.count("other", or: 7) == 7)
        #expect(values.unknown.isEmpty)
    }

    @Test(arguments: [
        ("{}", "nothing"), (#"{"a": null}"#, "nothing"), (#"{"a": "3"}"#, "\"3\""), (#"{"a": 2.5}"#, "2.5"),
        (#"{"a": true}"#, "true"), (#"{"a": -1}"#, "-1"), (#"{"a": 16777217}"#, "16777217"), (#"{"a": [1]}"#, "[1]"),
        (#"{"a": 1e300}"#, "1e+300"),
    ])
    func refusesWhatIsNoCount(_ json: String, _ found: String) throws {
        let values = try values(#"{"part": \#(json)}"#).object("part")
        #expect(throws: ConfigFault.value("part.a", found: found)) { try values.count("a") }
    }

    @Test func namesWhatNobodyAskedFor() throws {
        let values = try values(
            #"{"a": 1, "b": 2, "_c": 3, "no": false, "none": null, "in": {"d": 1, "e": {}}, "of": [["x", {"f": 1}]]}"#)
        _ = try values.count("a")
        _ = try values.object("in")
        #expect(try values.named("of").map(\.name) == ["x"])
        #expect(values.unknown == ["b", "in.d", "in.e", "of[0].f"])
        values.pass("b")
        #expect(values.unknown == ["in.d", "in.e", "of[0].f"])
    }

    @Test func holdsValuesToWhatIsComputed() throws {
        let values = try values(#"{"kind": "rope", "wide": true, "blocks": [["a"]]}"#)
        try values.require("kind", "rope")
        try values.require("none", 4)
        #expect(throws: ConfigFault.value("wide", found: "true")) { try values.require("wide", false) }
        #expect(throws: ConfigFault.value("kind", found: "\"rope\"")) { try values.require("kind", 3) }
        #expect(throws: ConfigFault.value("blocks[0]", found: "[\"a\"]")) { try values.named("blocks") }
        #expect(throws: ConfigFault.value("kind", found: "\"rope\"")) { try values.named("kind") }
        #expect(throws: ConfigFault.value("kind", found: "\"rope\"")) { try values.object("kind") }
    }
}
