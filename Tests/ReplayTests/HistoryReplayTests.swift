import Testing

@Suite struct HistoryReplayTests { @Test func placeholder() {} }
