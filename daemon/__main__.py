"""The `suian` command."""


def main() -> None:
    """Run the command line."""
