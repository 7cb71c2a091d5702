"""Alembic migrations of the audit store; `store` runs them when a store is opened."""
