"""A tiny notebook source, in a folder of its own."""

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest
SAMPLE = '''
# %% [markdown]
# # A sample
# It promises little.

# %%
import numpy as np
print("one")
print("two")

# %% [markdown]
# ### Exercise 0.1

# %%
def distance(a, b):
    """Exercise 0.1: count the bits in which two codes differ.

    Both are uint8 ``(n, bytes)``.
    """
    ### BEGIN SOLUTION
    differing = np.bitwise_count(a ^ b)
    return differing.sum(-1)
    ### END SOLUTION

# %%
from mvs_lib.course.check import check
check("0.1", distance)

# %% tags=["solution"]
print(distance(np.uint8([[3]]), np.uint8([[0]])))

# %% tags=["panel"]
import ipywidgets
slider = ipywidgets.IntSlider(description="bits", value=8)
slider

# %% tags=["raises-exception"]
raise KeyError("on purpose")
'''


@pytest.fixture
def course(tmp_path):
    """Return a folder of notebooks with one source, and a way to add others."""
    (tmp_path / "source").mkdir()

    def write(name, text):
        (tmp_path / "source" / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")

    write("00_sample", SAMPLE)
    return SimpleNamespace(folder=tmp_path, write=write)


README = Path(__file__).parents[2] / "notebooks" / "source" / "README.md"


@pytest.fixture
def example(course):
    """Add the guide's complete example as notebook 00, with one exception: it has one exercise."""
    text = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)[1]
    course.write("00_sample", text)
    (course.folder / "source" / "exceptions.toml").write_text(
        '[[exception]]\nnotebook = "00_sample"\ngate = "exercises"\n'
        'reason = "one exercise is enough here"\n'
    )
    return course
