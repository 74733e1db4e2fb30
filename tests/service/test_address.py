"""The address in the local network, and QR codes that a camera can read."""

import socket

import cv2
import numpy as np

from mvs_lib.service import address

URL = "http://192.168.1.20:8000/"
LETTERS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}  # upper, lower half: is it light?


def test_a_terminal_s_qr_code_can_be_read():
    lines = address.qr_text(URL).splitlines()
    halves = np.array([[LETTERS[letter] for letter in line] for line in lines], np.uint8)
    light = halves.transpose(0, 2, 1).reshape(2 * len(lines), -1)
    picture = np.kron(255 * light, np.ones((8, 8), np.uint8))
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == URL


def test_the_svg_says_what_it_is():
    svg = address.qr_svg(URL)
    assert svg.startswith("<svg ") and f"<title>QR code of {URL}</title>" in svg


def test_the_address_is_one_of_this_machine():
    found = address.in_network()
    if found is not None:
        with socket.socket() as probe:
            probe.bind((found, 0))


def test_without_a_network_there_is_none(monkeypatch):
    def unreachable(*_):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert address.in_network() is None
