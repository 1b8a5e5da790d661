"""The court's side: pull, check, store, acknowledge; from one appliance or from many."""
