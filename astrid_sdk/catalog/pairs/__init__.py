"""Science observations with the references to subtract from them."""
