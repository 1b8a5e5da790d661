"""One file a command of `suian`."""
