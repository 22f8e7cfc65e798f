import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct TensorMemoryTests {
    @Test func borrowsMemoryWithoutACopy() throws {
        let memory = Memory([1, 2, 3, 4, 5, 6])
        let x = try memory.tensor([2, 3])
        memory.floats[4] = 50
        #expect(try x.floats() == [1, 2, 3, 4, 50, 6])
    }

    /// What only looks at numbers in another way must see them change with the memory.
    @Test func viewsShareTheirMemory() throws {
        let memory = Memory((0..<12).map(Float.init))
        let x = try memory.tensor([2, 6])
        let views: [String: Tensor] = [
            "reshaped": try x.reshaped(3, 4), "permuted": try x.permuted(1, 0), "transposed": try x.transposed(0, 1),
            "unsqueezed": try x.unsqueezed(1), "squeezed": try x.reshaped(1, 12).squeezed(0),
            "expanded": try x.unsqueezed(0).expanded(3, -1, -1), "slice": try x.slice(0..<1, axis: 0),
            "select": try x.select(0, axis: 0), "chunks": try x.chunks(2)[0], "contiguous": try x.contiguous(),
            "converted to its own type": try x.to(.float32), "repeated once": try x.repeated(1, axis: 0),
        ]
        memory.floats[0] = 99
        for (name, view) in views { #expect(try view.floats()[0] == 99, "\(name)") }
    }

    @Test func copiesAreOnTheirOwn() throws {
        let memory = Memory((0..<6).map(Float.init))
        let x = try memory.tensor([2, 3])
        let copies: [String: Tensor] = [
            "contiguous of a transposed": try x.transposed(0, 1).contiguous(),
            "reshaped of a transposed": try x.transposed(0, 1).reshaped(6),
            "concatenated": try concatenate([x, x], axis: 0), "stacked": try stack([x, x], axis: 0),
            "repeated": try x.repeated(2, axis: 0), "padded": try x.padded(0, 1), "converted": try x.to(.float64),
            "gathered": try x.gathered(Tensor([0 as Int32], shape: [1]), axis: 0),
            "made of an array": try Tensor(x.floats(), shape: [2, 3]),
        ]
        memory.floats[0] = 99
        for (name, copy) in copies { #expect(try copy.floats()[0] == 0, "\(name)") }
    }

    @Test func keepsTheOwnerWhileAnyViewLives() throws {
        let releases = Counter()
        var view: Tensor? = try Memory([1, 2, 3, 4]) { releases.value += 1 }.tensor([4]).slice(1..<3, axis: 0)
        #expect(releases.value == 0)
        #expect(try view?.floats() == [2, 3])
        view = nil
        #expect(releases.value == 1)
    }

    @Test func letsTheOwnerGoOnceWhenItCannotBeBorrowed() throws {
        let releases = Counter()
        #expect(throws: TensorError.self) {
            _ = try Memory([1, 2, 3, 4]) { releases.value += 1 }.tensor([-2, -2])
        }
        #expect(releases.value == 1)
    }

    @Test func letsTheOwnerGoOnceWhenALaterOperationFails() throws {
        let releases = Counter()
        #expect(throws: TensorError.self) {
            let x = try Memory([1, 2, 3, 4]) { releases.value += 1 }.tensor([2, 2])
            _ = try x.reshaped(3)
        }
        #expect(releases.value == 1)
    }

    @Test func borrowsNothingForATensorOfNoNumbers() throws {
        let owner = Memory([])
        let x = try Tensor(
            borrowing: UnsafeRawBufferPointer(start: nil, count: 0), .float32, shape: [0, 4], owner: owner)
        #expect(x.shape == [0, 4])
        #expect(try x.floats().isEmpty)
    }

    /// Ten thousand tensors of a megabyte each fit only if every one is given back.
    @Test func givesEveryTensorBack() throws {
        let x = try Tensor.full(1, [262_144])
        for _ in 0..<10000 { _ = try x.slice(0..<1, axis: 0) + Tensor.empty([262_144]).slice(0..<1, axis: 0) }
    }
}
