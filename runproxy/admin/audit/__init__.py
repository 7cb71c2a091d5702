"""The audit over HTTP, for reading only: `archive` asks the store, `tables` are the answers, `api` gives them as JSON.

Nothing is imported here: SQLAlchemy is loaded only where there is an audit.
"""
