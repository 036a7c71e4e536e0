"""
A lost ledger, made again from what stands on the topics. Pure: who reads the log and who keeps the ledger is elsewhere.

`sequence` puts assignments in order, `course` follows each lead through them,
`team` the reps, `telling` what else was told, `undone` finds what was asked and
never had its effect, and `image` makes a `router.domain.ledger.state.Ledger`
of it all.
"""
