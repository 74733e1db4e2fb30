import collections
import hashlib
import io
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from phone_photos import jpeg, photos
from PIL import Image

from mvs_lib.datasets.photos import read
from mvs_lib.deep import encode
from mvs_lib.phone.encoder import Encoded, Encoder, seal
from mvs_lib.phone.packing import pack


def test_pixels_give_the_codes_of_the_network(exported):
    network, path = exported(13)
    encoder = Encoder(path)
    assert (encoder.bits, encoder.size) == (13, 32)
    images = photos(150, seed=4)
    codes = encoder.encode_pixels(images)
    assert codes.dtype == np.uint8 and codes.shape == (150, 2)
    assert np.bitwise_count(codes ^ encode(network, images)).sum() <= 0.001 * 150 * 13


def test_a_lean_encoder_gives_the_same_bits(exported, tmp_path):
    network, path = exported(13)
    pack(path, tmp_path / "encoder.packed")
    images = photos(150, seed=4)
    expected = encode(network, images)
    for file in (path, tmp_path / "encoder.packed"):
        codes = Encoder(file, lean=True).encode_pixels(images)
        assert np.bitwise_count(codes ^ expected).sum() <= 0.001 * 150 * 13


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing(encoder_file, batch_size):
    encoder, images = Encoder(encoder_file), photos(20, seed=5)
    codes = encoder.encode_pixels(images, batch_size=batch_size)
    assert np.array_equal(codes, encoder.encode_pixels(images))


def test_no_photos_no_codes(encoder_file):
    assert Encoder(encoder_file).encode_pixels(photos(0)).shape == (0, 2)


def test_turned_and_read_only_arrays_do_as_well(encoder_file):
    encoder, images = Encoder(encoder_file), photos(6, seed=6)[::-1, ::-1]
    images.flags.writeable = False
    assert np.array_equal(encoder.encode_pixels(images), encoder.encode_pixels(images.copy()))


def test_image_bytes_are_read_as_the_data_set_reads_them(encoder_file):
    encoder = Encoder(encoder_file)
    for image in photos(10, size=96, seed=7):
        content = jpeg(image[:, :80])
        answer = encoder.encode(content)
        assert isinstance(answer, Encoded) and len(answer.code) == 2
        expected = encoder.encode_pixels(read(content, size=32)[None])[0]
        assert answer.code == expected.tobytes()
        assert answer.decode_ms > 0 and answer.network_ms > 0


def test_a_lossless_file_of_the_right_size_is_the_pixels(encoder_file):
    encoder, image = Encoder(encoder_file), photos(1, seed=8)[0]
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    assert encoder.encode(file.getvalue()).code == encoder.encode_pixels(image[None])[0].tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"rubbish", "no JPEG, PNG or WebP"), (jpeg(photos(1)[0])[:300], "cut off")],
)
def test_what_is_no_photo_is_refused(encoder_file, content, message):
    with pytest.raises(ValueError, match=message):
        Encoder(encoder_file).encode(content)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 32, 32, 3)),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((2, 64, 64, 3), np.uint8),
        np.zeros((2, 3, 32, 32), np.uint8),
    ],
)
def test_other_pixels_are_refused(encoder_file, wrong):
    with pytest.raises(ValueError, match=r"takes photos uint8 \(n, 32, 32, 3\), got"):
        Encoder(encoder_file).encode_pixels(wrong)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_bad_batch_sizes(encoder_file, batch_size):
    with pytest.raises(ValueError, match="batch_size must be >= 1"):
        Encoder(encoder_file).encode_pixels(photos(2), batch_size=batch_size)


def test_it_runs_on_one_thread(encoder_file):
    options = Encoder(encoder_file)._session.get_session_options()
    assert options.intra_op_num_threads == options.inter_op_num_threads == 1


# The file


def test_the_seal_is_a_valid_end_of_an_onnx_file(encoder_file):
    content = encoder_file.read_bytes()
    model, end = content[:-76], content[-76:]
    assert end == seal(model) and len(end) == 76
    sealed, plain = onnx.load_from_string(content), onnx.load_from_string(model)
    entry = sealed.metadata_props.pop()
    assert (entry.key, entry.value) == ("sha256", hashlib.sha256(model).hexdigest())
    assert sealed == plain


def test_every_truncation_is_refused(encoder_file, tmp_path):
    path, whole = tmp_path / "encoder.onnx", encoder_file.read_bytes()
    for length in (*(len(whole) * share // 10 for share in range(10)), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not an encoder of this course"):
            Encoder(path)


def test_every_altered_byte_is_refused_or_harmless(encoder_file, tmp_path):
    """ONNX Runtime alone runs most of these, with other weights and other codes."""
    path, whole = tmp_path / "encoder.onnx", encoder_file.read_bytes()
    random, images = np.random.default_rng(0), photos(20, seed=10)
    expected = Encoder(encoder_file).encode_pixels(images)
    tail = range(len(whole) - 80, len(whole))
    reasons = collections.Counter()
    for position in [*random.integers(0, len(whole), 100), *tail]:
        altered = bytearray(whole)
        altered[position] ^= 1 << int(random.integers(8))
        path.write_bytes(altered)
        try:
            encoder = Encoder(path)
        except ValueError as error:
            reasons["altered" if "was altered" in str(error) else "unreadable"] += 1
        else:  # the seal itself was broken, what it seals was not
            assert position >= len(whole) - 76
            assert np.array_equal(encoder.encode_pixels(images), expected)
            reasons["harmless"] += 1
    assert reasons["altered"] >= 100 + 64 and reasons["harmless"] <= 12


def test_a_file_without_a_seal_is_accepted(encoder_file, tmp_path):
    """As other exporters of the course write it: nothing is promised, nothing is checked."""
    path = tmp_path / "encoder.onnx"
    path.write_bytes(encoder_file.read_bytes()[:-76])
    assert Encoder(path).bits == 13


def test_foreign_files_are_refused(encoder_file, tmp_path):
    path = tmp_path / "encoder.onnx"
    for content in (b"", b"hello", bytes(1000), jpeg(photos(1)[0])):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not an encoder of this course"):
            Encoder(path)
    model = onnx.load(encoder_file)
    del model.metadata_props[:]
    onnx.save(model, path)
    onnxruntime.InferenceSession(str(path))  # a network, but not one of ours
    with pytest.raises(ValueError, match="not an encoder of this course"):
        Encoder(path)


def test_missing_files_are_refused(tmp_path):
    for path in (tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(FileNotFoundError, match="export one with export_onnx"):
            Encoder(path)


def test_the_encoder_runs_where_torch_cannot_be_imported(encoder_file):
    image, expected = photos(1, seed=11), Encoder(encoder_file)
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from mvs_lib.phone.encoder import Encoder\n"
        "image = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(1, 32, 32, 3)\n"
        "print(Encoder(sys.argv[1]).encode_pixels(image)[0].tobytes().hex())\n"
        "assert sys.modules['torch'] is None and 'onnx' not in sys.modules\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(encoder_file)],
        input=image.tobytes(),
        capture_output=True,
        check=True,
    )
    assert answer.stdout.decode().strip() == expected.encode_pixels(image)[0].tobytes().hex()
