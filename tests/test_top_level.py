"""Names at the top level of the package."""

import espnet_recursive
from espnet_recursive.registry import ENCODERS, encoder_class


def test_names_are_there_and_listed():
    assert set(espnet_recursive.__all__) <= set(dir(espnet_recursive))
    assert set(espnet_recursive.__all__) == {
        *(name for _, name in ENCODERS.values()),
        "Speech2Text",
        "load_encoder",
        "pipeline",
    }
    for name in espnet_recursive.__all__:
        assert getattr(espnet_recursive, name).__name__ == name
    for name, (_, cls) in ENCODERS.items():
        assert getattr(espnet_recursive, cls) is encoder_class(name)


def test_listing_them_imports_nothing(run_python):
    code = "import sys, espnet_recursive as e; dir(e); print('torch' in sys.modules)"
    assert run_python("-c", code).stdout == "False\n"


def test_other_names_are_no_attributes(run_python):
    code = "import espnet_recursive\ntry:\n    espnet_recursive.load_encodr\nexcept "
    code += "AttributeError as error:\n    print(error)"
    said = "module 'espnet_recursive' has no attribute 'load_encodr'\n"
    assert run_python("-c", code).stdout == said
