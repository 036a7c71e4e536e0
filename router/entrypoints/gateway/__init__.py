"""`router gateway`: events come in over HTTP and webhooks, and go out as pages and a stream. Decides nothing."""
