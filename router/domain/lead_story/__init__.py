"""
One lead's whole story, told from the events of the log: decisions, attempts, waits, clocks, who heard, how it stands.

Start at `router.domain.lead_story.tell`; the words of the answer are in `shape`.
Reading the log and showing the story are left to whoever asks for it.
"""
