"""The page in Chromium: OnnxRecognizer's texts, every depth, and a sentence for what is wrong."""

import shutil
import tarfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
import scipy.signal
import soundfile
import soxr
from selenium.webdriver import ActionChains, Keys

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.recogniser_export import RecogniserOptions
from espnet_recursive.export.web_export import export_web
from espnet_recursive.onnx_recognizer import OnnxRecognizer
from espnet_recursive.recipe.data_dir import read_table
from tests.convert.models import RECURSION, write_experiment
from tests.export.browser import chromium, console, fetch_onnxruntime_web, fetch_package, served
from tests.export.conftest import build

RATE = 16000


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return fetch_onnxruntime_web(tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    """A model of 3 loops, whose texts are long and depend on its depth."""
    root = tmp_path_factory.mktemp("web")
    return write_experiment(root, "recursive", "latent_recursive_transformer", **RECURSION)


@pytest.fixture(scope="module")
def folder(exp, package, tmp_path_factory):
    """Its page."""
    folder = tmp_path_factory.mktemp("page") / "page"
    export_web(exp, folder, RecogniserOptions(), onnxruntime_web=package)
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """The page, as the test before left it or new."""
    if browser.driver.current_url != address:
        browser.open(address)
    return browser


@pytest.fixture(scope="module")
def an4(tmp_path_factory):
    """The seven utterances of AN4 that ESPnet carries, as files that browsers read."""
    root = tmp_path_factory.mktemp("an4")
    tables = [
        read_table(Path(directory) / "wav.scp")
        for directory in prepare_mini_an4(root / "data", root / "downloads")
    ]
    files = []
    for utterance, sphere in sorted((k, v) for table in tables for k, v in table.items()):
        samples, rate = soundfile.read(sphere, dtype="int16")
        files.append(root / f"{utterance}.wav")
        soundfile.write(files[-1], samples, rate)
    assert len(files) == 7
    return files


def read(file):
    """As Chromium decodes 16 bits: -32768 is -1, and 32767 is 1."""
    samples, rate = soundfile.read(file, dtype="int16")
    assert rate == RATE
    return (samples / np.where(samples < 0, 32768, 32767)).astype(np.float32)


def written(word):
    return f"{word.text} {word.start:.2f}\u2013{word.end:.2f}"


def test_an4_at_every_depth(page, folder, an4):
    """Texts and words with their times, and the text after each depth beside them."""
    recognizer = OnnxRecognizer(folder, threads=1)
    assert page["status"] == "Ready" and not page["error"]
    assert page.find("loops").get_attribute("max") == "5" and page["chosen"].startswith("3, as the")
    texts = []
    for file in an4:
        found = recognizer(read(file), RATE)
        assert page.recognise(file) == found.text.strip() != ""
        texts.append(found.text)
        assert page.words() == [written(word) for word in found.words]
        assert page.depths() == [
            (loops, " ".join(recognizer(read(file), RATE, loops).text.split()))
            for loops in (1, 2, 3, 4, 5)
        ]
    assert len(set(texts)) == 7 and page["status"] == f"Recognised {file.name}"
    figures = page["figures"]
    size = (folder / "model.onnx").stat().st_size
    assert f"{size / 1e6:.1f} MB, float32" in figures and "Real-time factor" in figures
    assert not page["error"] and console(page) == []


COUNT_RUNS = """
    const send = Worker.prototype.postMessage
    window.runs = []
    Worker.prototype.postMessage = function (message, ...more) {
        if (message.call === 'run') runs.push(message.loops)
        return send.call(this, message, ...more)
    }"""
SLIDE = """
    const slider = document.getElementById('loops')
    for (const loops of arguments[0]) {
        slider.value = loops
        slider.dispatchEvent(new Event('input'))
    }"""


def test_the_slider_changes_the_text(page, folder, an4, tmp_path):
    recognizer = OnnxRecognizer(folder, threads=1)
    file = an4[3]
    texts = {loops: recognizer(read(file), RATE, loops).text.strip() for loops in (1, 3, 5)}
    assert page.recognise(file) == texts[3]
    for loops in (1, 5, 3):
        page.choose(loops)
        assert page["text"] == texts[loops] and page["chosen"].split(",")[0] == str(loops)
    assert len(set(texts.values())) == 3
    # Under a finger that slides, only the first and the last are computed, as far as not known.
    long = tmp_path / "long.wav"
    soundfile.write(long, np.concatenate([read(file) for file in an4] * 2), RATE, "PCM_16")
    page.driver.execute_script(COUNT_RUNS)
    page.find("file").send_keys(str(long))
    page.until(lambda: page["status"] != "Reading long.wav")
    page.driver.execute_script(SLIDE, [1, 2, 4, 5, 4, 2, 1, 5, 3])
    page.settle()
    assert sorted(page.driver.execute_script("return runs")) == [1, 2, 3, 4, 5]
    assert page["text"] == recognizer(read(long), RATE, 3).text.strip()
    page.recognise(file)
    marked = page.driver.execute_script(
        "return [...document.querySelectorAll('#depths tbody tr')]"
        ".map(row => [row.ariaCurrent, row.querySelectorAll('mark').length])"
    )
    assert [current for current, _ in marked] == ["false", "false", "true", "false", "false"]
    assert marked[2][1] == 0 < marked[0][1]


@pytest.mark.exhaustive
def test_long_audio_in_pieces(page, folder, an4, tmp_path):
    samples = np.concatenate([read(file) for file in an4 * 6])[: 65 * RATE]
    soundfile.write(tmp_path / "long.wav", samples, RATE, "PCM_16")
    expected = OnnxRecognizer(folder, threads=1)(read(tmp_path / "long.wav"), RATE)
    assert page.recognise(tmp_path / "long.wav") == expected.text.strip()
    words = page.words()
    assert len(words) == len(expected.words)
    assert words[-1] == written(expected.words[-1])
    # Long audio is compared when it is asked for.
    assert page.shown("compare") and not page.shown("depths")
    page.find("compare").click()
    page.until(lambda: page.shown("depths"))
    page.settle()
    assert [loops for loops, _ in page.depths()] == [1, 2, 3, 4, 5]


def test_files_of_other_rates_and_channels(page, an4, tmp_path):
    samples = read(an4[3])
    stereo = np.stack([1.5 * samples, 0.5 * samples], 1)
    soundfile.write(tmp_path / "cd.flac", soxr.resample(stereo, RATE, 44100), 44100)
    script = """
        const [address, done] = arguments
        Promise.all([import('./audio.js'), fetch(address).then(response => response.blob())])
            .then(([{ samplesOf }, blob]) => samplesOf(new File([blob], 'cd.flac'), 16000))
            .then(samples => done([...samples]), error => done(error.message))"""
    with served(tmp_path, Access_Control_Allow_Origin="*") as address:
        found = np.array(page.driver.execute_async_script(script, address + "cd.flac"))
    assert abs(len(found) - len(samples)) <= 2
    assert relative_difference(found, samples) < 0.05


def relative_difference(found, expected):
    size = min(len(found), len(expected))
    return np.linalg.norm(found[:size] - expected[:size]) / np.linalg.norm(expected[:size])


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(page, an4, tmp_path, scheme):
    """By axe's rules, which know names, roles and contrast, and on a narrow screen."""
    package = fetch_package(tmp_path, "axe-core@4.14.1")
    with tarfile.open(package) as archive:
        axe = archive.extractfile("package/axe.min.js").read().decode()
    (tmp_path / "notes.txt").touch()
    try:
        page.prefer(scheme, width=320)
        for file in (an4[3], tmp_path / "notes.txt"):
            page.recognise(file)
            page.driver.execute_script(axe)
            found = page.driver.execute_async_script("axe.run().then(arguments[0])")
            assert [(each["id"], each["nodes"]) for each in found["violations"]] == []
            assert len(found["passes"]) > 10
            assert page.driver.execute_script("return document.documentElement.scrollWidth") == 320
    finally:
        page.prefer("light")


def test_by_keyboard(page, an4):
    page.recognise(an4[3])
    page.driver.execute_script("document.activeElement.blur()")
    reached = []
    for _ in range(5):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        reached.append(page.driver.switch_to.active_element.get_attribute("id"))
    assert reached == ["record", "file", "play", "loops", ""]
    page.find("loops").send_keys(Keys.ARROW_LEFT)
    page.settle()
    assert page["chosen"] == "2" == page.find("loops").get_attribute("aria-valuetext")
    page.choose(3)


def test_audio_that_is_refused(page, an4, tmp_path):
    for name, samples, message in (
        ("notes.txt", None, "notes.txt is no audio that this browser can read. Try WAV"),
        ("short.wav", np.ones(100) / 2, "short.wav is too short: 100 samples, where 960 (0.060 s)"),
        ("still.wav", np.zeros(RATE), "still.wav is silent: all its samples are 0"),
        ("none.wav", np.zeros(0), "none.wav is "),
    ):
        if samples is None:
            (tmp_path / name).write_text("no audio", encoding="utf-8")
        else:
            soundfile.write(tmp_path / name, samples, RATE, "PCM_16")
        page.recognise(tmp_path / name)
        assert page["error"].startswith(message) and page.shown("error")
        assert page["text"] == "Record or open a file." and not page.shown("depths")
    assert page.recognise(an4[0]) and not page.shown("error")  # and it goes on


def cut(folder):
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1000])


def another(folder):
    onnx.save(encoder_graph(build("transformer", (1, 1, 0, 0)), 20), folder / "model.onnx")


def of_other_tokens(folder):
    file = folder / "metadata.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('\\"a\\", ', ""), encoding="utf-8")


@contextmanager
def broken(browser, folder, tmp_path, fault):
    copy = shutil.copytree(folder, tmp_path / "page")
    fault(copy)
    with served(copy) as address:
        yield browser.open(address)


def test_a_broken_model_says_so(browser, folder, tmp_path):
    with broken(browser, folder, tmp_path, cut) as page:
        message = "model.onnx cannot be opened: it is cut or no ONNX file. Copy or export it again."
        assert page["error"].startswith(message) and page.shown("error")
        assert page["status"] == "The model is not loaded."
        assert not page.find("record").is_enabled() and not page.find("file").is_enabled()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (another, "model.onnx has no waveform, so it is no recogniser of audio: make one with"),
        (lambda f: (f / "model.onnx").unlink(), "model.onnx cannot be fetched (404 "),
        (lambda f: (f / "metadata.json").unlink(), "metadata.json cannot be read: copy the whole"),
        (lambda f: (f / "metadata.json").write_text("{}"), "metadata.json has no sampling_rate"),
        (lambda f: (f / "ort/ort.js").unlink(), "ort/ort.js cannot be loaded: copy the whole"),
        (lambda f: (f / "ort/ort-wasm.wasm").unlink(), "onnxruntime-web cannot start in this"),
        (lambda f: (f / "worker.js").unlink(), "worker.js cannot run: copy the whole folder"),
    ],
)
def test_a_broken_folder_says_so(browser, folder, tmp_path, fault, message):
    with broken(browser, folder, tmp_path, fault) as page:
        assert page["error"].startswith(message) and page.shown("error")
        assert page["status"] == "The model is not loaded."


@pytest.mark.exhaustive
def test_parts_of_two_models(browser, folder, an4, tmp_path):
    with broken(browser, folder, tmp_path, of_other_tokens) as page:
        page.recognise(an4[0])
        assert page["error"].startswith("model.onnx has 9 tokens and metadata.json 8")


@pytest.mark.exhaustive
def test_without_scripts_the_page_says_how_to_serve_it(browser, folder):
    browser.driver.get(f"file://{folder}/index.html")
    browser.until(lambda: browser.shown("unserved"))
    assert "python3 -m http.server" in browser["unserved"]


def test_a_stock_model_has_no_slider(browser, package, an4, tmp_path):
    exp = write_experiment(tmp_path, "stock", "transformer", num_blocks=2)
    folder = tmp_path / "page"
    export_web(exp, folder, RecogniserOptions(), onnxruntime_web=package)
    with served(folder) as address:
        page = browser.open(address)
        assert not page.shown("depth") and not page.shown("comparison")
        expected = OnnxRecognizer(folder, threads=1)(read(an4[3]), RATE).text
        assert page.recognise(an4[3]) == expected.strip() != ""
        assert not page.shown("comparison") and not page.shown("depth")


@pytest.mark.exhaustive
def test_int8(browser, exp, package, an4, tmp_path):
    folder = tmp_path / "page"
    export_web(exp, folder, RecogniserOptions(precision="int8"), onnxruntime_web=package)
    with served(folder) as address:
        page = browser.open(address)
        assert "int8, dynamic" in page["figures"]
        same = 0
        for file in an4:
            expected = OnnxRecognizer(folder, threads=1)(read(file), RATE).text
            same += page.recognise(file) == expected.strip() != ""
        # Sums of integers are exact, their scales are not: a label on the edge may differ.
        assert same >= 5


@pytest.mark.exhaustive
def test_threads_where_the_server_allows_them(browser, folder, an4):
    headers = {
        "Cross_Origin_Opener_Policy": "same-origin",
        "Cross_Origin_Embedder_Policy": "require-corp",
    }
    with served(folder, **headers) as address:
        page = browser.open(address)
        cores = page.driver.execute_script("return navigator.hardwareConcurrency")
        assert f"{min(4, cores)} thread" in page["figures"]
        expected = OnnxRecognizer(folder, threads=1)(read(an4[3]), RATE).text
        assert page.recognise(an4[3]) == expected.strip()


def test_without_a_microphone(page):
    page.find("record").click()
    page.until(lambda: page["error"])
    assert page["error"].startswith(("No microphone was found", "The microphone is not allowed"))
    assert page["record"] == "Record" and page.find("file").is_enabled()


@pytest.fixture(scope="module")
def heard(an4, tmp_path_factory):
    """What a microphone hears: the seven utterances one after the other."""
    file = tmp_path_factory.mktemp("heard") / "heard.wav"
    samples = np.concatenate([read(file) for file in an4])
    soundfile.write(file, soxr.resample(samples, RATE, 48000), 48000, "PCM_16")
    return file, samples


@pytest.fixture(scope="module")
def with_microphone(address, heard):
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with chromium(*flags, f"--use-file-for-fake-audio-capture={heard[0]}%noloop") as page:
        yield page.open(address)


@pytest.mark.exhaustive
def test_the_microphone_as_it_comes(with_microphone):
    page = with_microphone
    page.find("record").click()
    page.until(lambda: page["record"] == "Stop" and page.shown("meter"))
    seen = set()
    page.until(lambda: seen.add(page["text"]) or float(page["clock"].split()[0]) > 5)
    assert page.find("text").get_attribute("aria-busy") == "true" and not page.shown("times")
    assert len(seen - {"Listening"}) >= 2 and not page["error"]
    page.find("record").click()
    page.settle()
    assert page["status"] == "Recognised the recording" and page.words()
    assert page.find("text").get_attribute("aria-busy") == "false"
    assert [loops for loops, _ in page.depths()] == [1, 2, 3, 4, 5] and not page["error"]


@pytest.mark.exhaustive
def test_what_the_microphone_hears(with_microphone, heard):
    """At the model's rate, all of it and in order."""
    script = """
        const [seconds, done] = arguments
        import('./audio.js').then(async ({ Recorder }) => {
            const recorder = await Recorder.start(16000, () => {})
            await new Promise(resolve => setTimeout(resolve, 1000 * seconds))
            done([...await recorder.stop()])
        }).catch(error => done(error.message))"""
    found = np.array(with_microphone.driver.execute_async_script(script, 4))
    assert 3.5 * RATE < len(found) < 5 * RATE
    whole, part = heard[1], found[RATE : 3 * RATE]
    lag = scipy.signal.correlate(whole, part, "valid", "fft").argmax()
    assert np.corrcoef(whole[lag : lag + len(part)], part)[0, 1] > 0.9
