"""The service: what a phone asks of, and one look at the whole road."""
