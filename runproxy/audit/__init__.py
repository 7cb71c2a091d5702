"""The audit: which team writes which metadata, kept so that nothing is lost and no change goes unseen.

`event` is what is kept of a call, `describing` makes it of one, and `auditor` writes it down while runproxy runs.
`schema`, `store` and `writing` are the database, `chain` and `verifying` what proves it whole, `pruning` and `archive`
how it is kept small. `filters`, `counting`, `report` and `reading` ask it, `simulate` tries other rules on it.

Nothing is imported here: SQLAlchemy is loaded only where there is an audit.
"""
