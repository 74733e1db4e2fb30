import subprocess
import sys

import pytest

from mvs_lib import __main__ as command_line
from mvs_lib.__main__ import COMMANDS


def test_help_names_every_command_and_loads_none(mvs):
    code = (
        "import sys; sys.argv = ['mvs_lib', '--help']; import mvs_lib.__main__ as m\n"
        "try: m.main()\n"
        "finally: print(sorted(n for n in sys.modules if n.split('.')[0] in ('numpy', 'torch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    for name, summary in COMMANDS.items():
        assert name in done.stdout
        assert summary in done.stdout


def test_without_a_command_there_is_help_and_status_2(here):
    status, said, _ = here()
    assert status == 2
    assert "demo" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main([name, "--help"])
    assert ended.value.code == 0
    assert f"python -m mvs_lib {name}" in capsys.readouterr().out


def test_an_unknown_command_is_bad_usage(mvs):
    done = mvs("dmeo")
    assert done.returncode == 2
    assert "invalid choice: 'dmeo' (choose from" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("no bits"), 1, "lab: no bits\n"),
        (FileNotFoundError("no file x"), 1, "lab: no file x\n"),
        (PermissionError(13, "Permission denied", "demo"), 1, "lab: demo: Permission denied\n"),
        (OSError(28, "No space left on device"), 1, "lab: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 130, "\nlab: interrupted; what was finished is kept.\n"),
    ],
)
def test_what_goes_wrong_is_one_line(here, monkeypatch, error, status, said):
    from mvs_lib.commands import lab

    def run(options):
        raise error

    monkeypatch.setattr(lab, "run", run)
    assert here("lab") == (status, "", said)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch):
    from mvs_lib.commands import lab

    monkeypatch.setattr(lab, "run", lambda options: {}["missing"])
    with pytest.raises(KeyError):
        command_line.main(["lab"])


def test_a_missing_package_sends_to_the_doctor(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "mvs_lib.commands.bench", None)
    status, _, said = here("bench", "campus")
    assert status == 1
    assert said.startswith("bench: the package ")
    assert "python -m mvs_lib doctor" in said


def test_a_reader_who_has_seen_enough_is_no_error():
    code = (
        "import sys; from mvs_lib import __main__ as m; from mvs_lib.commands import lab\n"
        "lab.run = lambda options: [print('line', flush=True) for _ in range(100000)] and 0\n"
        "sys.exit(m.main(['lab']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "line\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
