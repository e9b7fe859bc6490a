"""Who changed what in a store, chained so that a change of the telling is found."""
