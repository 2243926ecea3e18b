"""Installs espnet_recursive; what the tools need to know stands in pyproject.toml."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
#: Folders that an installed package has within it, as espnet_recursive/files/shared_files.py finds
#: them, and what recipes download and write there.
SHARED = ("conf", "egs2")
WRITTEN = ("data", "downloads", "dump", "dump_*", "exp", "exp_*", "__pycache__")
#: For those who have no ESPnet yet; espnet_versions.py says which ones are supported.
ESPNET = ["espnet[asr,train]>=202509", "espnet_model_zoo"]
#: What the stages of a recipe, export, and tables and pictures need beside the rest.
RECIPE = ["dask", "dask-jobqueue", "distributed", "lhotse", "matplotlib", "omniio", "scipy"]
ONNX = ["onnx", "onnx-ir", "onnxruntime"]
ANALYSIS = ["matplotlib", "scipy"]
#: What `espnet-recursive transcribe` can do more with: other audio and video than libsndfile reads,
#: and voice activity.
TRANSCRIBE = ["av", "onnxruntime", "silero-vad>=6.2.3", "torchaudio"]
#: What `make docs` and the notebooks need.
DOCS = ["ipykernel", "mkdocs-jupyter", "mkdocs-material", "mkdocstrings[python]", "nbclient"]


def read_constant(name: str) -> str:
    # Read, not imported: the package imports wrapt, which is not there yet.
    text = (HERE / "espnet_recursive" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(rf'^{name}\s*=\s*"([^"]*)"', text, re.MULTILINE)
    if match is None:
        raise RuntimeError(f'espnet_recursive/__init__.py has no line {name} = "..."')
    return match.group(1)


URL = read_constant("__url__")


def read_long_description() -> str:
    readme = HERE / "README.md"
    return readme.read_text(encoding="utf-8") if readme.is_file() else ""


class BuildWithShared(build_py):
    """Copy encoder files and recipes into the package; links become files, as wheels have none."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the package lies in the checkout, beside them
            return
        for name in SHARED:
            target = Path(self.build_lib, "espnet_recursive", "share", name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(HERE / name, target, ignore=shutil.ignore_patterns(*WRITTEN))


setup(
    cmdclass={"build_py": BuildWithShared},
    name="espnet_recursive",
    version=read_constant("__version__"),
    project_urls={"Source": URL, "Changelog": f"{URL}/blob/main/CHANGELOG.md"} if URL else {},
    description="Depth-recursive encoders for ESPnet: fewer parameters, the same computation",
    long_description=read_long_description(),
    long_description_content_type="text/markdown",
    author="The espnet_recursive developers",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.12,<3.14",
    packages=find_packages(include=["espnet_recursive*"]),
    package_data={"espnet_recursive": ["py.typed", "asr/encoder/*.pyi", "export/web/*"]},
    include_package_data=False,
    # No bounds: ESPnet says which versions of the rest it needs, and a bound of ours could only
    # contradict its own (it pins sentencepiece). ESPnet is the user's own, which pip must not
    # replace: espnet_versions.py checks it when it is imported.
    install_requires=[
        "PyYAML",
        "argcomplete",
        "filelock",
        "huggingface_hub",
        "humanfriendly",
        "numpy",
        "packaging",
        "pydantic",
        "sentencepiece",
        "soundfile",
        "soxr",
        "tabulate",
        "torch",
        "tqdm",
        "typeguard",
        "wrapt",
    ],
    extras_require={
        "espnet": ESPNET,
        "recipe": RECIPE,
        "onnx": ONNX,
        "export": ONNX,  # its name before
        "analysis": ANALYSIS,
        "bench": ["speechbrain"],
        "transcribe": TRANSCRIBE,
        "corpora": ["datasets", "lhotse"],
        "docs": DOCS,
        "lm": ["ctc-beam-decoder"],
        "test": [
            *ESPNET,
            *RECIPE,
            *ONNX,
            *ANALYSIS,
            # It has no wheels for other machines, and no source.
            "ctc-beam-decoder; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "kaldi-native-fbank",
            "kaldialign",
            "mypy",
            "pytest",
            "pytest-xdist",
            "pysubs2",
            "ruff",
            "selenium",
            "sherpa-onnx",
            *TRANSCRIBE,
            *DOCS,
        ],
        "whisper": ["transformers"],
    },
    entry_points={
        "console_scripts": [
            "espnet-recursive = espnet_recursive.bin.main:main",
            "espnet-recursive-onnx = espnet_recursive.bin.onnx_transcribe:main",
        ]
    },
    keywords="speech recognition, ESPnet, recursive transformer, layer sharing",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
