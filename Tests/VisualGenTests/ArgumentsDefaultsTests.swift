import Testing
@testable import VisualGen
@Suite struct ArgumentsDefaultsTests { @Test func a() throws { print(ConfigValue.mapping(VisualGenArgs().dictionary)) } }
