/// The places of a layout's ranks: outermost guidance, then tensor, context and Ulysses, as TensorRT-LLM numbers them.
package struct Mesh: Sendable, Equatable {
    /// What a group of ranks shares.
    package enum Axis: String, Sendable, CaseIterable {
        /// All work.
        case world
        /// The branches of guidance.
        case guidance
        /// The weights of linear layers.
        case tensor
        /// The tokens, all of them.
        case sequence
        /// The tokens of an attention, beyond heads, as a ring.
        case ring
        /// The queries of a part of the tokens.
        case row
        /// The keys and values of a part of the tokens.
        case column
        /// The heads of an attention.
        case ulysses
        /// The decoding of pixels.
        case decoding
    }

    package let layout: ParallelLayout

    package init(_ layout: ParallelLayout) { self.layout = layout }

    /// The ranks that share something with a rank, itself among them, in their order.
    ///
    /// - Parameters:
    ///   - axis: what they share
    ///   - rank: one of them
    /// - Returns: the rank alone where nothing is shared
    package func members(_ axis: Axis, with rank: Int) -> [Int] {
        let own = place(of: rank)
        return (0..<layout.count).filter { other in
            let place = place(of: other)
            return switch axis {
            case .world: true
            case .guidance: place.replacing(\.guidance, own.guidance) == own
            case .tensor: place.replacing(\.tensor, own.tensor) == own
            case .sequence: place.guidance == own.guidance && place.tensor == own.tensor
            case .ring: isRing && place.replacing(\.context, own.context) == own || other == rank
            case .row:
                !isRing && place.replacing(\.context, own.context) == own
                    && place.context / columns == own.context / columns || other == rank
            case .column:
                !isRing && place.replacing(\.context, own.context) == own
                    && place.context % columns == own.context % columns || other == rank
            case .ulysses: place.replacing(\.ulysses, own.ulysses) == own
            case .decoding: (rank < layout.decoding && other < layout.decoding) || other == rank
            }
        }
    }

    /// Where a rank stands on the axes that do not overlap.
    package struct Place: Sendable, Equatable {
        package var guidance, tensor, context, ulysses: Int

        package init(guidance: Int, tensor: Int, context: Int, ulysses: Int) {
            (self.guidance, self.tensor, self.context, self.ulysses) = (guidance, tensor, context, ulysses)
        }

        fileprivate func replacing(_ axis: WritableKeyPath<Place, Int>, _ value: Int) -> Place {
            var place = self
            place[keyPath: axis] = value
            return place
        }
    }

    package func place(of rank: Int) -> Place {
        let (rest, ulysses) = rank.quotientAndRemainder(dividingBy: layout.ulysses)
        let (outer, context) = rest.quotientAndRemainder(dividingBy: layout.contextSize)
        let (guidance, tensor) = outer.quotientAndRemainder(dividingBy: layout.tensor)
        return Place(guidance: guidance, tensor: tensor, context: context, ulysses: ulysses)
    }

    private var isRing: Bool { if case .ring = layout.context { true } else { false } }
    private var columns: Int { if case .mesh(_, let columns) = layout.context { columns } else { 1 } }
}
