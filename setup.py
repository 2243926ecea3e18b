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
#: What `espnet-recursive export` needs.
EXPORT = ["onnx", "onnx-ir", "onnxruntime"]


def read_version() -> str:
    # Read, not imported: the package imports wrapt, which is not there yet.
    text = (HERE / "espnet_recursive" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__\s*=\s*"([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise RuntimeError('espnet_recursive/__init__.py has no line __version__ = "..."')
    return match.group(1)


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
    version=read_version(),
    description="Depth-recursive encoders for ESPnet: fewer parameters, the same computation",
    long_description=read_long_description(),
    long_description_content_type="text/markdown",
    author="The espnet_recursive developers",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.12,<3.14",
    packages=find_packages(include=["espnet_recursive*"]),
    package_data={"espnet_recursive": ["py.typed"]},
    include_package_data=False,
    # Only ESPnet's own version is bounded. The rest is what we import ourselves, and ESPnet says
    # which versions: a bound of ours could only contradict its own (it pins sentencepiece).
    install_requires=[
        "espnet[asr,train]>=202611,<202612",
        "PyYAML",
        "dask",
        "dask-jobqueue",
        "distributed",
        "espnet_model_zoo",
        "filelock",
        "huggingface_hub",
        "humanfriendly",
        "lhotse",
        "matplotlib",
        "numpy",
        "packaging",
        "pydantic",
        "scipy",
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
        "bench": ["speechbrain"],
        "export": EXPORT,
        "lm": ["ctc-beam-decoder"],
        "test": [
            # It has no wheels for other machines, and no source.
            "ctc-beam-decoder; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "kaldi-native-fbank",
            "kaldialign",
            "mypy",
            "pytest",
            "pytest-xdist",
            "ruff",
            "sherpa-onnx",
            "silero-vad",
            *EXPORT,
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
