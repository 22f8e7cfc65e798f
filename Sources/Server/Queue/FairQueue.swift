/// Who is served next: the most urgent first, and among equals the owner who has had the least.
///
/// An owner's account grows by the cost of what is served. One who comes anew begins where the accounts of those who
/// wait are, so that nobody saves up turns. Whoever waits a minute counts as more urgent by one, so that nobody waits
/// for ever.
package struct FairQueue: Sendable {
    /// What waits.
    package struct Entry: Sendable, Equatable {
        package let number: Int
        package let owner: String
        package let priority: Priority
        /// Steps times pixels.
        package let cost: Double
        package let arrival: ContinuousClock.Instant
        /// Whether it was served before, in vain: it comes before all others, and is on its owner's account already.
        fileprivate var isBack = false

        /// - Parameters:
        ///   - number: its own; a later one is greater
        ///   - owner: who asks
        ///   - priority: how urgent it is
        ///   - cost: steps times pixels
        ///   - arrival: when it came
        package init(
            number: Int, owner: String, priority: Priority, cost: Double, arrival: ContinuousClock.Instant = .now
        ) {
            (self.number, self.owner, self.priority, self.cost) = (number, owner, priority, cost)
            self.arrival = arrival
        }
    }

    fileprivate static let patience = Duration.seconds(60)

    /// In the order they came.
    package private(set) var entries: [Entry] = []
    private var accounts: [String: Double] = [:]
    /// The account of who was served last, before the cost.
    private var clock = 0.0

    package init() {}

    /// - Parameter entry: comes last
    package mutating func add(_ entry: Entry) {
        if !entries.contains(where: { $0.owner == entry.owner }) {
            accounts[entry.owner] = max(accounts[entry.owner] ?? 0, clock)
        }
        entries.append(entry)
    }

    /// Takes one back that was served in vain; it is the next, behind others of its kind that came before it.
    ///
    /// - Parameter entry: what was taken out
    package mutating func putBack(_ entry: Entry) {
        var entry = entry
        entry.isBack = true
        entries.append(entry)
    }

    /// Takes the next one out, on its owner's account.
    ///
    /// - Parameter now: the time
    /// - Returns: nil if nobody waits
    package mutating func next(at now: ContinuousClock.Instant = .now) -> Entry? {
        guard let place = best(of: entries.indices, at: now) else { return nil }
        let entry = entries.remove(at: place)
        if !entry.isBack { clock = accounts[entry.owner] ?? 0 }
        charge(entry)
        return entry
    }

    /// The next request that could join the batch; it stays in the queue and is not charged.
    ///
    /// - Parameter matches: which may be
    /// - Returns: the next in order that matches, or nil
    package func candidate(matching matches: (Entry) -> Bool) -> Entry? {
        best(of: entries.indices.filter { matches(entries[$0]) }, at: .now).map { entries[$0] }
    }

    /// Takes one out that is served together with the one before, on its owner's account.
    ///
    /// - Parameter number: which
    package mutating func take(_ number: Int) {
        guard let place = entries.firstIndex(where: { $0.number == number }) else { return }
        charge(entries.remove(at: place))
    }

    /// The numbers of all that wait, in the order in which they would be served if nobody came any more.
    ///
    /// - Parameter now: the time
    /// - Returns: the numbers
    package func forecast(at now: ContinuousClock.Instant = .now) -> [Int] {
        var accounts = accounts
        // Of each owner, the last is the next.
        var lines = Dictionary(grouping: entries, by: \.owner).mapValues { line in
            line.sorted { ($1.place, $0.urgency(at: now), $1.number) < ($0.place, $1.urgency(at: now), $0.number) }
        }
        return entries.compactMap { _ in
            let heads = lines.values.compactMap(\.last)
            guard let next = heads.min(by: { rank($0, accounts, now) < rank($1, accounts, now) }) else { return nil }
            lines[next.owner]?.removeLast()
            if !next.isBack { accounts[next.owner, default: clock] += next.cost }
            return next.number
        }
    }

    /// Takes one out that is not served.
    ///
    /// - Parameter number: which
    /// - Returns: whether it waited
    @discardableResult
    package mutating func remove(_ number: Int) -> Bool {
        guard let place = entries.firstIndex(where: { $0.number == number }) else { return false }
        entries.remove(at: place)
        return true
    }

    private mutating func charge(_ entry: Entry) {
        if !entry.isBack { accounts[entry.owner, default: clock] += entry.cost }
        // What an owner had before the clock is of no use any more.
        if entries.isEmpty { accounts = accounts.filter { $0.value > clock } }
    }

    /// The place of the one that is served first.
    private func best(of places: some Sequence<Int>, at now: ContinuousClock.Instant) -> Int? {
        places.min { rank(entries[$0], accounts, now) < rank(entries[$1], accounts, now) }
    }

    /// The smallest is served first.
    private func rank(
        _ entry: Entry, _ accounts: [String: Double], _ now: ContinuousClock.Instant
    ) -> (Int, Int, Double, Int) {
        (entry.place, -entry.urgency(at: now), accounts[entry.owner] ?? 0, entry.number)
    }
}

extension FairQueue.Entry {
    /// What was served in vain stands before what was not.
    fileprivate var place: Int { isBack ? 0 : 1 }

    /// Its priority, and one more for each minute that it has waited.
    fileprivate func urgency(at now: ContinuousClock.Instant) -> Int {
        priority.rawValue + Int((now - arrival) / FairQueue.patience)
    }
}
