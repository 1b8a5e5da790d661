"""Exit: the court server pulls pages here."""
