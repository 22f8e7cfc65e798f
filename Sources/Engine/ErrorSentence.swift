extension Error {
    /// What a person is told: the error's own sentence, or ours where Foundation has but a domain and a number.
    package var sentence: String { LibraryError(self)?.description ?? "\(self)" }
}
