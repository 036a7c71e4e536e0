"""Speed-to-lead router: a form submission becomes a decision, an owner, a notification and a running clock."""
