"""What each kind of API answers for a site's state, and what the registry says of it: a module a kind."""
