"""What a run of the page shows, for tests to ask."""

from __future__ import annotations

QUERY = "effusion but no calcification"


def html_of(test) -> str:
    bodies = [element.proto.body for element in test.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))


def labels(test) -> list[str]:
    return [button.label for button in test.button]


def hits(test) -> list[int]:
    """Ids of medneg's hits, as the cards' buttons would open them."""
    return [hit.image_id for hit in test.session_state["answers"]["chosen"][1].hits]


def chips(test) -> list[str]:
    """The chips in the address."""
    held = test.query_params.get("chip", [])
    return [held] if isinstance(held, str) else list(held)


def asked(test):
    """The query that was searched for."""
    return test.session_state["answers"]["chosen"][1].query


def key_of(widgets, beginning: str) -> str:
    """The key of the one widget whose key begins so: keys of choices go on with what they are about."""
    (key,) = [widget.key for widget in widgets if widget.key and widget.key.startswith(beginning)]
    return key
