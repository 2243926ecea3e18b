"""What a recursion in depth is made of, one concept a module.

Nothing here knows a task, a recipe or a file; it depends on torch alone.
"""
