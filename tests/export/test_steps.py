"""The progress of an export."""

from espnet_recursive.export import steps as module
from espnet_recursive.export.steps import steps


class Bar:
    def __init__(self, **options):
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def update(self, number):
        self.seen.append(int(number))

    def set_description(self, name):
        self.seen.append(name)


def test_a_step_counts_when_it_is_over(monkeypatch):
    bar = Bar()
    monkeypatch.setattr(module, "tqdm", lambda **options: bar)
    with steps(2) as step:
        step("load")
        step("trace")
    assert bar.seen == [0, "load", 1, "trace", 1]
