internal import CTorch

/// Tokens and heads of one of several tensors that one rank sends another.
package struct HeadPart: Equatable {
    /// Which tensor.
    let tensor: Int
    /// Which they are with the sender.
    let tokens, heads: Range<Int>
    /// Which the first is with the receiver.
    let firstToken, firstHead: Int

    /// - Parameters:
    ///   - tensor: which tensor
    ///   - tokens: which of the sender's tokens
    ///   - heads: which of the sender's heads
    ///   - firstToken: where the receiver gets the first token
    ///   - firstHead: where the receiver gets the first head
    package init(tensor: Int = 0, tokens: Range<Int>, heads: Range<Int>, firstToken: Int, firstHead: Int) {
        (self.tensor, self.tokens, self.heads) = (tensor, tokens, heads)
        (self.firstToken, self.firstHead) = (firstToken, firstHead)
    }

    var shim: ct_part {
        ct_part(
            tensor: tensor, tokens: Int64(tokens.count), heads: Int64(heads.count),
            from_token: Int64(tokens.lowerBound), from_head: Int64(heads.lowerBound), to_token: Int64(firstToken),
            to_head: Int64(firstHead))
    }
}
