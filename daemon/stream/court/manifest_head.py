"""What the head of a manifest says that its carriers need: which case, and up to which entry."""

import json

from daemon.errors import ContractError


def spoken_of(manifest: bytes) -> tuple[str, int]:
    """Return the case key and the newest entry of which a manifest speaks; raises ContractError."""
    try:
        head = json.loads(manifest)["head"]
        return str(head["case_key"]), int(head["journal"]["sequence"])
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError("what should be a manifest is none") from error
