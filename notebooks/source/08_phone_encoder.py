# %% [markdown]
# # The phone: where the time, the bytes and the battery go
# Your network is trained, and small. Now it moves onto a phone: into a process that has never heard
# of torch, onto devices that are not on your desk, over networks with bars missing. Some of this
# can be measured here, some can only be predicted, and the difference is the point of this
# notebook: every predicted time of a network comes with its error bar. At the end you hold up a
# real phone.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 100 | notebooks 06 and 07: what a layer costs, a small file | put a network into one file that phone, browser and server run alike; measure time and memory without fooling yourself; plan the memory of a network and stream a layer larger than it; fit a device to published timings and say how wrong the fit is; tell what a query costs the battery, and why |

# %%
import tempfile
from pathlib import Path

import numpy as np
import torch

from mvs_lib.benchmarks import phone, report
from mvs_lib.codes import unpack
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.figure import PALETTE, show, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.course.timeline_chart import timeline_chart
from mvs_lib.datasets import campus
from mvs_lib.deep import encode
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import PhoneGraph

# %% [markdown]
# ## The end result first
# Two ways to ask where you are, from a phone of 2014 on a network of its time: by six bytes of
# code, and by the photo. The first bar has a piece that the second lacks, since the phone has to
# think before it sends; the thin line at its end is how wrong we may be about that piece. (The
# search is left out here. Nobody has listed the Mate 7's own chip: another of its year stands in
# for it, and the thin line knows nothing of that.)
# %%
from mvs_lib.phone.network_costs import measured_cost
from mvs_lib.phone.simulation import simulate

network, small = phone.campus_networks()
split = campus.load(progress=False)
cost = measured_cost(network, torch.from_numpy(split.query.images[:1]))
nothing = cost._replace(macs=0, weight_bytes=0, activation_bytes=0)
asked = simulate("Huawei Mate 7", "3G", cost, payload=6, search_ms=0)
sent = simulate("Huawei Mate 7", "3G", nothing, payload=60_000, search_ms=0)
show(*timeline_chart({"6 bytes of code": asked, "a photo of 60 kB": sent}))

# %% [markdown]
# ## One file for every phone
# A phone has no torch, and should not need it. What it gets is a graph in the ONNX format that
# takes a photo of 128 × 128 pixels, RGB bytes, and gives code bytes. Normalising, thresholding and
# packing are inside, so that nobody can do them differently: not the phone, not the browser, not
# the server. Decoding a photo and shrinking it to a square are outside; whoever does them must do
# them alike, and the page below does it by a script of its own for that reason.

# %%
show_source(PhoneGraph.forward, docstring=False)

# %%
folder = Path(tempfile.mkdtemp())
files = phone.campus_files(network, small, split.source.images, folder)
some = split.query.images[::20]
for name, (file, made_of) in files.items():
    codes, expected = Encoder(file).encode_pixels(some), encode(made_of, some)
    differ = int((unpack(codes, 48) != unpack(expected, 48)).sum())
    said = "at most one in 1,000" if differ <= 0.001 * expected.size * 8 else "more"
    print(f"{name:19} {file.stat().st_size:9,} bytes; bits that torch has otherwise: {said}")

# %% [markdown]
# Three files of one network, and one of its compressed version. The second computes in 8 bits, and
# more of its bits differ. The third is the first one *packed*: the same weights, deflated, which
# hardly helps. The last is the compressed network of notebook 07, packed: few weights, of few
# values, and so few bytes.
#
# ## Measure as if you were your own rival
# A time is easy to get wrong. The first photo pays for loading; the next ones find everything warm;
# with more threads you measure a desktop, not a phone; and the memory of a process holds whatever
# else it has done. So each figure below comes from a fresh process on one thread, with only the
# libraries in it: *cold* is the file and the first photo, the others are medians and 90th
# percentiles of fifty. (`python -m mvs_lib bench phone` measured them; memory is what is added to
# the libraries' own.)

# %%
rows = report.load("phone")["rows"]
print(f"{'':24} {'bytes':>9} {'MAP':>6} {'cold':>9} {'median':>9} {'90 %':>9} {'memory':>8}")
for row in (row for row in rows if row["net"] == "campus" and "median_ms" in row):
    times = "".join(f"{row[name]:7.2f} ms" for name in ("cold_ms", "median_ms", "p90_ms"))
    memory = row["peak_bytes"] / 1e6
    print(f"{row['method']:24} {row['bytes']:9,} {row['map']:6.3f}{times} {memory:5.1f} MB")

# %% [markdown]
# Nearly thirty times fewer bytes in the file than in the first row; but against *packed*, which is
# unpacked and run in the same way, the time is the same: what is unpacked is as large as ever. Its
# remedy is in notebook 06. (The first row and the third are one network. Their times tell how far
# such a figure may be off, even when measured with care.) The memory holds more than the network
# needs: the runtime's own tables, weights that it has put in another order to be quick on this
# processor, and room that it keeps for the next photo. The last row is the same file opened *lean*,
# without the last two: some megabytes less, for nearly twice the time. What does the network itself
# need?
#
# ## What must be in memory at once?
# A layer reads one tensor and writes another. A tensor is needed from the layer that writes it to
# the last one that reads it; what is needed at the same time must lie beside each other, and
# nothing else must. Rallapalli and others (2016) got YOLO into a Jetson board by such counting, and
# by splitting its linear layers.
#
# ### Exercise 8.1 · 15 min
# Given each tensor's bytes and its first and last layer, both included and counted from 0, below
# how many bytes can no plan go? Return one whole number. (A plan may need more; ours reaches it.)


# %%
def least_memory(sizes, first, last):
    """Exercise 8.1: the largest sum of bytes alive at one layer; whole numbers (n,) each."""
    ### BEGIN SOLUTION
    layers = np.arange(last.max() + 1)[:, None]
    alive = (first <= layers) & (layers <= last)
    return int((alive * sizes).sum(1).max())
    ### END SOLUTION


# %%
check("8.1", least_memory)

# %%
from mvs_lib.phone.memory_plan import buffers, naive_bytes, plan, weight_bytes

least_memory = use("8.1", least_memory)
needed = buffers(files["exported"][0])
sizes, first, last = (
    np.array([getattr(each, name) for each in needed]) for name in ("bytes", "first", "last")
)
placed = plan(needed)

# %%
figure, axes = subplots(figsize=(6.4, 3))
for each, offset in zip(needed, placed.offsets, strict=True):
    axes.broken_barh(
        [(each.first, each.last - each.first + 1)],
        (offset / 1e3, each.bytes / 1e3),
        facecolors=PALETTE[0],
        edgecolor="white",
        alpha=0.7,
    )
axes.set(xlabel="step of the graph", ylabel="place in memory, kB")
show(figure, alt="Each tensor a bar from its first to its last step, at its place in memory.")
print(f"weights {sum(weight_bytes(files['exported'][0]).values()):,} bytes")
print(f"activations: {naive_bytes(needed):,} bytes if all are kept, {placed.bytes:,} as planned,")
print(f"and no plan needs less than {least_memory(sizes, first, last):,}")

# %% [markdown]
# The memory is filled to its top in the first steps, where the photo has become numbers of four
# bytes and the first layers answer in large pictures; later tensors are slivers. Weights and
# activations together are a fraction of what the process took above: the rest is the runtime's.
#
# For our network, the weights are the larger part. For a network of AlexNet's shape with 48 bits
# they are 229 megabytes, nearly all of them in its large linear layers, and each of those weights
# is used once a photo. So why keep them?
#
# ### Exercise 8.2 · 15 min
# Multiply a matrix, `weights` (n, m), by a vector, `x` (m,), looking at no more than `step` rows
# together; the last chunk may be shorter. Return (n,). (The check sees only the answer; whether you
# looked at one chunk at a time is between you and the cell.)


# %%
def in_chunks(weights, x, step):
    """Exercise 8.2: weights @ x by chunks of rows; real (n, m), (m,) and a number -> real (n,)."""
    ### BEGIN SOLUTION
    parts = [weights[start : start + step] @ x for start in range(0, len(weights), step)]
    return np.concatenate(parts)
    ### END SOLUTION


# %%
check("8.2", in_chunks)

# %% [markdown]
# The library does so with a file that is *mapped*: the system fetches a page when it is touched,
# and takes it back when told. Here is what that brings for a network of AlexNet's shape, measured;
# the paper that the survey follows reports 74.65 MB for AlexNet by another way, looking up.

# %%
from mvs_lib.phone import streamed_table

large = [row for row in rows if row["net"] == "AlexNet's shape" and row.get("peak_bytes")]
whole = [row for row in large if row["method"].startswith("ONNX Runtime, whole")]
streamed = [row for row in large if row["method"] == "streamed" and not row["pipelined"]]

# %%
ordinary = [row for row in whole if row["options"] == "as it is"]
for row in (*ordinary, min(whole, key=lambda each: each["peak_bytes"])):
    print(f"{row['method']}, {row['options']}:", end=" ")
    print(f"{row['peak_bytes'] / 1e6:.0f} MB, {row['median_ms']:.0f} ms")
for row in streamed:
    print(f"streamed, {row['chunk_bytes'] / 2**20:g} MiB at a time:", end=" ")
    print(f"{row['peak_bytes'] / 1e6:.0f} MB, {row['median_ms']:.0f} ms", end=" ")
    print(f"({row['cold_ms']:.0f} ms from the disk)")
best = min(row["peak_bytes"] for row in streamed)
print(
    f"less than the paper's {streamed_table.PAPER_BYTES / 1e6} MB: {best < streamed_table.PAPER_BYTES}"
)

# %% [markdown]
# (That is what is added to the process with its libraries; the paper does not say what its figure
# holds.) Smaller chunks than a megabyte spare nothing more: what is left are the convolutions,
# which take some 30 MB by themselves. And there is a price: all those weights are read again for
# each photo, from the system's cache if it has room, and otherwise from the disk.
#
# ## A device in three numbers
# You do not have a Snapdragon 810 here. But the makers of ncnn, a library for phones, have measured
# many networks on one, with one thread, and published the milliseconds. They are that library's:
# our file runs in ONNX Runtime, and another library may be several times slower on the same phone.
# So trust the ratio of two networks more than milliseconds. Suppose that a device needs a fixed
# time for each multiplication, for each byte of weights, and for each byte that layers read and
# write:
#
# | In symbols | In words |
# |---|---|
# | $t = \frac{2\,\text{MAC}}{G} + \frac{W}{B_w} + \frac{A}{B_a}$ | arithmetic, fetching weights, moving what layers say |
# | $\min_{G, B_w, B_a} \sum_i \left(\frac{t_i - \hat t_i}{\hat t_i}\right)^2$ | the three numbers that come nearest to the measured $\hat t_i$, in relative terms |
#
# ### Exercise 8.3 · 20 min
# A row of `costs` (n, 3) is a network: its operations, bytes of weights, bytes of activations, each
# in some unit. Find what a unit of each takes, $1/G$, $1/B_w$ and $1/B_a$, in milliseconds, in that
# order. Least squares of the *relative* errors, please; never mind if one comes out negative (the
# library allows none below 0).


# %%
def milliseconds_a_unit(costs, milliseconds):
    """Exercise 8.3: what a unit of each cost takes; real (n, 3) and (n,) -> real (3,)."""
    ### BEGIN SOLUTION
    return np.linalg.lstsq(costs / milliseconds[:, None], np.ones(len(costs)), rcond=None)[0]
    ### END SOLUTION


# %%
check("8.3", milliseconds_a_unit)

# %% [markdown]
# A fit looks best on what it was fitted to. So leave one network out, fit to the others, and
# predict the one that was left out; then the next. The ratios of predicted and measured times are
# the honest error, and the worst of them on either side make the error bar: with ratios from 0.5 to
# 1.25, a predicted 10 ms may be anything from 10 / 1.25 = 8 to 10 / 0.5 = 20. A new network that is
# like the $n$ known ones lies inside such a bar $n - 1$ times in $n + 1$.

# %%
from mvs_lib.phone.devices import DEVICES, latency_model

figure, axes = subplots(figsize=(6.4, 3.4))
timed = [name for name, each in DEVICES.items() if each.timed and not each.stand_in]
for place, name in enumerate(timed):
    for network, ratio in latency_model(name).ratios.items():
        alexnet = network == "AlexNet"
        axes.plot(ratio, place, "s" if alexnet else "o", color=PALETTE[int(alexnet)], alpha=0.6)
axes.axvline(1, color="black", linewidth=1)
axes.set(xscale="log", xlabel="predicted time / measured time, network left out")
axes.set_xticks([0.3, 0.5, 0.7, 1, 1.4, 2], ["0.3", "0.5", "0.7", "1", "1.4", "2"])
axes.minorticks_off()
axes.set_yticks(range(len(timed)), [f"{name} ({DEVICES[name].year})" for name in timed])
show(figure, alt="Ratios of predicted and measured times, a row a device; a square is AlexNet.")

# %%
for name in timed:
    model = latency_model(name)
    print(f"{name:20} {len(model.ratios):2} networks, ", end="")
    print(f"typical error {100 * model.typical_error:3.0f} %")

# %% [markdown]
# The square is AlexNet: far too short a prediction on most devices. No other network in the list
# has so many weights for so few multiplications, so that without it nothing tells the fit what a
# weight costs. A model knows what it has seen. On the two newest chips it has seen five networks
# only, and errs by far more. And one network is in no fit: VGG-16 does not fit into a small phone's
# memory, and on nearly all other chips is 1.4 to 2.5 times as fast as predicted, since ncnn has a
# short cut for its convolutions. So even these errors flatter.
#
# ## The software of 2016
# Wu and others (2016) report 2.93 seconds for AlexNet on a Huawei Mate 7, and 0.95 by looking up
# (notebook 07). From these two we get what that software did in a second, and how much slower an
# operation is when it looks up. Now take another machine, their i7. Given what the *plain* network
# took there, what should looking up take?

# %%
from mvs_lib.phone.published_timings import timings

for row in (row for row in rows if row["method"].startswith("2016")):
    print(f"{row['device']:14} {row['method'][6:]:19} said {row['predicted_ms']:7.1f} ms,", end=" ")
    print(f"measured {row['measured_ms']:7.1f}: {100 * row['error']:+.0f} %")
tuned = timings("RK3288").milliseconds["AlexNet"]
print(f"ncnn on an RK3288, whose core is like the Mate 7's, measured: {tuned:.0f} ms")

# %% [markdown]
# The first two lines fit by construction. The third is a test, and it holds; but it is one, and the
# plain networks of the two machines were not run by the same software, so that some of it may be
# luck. (YOLO's line is no prediction but a bound: the board at its data sheet's peaks, which nobody
# reaches.) The last line is the sobering one. On a core of the same class, a library that uses the
# vector units runs the *uncompressed* network in a third of the time that looking up took. Before
# you change the network, look whether the software is in the way.
#
# ## The air
# ### Exercise 8.4 · 10 min
# A payload takes a round trip, and its bits at the uplink's rate. How many milliseconds?


# %%
def send_milliseconds(size, up_kbit_per_s, round_trip_ms):
    """Exercise 8.4: until a payload is sent and the answer is back; bytes, kbit/s, ms -> ms."""
    ### BEGIN SOLUTION
    return round_trip_ms + 8.0 * size / up_kbit_per_s
    ### END SOLUTION


# %%
check("8.4", send_milliseconds)

# %%
from mvs_lib.phone.processor_energy import least_joules
from mvs_lib.phone.radio import RADIOS, send_energy

send_milliseconds = use("8.4", send_milliseconds)
print(f"{'':25} {'time until the answer':>19} {'radio':>13}")
print(f"{'':25} {'6 bytes':>9} {'60 kB':>9} {'6 bytes':>9} {'60 kB':>9}")
for name, each in RADIOS.items():
    times = [send_milliseconds(n, each.up_kbit_per_s, each.round_trip_ms) for n in (6, 60_000)]
    cells = "".join(f"{time:7.0f} ms" for time in times)
    if each.power:
        cells += "".join(f"{send_energy(each, n):8.2f} J" for n in (6, 60_000))
    print(f"{name:25}{cells}" + ("" if each.power else "  no model"))
print(f"the network's arithmetic and weights, at the least: {1000 * least_joules(cost):.1f} mJ")

# %% [markdown]
# On a slow network, a photo takes seconds where a code takes a round trip. From 4G on, a code is
# all round trip, and what it spares against a photo is less than a tenth of a second. And the
# battery? Look at LTE: a code and a photo cost nearly the same, because the radio stays awake for
# many seconds after the last byte, its *tail*. (By the model of Huang and others, 2012; its
# coefficients are quoted from memory here, see `mvs_lib.phone.radio`.) Beside that the network's
# own arithmetic is nothing: even a hundred times that floor would be. Who wants to spare the
# battery there does not shorten the code, but asks less often, or several questions at once. Wi-Fi
# has hardly a tail: there a photo does cost several codes, and the arithmetic would show.
#
# ## Turn it all
# **Predict** before you choose. (1) On which network does the phone's own work first show in the
# bar? (2) On a phone of 2023, does it show on any? (3) Which encoder makes the answer wrong first
# when you spoil the photo? (Nothing is known of 8 bits on the oldest phones: take one from the
# Snapdragon 821 on.) Our photos are 128 pixels wide and take 3 kB; a phone's own would take 60. The
# memory was measured on a desktop.

# %%
from mvs_lib import paths
from mvs_lib.service.demonstration import prepare
from mvs_lib.service.simulated_query import Variant
from mvs_lib.widgets.phone_simulator import PhoneSimulator

recognizer, _ = prepare(
    split.source, paths.checkpoints() / "campus_ssdh_48.safetensors", progress=False
)
peaks = {
    row["method"]: row["peak_bytes"]
    for row in rows
    if row["net"] == "campus" and "median_ms" in row
}

# %% tags=["panel"]
variants = {
    name: Variant(Encoder(file), cost, file.stat().st_size, peaks[name], name == "8 bits")
    for name, (file, _) in files.items()
}
panel = PhoneSimulator(recognizer, split.source, split.query, variants)
panel

# %%
panel.photo.value = 40
for panel.device.value, panel.network.value in (
    ("Huawei Mate 7", "2G"),
    ("Snapdragon 855+", "LTE"),
):
    for panel.variant.value in ("exported", "compressed, packed"):
        print(panel.summary())

# %% [markdown]
# (1) On LTE the Mate 7's work is a visible piece of the bar; on Wi-Fi it is most of it. (2) On
# Wi-Fi alone. (3) One photo tells little, try several; over all queries the MAP of the table above
# tells.
#
# ## A real phone
# The same ONNX file runs in a browser. `python -m mvs_lib serve` opens a page for every phone in
# your network: point it at the QR code that it prints, take a photo of a campus photo on this
# screen, and see six bytes arrive. The page sends nothing else; its source is in
# `mvs_lib/service/web/`, short scripts and one page, no framework. To have the QR code in this
# notebook, run this cell with `serve = True`.

# %%
serve = False
if serve:
    from IPython.display import SVG, display

    from mvs_lib.service.phone_page import PhonePage

    page = PhonePage(recognizer, files["exported"][0])
    print(page.address)
    display(SVG(page.qr_svg()))

# %% [markdown]
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("08")

# %% [markdown]
# ## Summary
# - One graph holds the encoder, from RGB bytes to code bytes, and phone, browser and server run it:
#   with 32-bit numbers they agree, in 8 bits nearly.
# - Measure in a fresh process, on one thread, cold and warm apart; give medians, and what memory is
#   above what.
# - Tensors that do not live together may share memory; layers larger than the memory may stay in
#   their file.
# - Three numbers a device predict most networks within a third where ten were timed, and far worse
#   on the newest chips; leave-one-out says when not to believe them.
# - A code spares seconds on slow networks; on fast mobile ones the round trip, and for the battery
#   the radio's tail, are what is left.
#
# ## On a real phone
# If you have served the page, you have just seen one. What the simulation lacks are heat, a clock
# that the system turns down, and other apps: measure on the device before you promise anything.
#
# ## Next
# Six bytes have arrived at the server. Notebook 09 finds their neighbours among ten million others.

# %%
finish("08")
