"""`router audit`: the promises, judged by what stands on the topics."""
