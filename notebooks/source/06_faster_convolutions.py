# %% [markdown]
# # Faster convolutions: the same answer with fewer multiplications
# Your network of notebook 03 finds the place, and multiplies thirty-five million times for it.
# Most of these multiplications say nearly the same thing. Here you take the layers apart, with
# singular values, with columns and rows, with four thin layers in the place of one, and see each
# time what you save, what you lose, and whether the processor notices.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 90 | notebook 03: a hash network; notebook 02: singular vectors | count what a layer costs; split a matrix and a convolution, and say what is lost; keep what a layer says instead of its weights; tell multiplications from milliseconds |

# %%
import numpy as np
import torch

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.compress.cost import cost, layer_costs
from mvs_lib.compress.folding import folded
from mvs_lib.course.check import check, finish, use

# %% [markdown]
# ## The end result first
# Below is SSDH's network on the campus as it was trained, and as this notebook's methods leave it:
# measured, not estimated. A dot is a network, and on the right you see the best ones apart; the
# ring marks the one that multiplies least and loses less than a point of MAP. Those that are called
# *taught on* learned on afterwards, the ringed one three times, and learning on helps by itself:
# the last line is the whole network, which learned on once. (Every figure of this notebook that is
# not computed here comes from `python -m mvs_lib bench compress`.)
# %%
from mvs_lib.course.compression_chart import compression_chart
from mvs_lib.course.figure import show, show_images, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.datasets import campus
from mvs_lib.deep import checkpoint

# %%
measured = [row for row in report.load("compress")["rows"] if row["net"] == "campus"]
fewer = [
    row
    for row in measured
    if row["method"] == "original"
    or (row["macs_ratio"] > 1.05 and not row["method"].startswith("looked up"))
]

# %%
good = [row for row in fewer if row["map"] >= row["map_before"] - 0.01]
best = max(good, key=lambda row: row["macs_ratio"])
figure, alt = compression_chart(fewer, "multiplications", best)
show(figure, alt=alt)
print(f"{best['method']}: {best['macs_ratio']:.1f} times fewer multiplications, MAP", end=" ")
print(f"{best['map']:.3f} (before {best['map_before']:.3f})")
control = next(row for row in measured if row["method"].startswith("taught on"))
print(f"{control['method']}: MAP {control['map']:.3f}")

# %% [markdown]
# ## What does a layer cost?
# A convolution slides $T$ filters of $d \times d$ over an image of $S$ channels (a stride of 2
# visits every second pixel), and each filter makes an image of what it finds. A normalisation
# behind it gives each of the $T$ channels the mean 0 and the spread 1, and a rectifier lets nothing
# below 0 pass. Each output is made of $S d^2$ numbers. With $H \times W$ outputs a filter:
#
# | In symbols | In words |
# |---|---|
# | $T S d^2$ | weights, which must be stored and fetched |
# | $T S d^2 H W$ | multiplications with their additions (MACs), which must be done |
#
# ### Exercise 6.1 · 10 min
# Count the MACs of a convolution with padding: a square input of `size` pixels a side and a stride
# leave $\lceil \text{size} / \text{stride} \rceil$ outputs a side.


# %%
def convolution_macs(size, inputs, outputs, kernel, stride):
    """Exercise 6.1: the multiply-accumulates of one photo; five whole numbers -> one."""
    ### BEGIN SOLUTION
    side = -(-size // stride)
    return side**2 * inputs * outputs * kernel**2
    ### END SOLUTION


# %%
check("6.1", convolution_macs)

# %% [markdown]
# And this is where our network spends them. First we fold the normalisations into the layers before
# them, as every phone does: a scale and a shift a channel, which the weights and the bias can hold.

# %%
network, _ = checkpoint.load(paths.checkpoints() / "campus_ssdh_48.safetensors")
network = folded(network)
one = torch.zeros((1, 128, 128, 3), dtype=torch.uint8)
costs = layer_costs(network, one)
for name, each in costs.items():
    print(f"{name:22} {each.parameters:8,} numbers {each.macs:11,} MACs")
print(f"{'all':22} {cost(network, one).parameters:8,} numbers {cost(network, one).macs:11,} MACs")

# %% [markdown]
# The convolutions do nearly all of the work, more than half of it in the two of stride 1. The last
# two of them and the vector layer hold most of the numbers. So *faster* is about the former, and
# *smaller*, in notebook 07, about the latter. (The classifier stays at home: a phone sends bits.)

# %%
convolution_macs = use("6.1", convolution_macs)
yours = convolution_macs(16, 64, 64, 3, 1)
print("you count as the library does:", yours == costs["trunk.stages.3.body.0"].macs)

# %% [markdown]
# ## A matrix as two thin ones
# We begin with the simplest case, a linear layer. In our network it does less than a hundredth of
# the work; in AlexNet such layers hold nearly all of the weights. It is a matrix $W$ of $n \times
# m$. Its singular values say how much it does in each of its directions; if many of them are small,
# most of the work is for little (Denton and others, 2014).
#
# | In symbols | In words |
# |---|---|
# | $W = U S V^\top$ | turn, stretch, turn |
# | $W_r = (U_r S_r)\, V_r^\top$ | keep $r$ directions: two layers, $r (n + m)$ numbers instead of $n m$ |
# | $\lVert W - W_r \rVert^2 = \sum_{i > r} s_i^2$ | what is lost is what was left out; no rank-$r$ matrix loses less |
#
# ### Exercise 6.2 · 15 min
# Return the best matrix of rank $r$.


# %%
def two_layers(weights, rank):
    """Exercise 6.2: the best product of that rank; real (n, m) and a number -> real (n, m)."""
    ### BEGIN SOLUTION
    u, s, v = np.linalg.svd(weights, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ v[:rank]
    ### END SOLUTION


# %%
check("6.2", two_layers)

# %% [markdown]
# Try it on the trunk's vector layer, 768 values to 256. We count the share of the weights' energy,
# the sum of their squares, that is lost, and, which is another thing, the share of what the layer
# *says* of the queries' photos.

# %%
from mvs_lib.compress.reconstruction import responses
from mvs_lib.compress.svd import split_linear

two_layers = use("6.2", two_layers)
split = campus.load(progress=False)
photos = torch.from_numpy(split.source.images[::5])
asked = torch.from_numpy(split.query.images[::5])
layer, name = network.get_submodule("trunk.vector.1"), "trunk.vector.1"
seen, (read, said) = responses(network, name, photos)[0], responses(network, name, asked)
weights, said = layer.weight.detach(), said - layer.bias.detach()


def lost(other):
    """The shares of the weights' and of the outputs' energy that another matrix loses."""
    other = other.to(weights)
    left = weights - other, said - read @ other.T
    return [float((a**2).sum() / (b**2).sum()) for a, b in zip(left, (weights, said), strict=True)]


# %%
ranks = (8, 16, 32, 64, 128)
plain = [lost(torch.from_numpy(two_layers(weights.numpy(), rank))) for rank in ranks]
weighted = []
for rank in ranks:
    first, second = split_linear(layer, rank, seen)
    weighted.append(lost((second.weight @ first.weight).detach()))

# %%
figure, axes = subplots(figsize=(6.4, 3))
for values, which, label in (
    (plain, 0, "of the weights"),
    (plain, 1, "of what is said"),
    (weighted, 1, "of what is said, data known"),
):
    axes.plot(ranks, [round(100 * pair[which], 1) for pair in values], "o-", label=label)
axes.set(xlabel="directions that are kept, of 256", ylabel="lost, %", xscale="log", xticks=ranks)
axes.set_xticks(ranks, [str(rank) for rank in ranks])
axes.legend()
show(figure, alt="Share lost by rank: least where the split knows what the layer reads.")

# %% [markdown]
# The lowest curve is the same split with one thing more in mind: what the layer will *read*,
# learned from source photos and measured on queries, which it has not seen. Directions that no
# photo has may go wrong at no cost. This is a pattern of the whole notebook: the weights are a
# means, the answers are the end.
#
# With $C$ the mean of $x x^\top$ over what is read, the mean error of what is said is
# $\lVert (W - W')\, C^{1/2} \rVert^2$. So take the singular values of $W C^{1/2}$ and undo the root
# behind them; `root` and `back` are these two.

# %%
show_source(split_linear, docstring=False)

# %% [markdown]
# ## Columns and rows
# A filter of $3 \times 3$ that is a column times a row can be used one after the other: three
# multiplications and three instead of nine. (A blur is: $\frac1{16} (1, 2, 1)^\top (1, 2, 1)$.) Few
# filters of a network are so; some are nearly so.
#
# ### Exercise 6.3 · 15 min
# Find the column and the row whose product differs least from the filter, in the sum of squares.
# Give both the same norm, and the sign with which the column's sum is not negative.


# %%
def column_and_row(kernel):
    """Exercise 6.3: the nearest product of a column and a row; real (d, d) -> real (2, d)."""
    ### BEGIN SOLUTION
    u, s, v = np.linalg.svd(kernel)
    column, row = u[:, 0] * np.sqrt(s[0]), v[0] * np.sqrt(s[0])
    sign = -1.0 if column.sum() < 0 else 1.0
    return np.stack([sign * column, sign * row])
    ### END SOLUTION


# %%
check("6.3", column_and_row)

# %%
column_and_row = use("6.3", column_and_row)
first = network.get_submodule("trunk.stages.1.0").weight.detach().numpy()
some = [first[k, 1] for k in (0, 5, 11, 17, 23, 29)]  # the green channel of six filters
products = [np.outer(*column_and_row(kernel)) for kernel in some]
limits = [max(np.abs(a).max(), np.abs(b).max()) for a, b in zip(some, products, strict=True)]
grey = [127.5 * (1 + a / limit) for a, limit in zip(some + products, limits * 2, strict=True)]
titles = ["filter"] * 6 + [
    f"{100 * (1 - ((a - b) ** 2).sum() / (a**2).sum()):.0f} % kept"
    for a, b in zip(some, products, strict=True)
]
show_images(
    [np.kron(each, np.ones((8, 8))).astype(np.uint8) for each in grey],
    titles,
    "Six filters of five by five, and below each the nearest column times row.",
)

# %% [markdown]
# Jaderberg and others (2014) do not treat filters one by one. Their second scheme learns $K$
# vertical filters over all channels, then horizontal ones over the $K$: $K d (S + T)$
# multiplications a pixel instead of $S T d^2$, at stride 1. Sort the four axes of the weights into
# a matrix of (channel, row) by (filter, column), and you are back at exercise 6.2.

# %%
from mvs_lib.compress.low_rank import separable

show_source(separable, docstring=False)

# %% [markdown]
# ## Four thin layers
# Lebedev and others (2015) go one step further: a sum of $R$ outer products of *four* vectors, one
# an axis. The layer becomes a $1 \times 1$ convolution, a column, a row, and a $1 \times 1$
# convolution, $R (S + 2 d + T)$ multiplications a pixel. There is no singular value decomposition
# for four axes. One may improve one factor after another, which is simple, and can creep for
# hundreds of rounds; or all at once, by damped Gauss-Newton steps, as the authors do and the
# library does. Here is a sum that we have made ourselves. Does each of three starts find it?

# %%
from mvs_lib.compress.cp import fit_cp, outer_sum

generator = torch.Generator().manual_seed(6)
truth = [torch.randn(n, 10, generator=generator).double() for n in (24, 16, 3, 3)]
tensor = outer_sum(truth)
for seed in range(3):
    found = fit_cp(tensor, 10, starts=1, random_state=seed)
    error = float((tensor - outer_sum(found)).norm() / tensor.norm())
    print(f"start {seed}: {'found' if error < 1e-6 else 'not found'}")

# %% [markdown]
# ## Fewer filters, and the errors of others
# Zhang and others (2016) look at what a layer *says*. At every place it says $T$ numbers; over
# many places and photos these lie near a space of fewer dimensions. So let $k$ filters compute the
# coordinates in that space, and a $1 \times 1$ convolution give back the $T$ numbers. Two ideas
# make it work in a deep network. What comes next is a rectifier, so errors below zero do not
# matter. And a layer behind compressed ones reads something else than it was made for: fit it to
# what the *whole* network would say, given what it will *really* read, and it makes up for the
# errors before it.
#
# | In symbols | In words |
# |---|---|
# | $y_i$ | what the layer says in the whole network |
# | $\hat y_i$ | what its filters say of what they really read |
# | $\min_{M, b} \sum_i \lVert r(y_i) - r(M \hat y_i + b) \rVert^2$, rank $M \le k$ | the mixture of $k$ filters whose rectified answers come nearest |
#
# A rectifier inside a square is hard to minimise at once. So values $z_i$ stand in for
# $M \hat y_i + b$, and two easy problems take turns: the best $M$ for the $z_i$, and the best
# $z_i$, number by number, which minimise $(r(y) - r(z))^2 + \lambda (z - \hat z)^2$, where $\hat z$
# is what $M$ says now and $\lambda$ grows to 1. The best $z$ is one of two: one below zero (`off`),
# or one above (`on`).

# %%
from mvs_lib.compress.asymmetric import asymmetric, auxiliary

show_source(auxiliary, docstring=False)
wide = [name for name in costs if name.startswith("trunk.stages") and not name.endswith("1.0")]
ranks = {name: network.get_submodule(name).out_channels // 3 for name in wide}
with torch.no_grad():
    wanted = network(asked).projection
chains, errors = {}, {}
for kind, symmetric in (("symmetric", True), ("asymmetric", False)):
    chains[kind] = asymmetric(network, ranks, photos[::20], symmetric=symmetric)
    with torch.no_grad():
        errors[kind] = float((chains[kind](asked).projection - wanted).square().mean())
print("each layer knows of the errors before it, and the codes err less:", end=" ")
print("yes" if errors["asymmetric"] < errors["symmetric"] else "NO")

# %% [markdown]
# ## Learn on, but normalised
# What was taken apart can learn on: a few epochs, and the thin layers find an agreement of their
# own. But we have folded the normalisations away, and without them a network of this depth learns
# slowly. So before it learns they are put back, and at first say nothing: each takes the mean and
# the spread of what passes there out, and puts them in again. Then the network learns as it once
# did, and they are folded away once more. What has learned can be taken apart again: in two goes,
# with learning in between, a network gives up more filters than in one.

# %%
from mvs_lib.compress.folding import unfolded

trained, _ = checkpoint.load(paths.checkpoints() / "campus_ssdh_48.safetensors")
chain = chains["asymmetric"]
back = unfolded(chain, trained, photos[::20])
with torch.no_grad():
    difference = (back(asked).projection - chain(asked).projection).abs().max() / wanted.std()
print("normalised again, and it says the same:", "yes" if difference < 1e-3 else "NO")

# %% [markdown]
# ## Turn the dial
# Every dot of the panel is a network that was made, written to a file, run and measured; there is
# nothing in between. *Taught on* is what you have just read. The number in a name is what was asked
# of the five inner convolutions, of their multiplications or, for CP, of their weights; the whole
# network saves less. *Responses*: fitted to what layers say. *Symmetric*: each layer fitted as if
# those before it were whole. Two names are new. *Separable basis* is Jaderberg's first scheme: a
# few rank-one filters for all channels, mixed by a $1 \times 1$ convolution. *Biclustered* is
# Denton's for convolutions: channels that are used alike are grouped, and each block of groups is
# split by singular vectors.
#
# **Predict** before you turn it. (1) Which loses more at half of the multiplications, columns and
# rows, or fewer filters? (2) What does teaching the network on, after it was taken apart, bring?

# %% tags=["panel"]
from mvs_lib.widgets.compression_dial import CompressionDial

panel = CompressionDial(fewer)
panel

# %%
panel.gain.value = "multiplications"
for panel.method.value in ("separable", "fewer filters", "CP"):
    for number in range(1, panel.strength.max + 1):
        panel.strength.value = number
        print(panel.summary())

# %% [markdown]
# Columns and rows that were fitted to the weights lose more; fitted to what layers say, they lose
# less. And teaching on gives nearly everything back, sometimes more than was lost, since the whole
# network would have learned from it, too. One method does not take to it: CP, four layers deep
# where one was. At a third of the weights it gets worse at the rate that suits the others, at a
# sixth it stays behind them. Its authors used a smaller rate, and say that it is delicate.
#
# ## Multiplications are not milliseconds
# The papers count operations, and so did we. But a processor that multiplies sixteen numbers at a
# time waits for memory more often than for itself, and thin layers give it little to do at once.
# Both axes of the next figure are measured, the vertical one in ONNX Runtime on one thread, the
# way a phone runs the network.

# %%
figure, axes = subplots(figsize=(6.4, 3.2))
axes.plot([row["macs_ratio"] for row in fewer], [row["time_ratio"] for row in fewer], "o")
most = max(row["macs_ratio"] for row in fewer)
axes.plot([1, most], [1, most], "--", color="black", label="as promised")
axes.set(xlabel="times fewer multiplications", ylabel="times as fast, measured")
axes.legend()
show(
    figure,
    alt="Measured speed-up against saved multiplications, with a line for those that keep their word.",
)

# %%
below = [row for row in fewer if row["time_ratio"] < 0.9 * row["macs_ratio"]]
print(f"{len(below)} of {len(fewer) - 1} networks are more than a tenth slower than promised")

# %% [markdown]
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("06")

# %% [markdown]
# ## Summary
# - A layer costs what it multiplies, most where maps are still large and channels already many; what
#   it stores is another matter.
# - The singular value decomposition is the best split there is of a matrix's weights, and says what
#   it loses.
# - A convolution can become columns and rows, by singular values, or four thin layers, which have no
#   closed form and are found step by step.
# - Keep what a layer says, not its weights; behind a rectifier, given what it will really read. Then
#   let the network learn on, with its normalisations.
# - Count multiplications to compare methods, measure milliseconds to choose one.
#
# ## On a real phone
# A phone's vector units are narrower and its caches smaller than those before you, so that the gap
# between multiplications and milliseconds may be another there. Measure on the phone; notebook 08
# shows how.
#
# ## Next
# The file has shrunk on the way, too. Notebook 07 is about nothing else.

# %%
finish("06")
