"""Run by Alembic: migrates the connection that it was given, inside the transaction that is open there."""

from alembic import context

from runproxy.audit.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
