"""The parts of a recursion in depth, one concept a module.

Nothing here knows a task, a recipe or a file; it depends on torch alone.
"""
