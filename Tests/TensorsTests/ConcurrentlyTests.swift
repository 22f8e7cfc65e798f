import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct ConcurrentlyTests {
    @Test func givesBothResults() throws {
        let x = try tensor([2, 3])
        let (sum, product) = try concurrently { () throws(TensorError) in
            try x + x
        } _: { () throws(TensorError) in
            try x * x
        }
        #expect(try sum.distance(to: x * 2) <= 1e-6)
        #expect(try product.distance(to: x * x) == 0)
    }

    /// After an error on either side the next one works as if nothing had been.
    @Test(arguments: [true, false]) func passesErrorsOn(_ isAside: Bool) throws {
        let (x, other) = (try tensor([2, 3]), try tensor([4, 5]))
        #expect(throws: TensorError.self) {
            try concurrently { () throws(TensorError) in
                try isAside ? x + other : x
            } _: { () throws(TensorError) in
                try isAside ? x : x + other
            }
        }
        try givesBothResults()
    }
}
