"""Who may do what: roles, API keys kept in the store, and who a request comes from."""
