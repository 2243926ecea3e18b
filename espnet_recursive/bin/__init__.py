"""Commands: ``get_parser()`` and ``main(cmd=None)`` each, thin skins over the other rooms.

Each runs as ``python -m espnet_recursive.bin.<name>`` and as ``espnet-recursive <name>``, there
with hyphens.
"""
