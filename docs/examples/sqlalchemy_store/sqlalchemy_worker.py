from sqlalchemy import create_engine
from sqlalchemy_store import SqlAlchemyStore, entries

from irma_core import Handles, Requestor


def make_handles(requestor: Requestor, database_url: str, sealing_keys: list[str]) -> Handles:
    """Return handles for the browser; call this in each worker process, after its fork."""
    engine = create_engine(database_url, hide_parameters=True, pool_pre_ping=True, pool_timeout=5)
    entries.metadata.create_all(engine)  # or let a migration create the table
    return Handles(requestor, sealing_keys, store=SqlAlchemyStore(engine), purpose="login")
