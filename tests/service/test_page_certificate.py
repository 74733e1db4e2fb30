"""The phone page over https, with a certificate of one's own."""

import shutil
import ssl
import subprocess
import urllib.request

import pytest

from mvs_lib.service import browser_runtime
from mvs_lib.service.phone_page import PhonePage, check_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a self-signed certificate of localhost, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is missing, which would make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    command += ["-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


def test_with_a_certificate_it_is_served_over_https(fitted, tmp_path, certificate, monkeypatch):
    monkeypatch.setattr(browser_runtime, "folder", lambda: tmp_path)
    fitted.save(tmp_path / "places")
    encoder = tmp_path / "places" / "encoder.onnx"
    trusted = ssl.create_default_context(cafile=certificate[0])
    with PhonePage(fitted, encoder, "127.0.0.1", 0, *certificate) as page:
        assert page.address == f"https://127.0.0.1:{page.port}/"
        address = f"https://localhost:{page.port}/encoder.onnx"
        with urllib.request.urlopen(address, context=trusted) as reply:
            assert reply.read() == encoder.read_bytes()


def test_a_certificate_that_cannot_be_used_is_told(tmp_path, certificate):
    missing, odd = tmp_path / "missing.pem", tmp_path / "odd.pem"
    odd.write_text("no PEM")
    for files in ((missing, None), (odd, odd), (certificate[0], odd), (certificate[0], None)):
        with pytest.raises(ValueError, match=r"cannot be used .*: give a PEM file, and its key"):
            check_certificate(*files)
    with pytest.raises(ValueError, match="a key needs its certificate"):
        check_certificate(None, certificate[1])
    check_certificate(None, None)
    check_certificate(*certificate)
