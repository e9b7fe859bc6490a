"""The steps of the chain: one module each, bytes in and bytes out, around the pure functions.

A step's code version covers its module and the modules of `pipeline` and `sky` that it imports,
so a step imports no other step.
"""
