"""The page: people answer what waits and look at executions, in a browser.

A surface like the others: each handler parses, calls one operation, renders.
"""
